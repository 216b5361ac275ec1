"""Names, places, labels and numbers that `bench.deidentification_generated` puts into its templates."""

from __future__ import annotations

COMMON_GIVEN = "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Susan Karen Daniel Nancy"
COMMON_FAMILY = "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Wilson Anderson Taylor Moore"
# Names of many peoples, written from memory, in Latin letters.
WORLD_GIVEN = """
Chukwuemeka Oluwaseun Thabo Nomvula Kwabena Akosua Tariro Wanjiru Odhiambo Ifeoma Amadou Fatoumata Sione Tevita Leilani
Thuy Phuong Somchai Sokha Kanya Venkatesh Subramani Lakshmi Aïssatou Giorgi Nino Tigran Anahit Iñaki Nerea Siobhán
Caoimhe Llewelyn Angharad Þórdís Jökull Päivi Jyrki Özlem Gülşen Tuğba Małgorzata Zbigniew Krzysztof Xochitl Itzel
Cuauhtémoc Yaretzi Abdulrahman Khadija Mahmoud Zaynab Rukhsana Tariq Nazanin Farzad Bolormaa Batbayar Aigerim Nursultan
Dilnoza Malika Kealoha Nākoa Tāne Marama Ayelet Yehuda Shlomo Rivka Jean-Baptiste Marie-Claire Anne-Sophie Mei-Ling
Xiaoyan Wei-Chen Hyun-woo Soo-jin Takeshi Haruka Jo-Ann D'Andre La'Keisha Ngozi Sipho Lindiwe Tendai Hamisi Zuhura
"""
WORLD_FAMILY = """
Okonkwo Adeyemi Nkosi Dlamini Mwangi Otieno Mutasa Traoré Keita Ndiaye Diallo Mbeki Tuilagi Fonoti Kahananui Nguyen
Wattanasin Chanthavong Venkataraghavan Chattopadhyay Mukhopadhyay Beridze Kvaratskhelia Petrosyan Etxeberria Goikoetxea
O'Shaughnessy Ó'Briain Ní'Dhonnchadha Llywelyn Guðmundsdóttir Sigurjónsson Hämäläinen Väisänen Yıldırım Çetinkaya
Wojciechowski Szczepański Brzęczyszczykiewicz Xolocotzi Huitzilopochtli Al-Hashimi el-Sayed Abu-Khalil Daneshvar
Ganbaatar Nurmagambetov Yuldasheva Kamakawiwo'ole Te-Kanawa Ben-Shalom Rosenzweig St.-Pierre Beaulieu-Tremblay
Ouyang-Reyes Garcia-Ibarra Fitzwilliam-Darcy Smith-Okafor Zhao Hsieh Kwon Yamashita D'Ambrosio McAllister-Boyd DeSantis
VanderMeer Mbatha-Raw Tsegaye Gebremariam Haile-Mariam Ranasinghe Wickramasinghe Rajapaksa Phommavong Tjandrawinata
"""
# Names that are words.
WORD_GIVEN = "Grace Faith Mark Rose Dawn Iris Hope Jade Pearl Ivy Violet Rich Will Frank Chase Hunter Summer Autumn Sky"
WORD_FAMILY = "Field Brook Stone Waters Winter Young Rivers Banks Wood Marsh Fields Bishop Knight Porter Lake Hill"
SYLLABLES = "ba be bri cha da del du fe fra ga gri ha jo ka kel ko la lin lo ma mi mo na nel no pe qui ra ri ro sa "
SYLLABLES += "sha so ta te tho u va ve vo wa we xi ya zo zu"
ENDINGS = "k n r s th v wicz ski nen dez oglu yan shvili sson ko va lis ngton mba deh ju"
TOWN_ENDS = "ton ville burg ford field dale port wick ham bury mouth haven"
HOSPITALS = """
{0} General Hospital|St. {0}'s Hospital|{0} Memorial Hospital|{0} Medical Center|{0} Regional Medical Center|Mount {0}
Hospital|{0} Family Practice|{0} Clinic|University of {0} Hospital|{0} Community Health Center|{0} Cancer Institute|Our
Lady of {0} Hospital|{0} Children's Hospital|{0} & Sons Nursing Home|{0} Heart Center|{0} Veterinary and Medical Clinic
"""
LABELS = """
MRN:|MRN|MRN #|Medical Record Number:|Acct #|Account number|Chart #|Chart no.|Case no.|Case number:|Visit ID|Visit #|
Encounter:|Encounter number|Medicare ID|Medicaid no.|Policy no.|Policy number|Member ID:|Insurance ID|Group no.|Claim #|
Patient ID:|Hospital number|Hosp no|Unit no.|NHS number|Health card no.|Lab accession|Specimen ID|Sample no.|Serial no.|
Device serial|DEA|NPI|License no.|Driver's license|Passport no.|SSN|Study ID|Subject no.|Referral no.|Admission no.|
FIN|CSN|PAN|EMPI|EID|URN|Hosp #|Ref:|Rx number|order #|Prior auth|Invoice|Ticket|Booking ref|record no|file no
"""
SHAPES = "####### ###### ########## #####-## ##-##-## @@###### @#####-# @@-##### @@@#####@ ##/##### ###-###-### #####@ "
SHAPES += "######### #@#@#@## @###### ####-#### H-###-@@ @@@-####-## #####"
SURNAMES_ZH = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
RARE_ZH = "蔺逄亓仝郗缪竺鞠瞿芮羿逯郝戚晏诸霍柏莘臧隋辜郜鄢佘宓阚蓝岑卞"
WORDS_ZH = "于方白安常时成和温万金石高江水云叶雷龙洪"
COMPOUND_ZH = "欧阳 司马 上官 诸葛 皇甫 尉迟 令狐 慕容 公孙 夏侯 司徒 端木 呼延 东方"
GIVEN_ZH = (
    "建国伟芳秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂玉萍红梅鹏辉云飞雪晨子涵梓轩诗琪若曦浩然俊熙欣怡思远一诺沐宸奕辰"
)
RARE_GIVEN_ZH = "弈骞翀赟昶旻珩斐湜彧堃喆煊祎嫒姮羲钧烁冉澍笙筠芊蘅懿恺铎桓岚峤岑溪"
TOWNS_ZH = "广州市 合肥市 绵阳市 昆山市 常德市 宜宾市 泉州 洛阳 邯郸 南充 大理 盐城 湘潭市 阜阳市"
HOSPITALS_ZH = "{0}第一人民医院|{0}中医院|{0}妇幼保健院|{0}市立医院|仁和医院|康宁医院|瑞康诊所|同德医院|{0}肿瘤医院"
LABELS_ZH = """
病案号：|住院号：|住院号|门诊号|登记号：|就诊卡号：|病历号|医保卡号：|床号：|身份证号：|检查号：|标本号|条码号：|病理号：|影像号|
ID号：|档案号：|社保号|ID：|登记号|病人ID：|流水号：|报告单号|诊疗卡号|保单号|就诊号：|申请单号：|患者编号|健康卡号|MRN：
"""

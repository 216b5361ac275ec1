"""Templates and name pools of `bench.deidentification_generated`.

A slot is `{kind}`, or `{kind.low}` in lower case. Kinds of the first person: n full name, g given name, s surname,
i given name and initial, r "Surname, Given", b the same with the surname in capitals. Of others: m, o full name, e
given name. Further: p town, h hospital, d date, t telephone, x record number with a label.
"""

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

ENGLISH = (
    # queries
    "What is the recommended dose of apixaban for {n}, a 71-year-old man with atrial fibrillation ({x})?",
    "Is it safe to give Keppra to {i}, 34F, seen at {h} on {d}?",
    "Differential diagnosis for acute chest pain in {n} ({x}), who lives in {p}?",
    "Can my patient {s} take Augmentin with warfarin? INR was 2.8 on {d}.",
    "How should we manage DKA in a 19 yo female, {i}, admitted to {h} ({x})?",
    "Patient {n}, {x}, has Hashimoto's thyroiditis and BRCA1 mutation; which screening applies?",
    "Treatment options for Crohn's disease in {n}'s case, followed at {h} since {d}",
    "Best antibiotic for {n}? 55M from {p}, allergic to penicillin.",
    "Please summarise the ECG of {m} and the MRI of {n} from {d}.",
    "Drug interactions between metformin and Lasix for pt {n} ({x}).",
    "Should {n} receive tPA? NIHSS 12, onset two hours ago.",
    "Guidance on tapering prednisone for {n} with polymyalgia rheumatica, {x}, last seen in {p}.",
    "Should we repeat the Holter for {s}? Troponin was negative at {h}.",
    "Need ICD-10 code for {n}: Parkinson's disease, stage 2, {x}.",
    # letters
    "Dear Dr. {s}, thank you for referring {m}, who was seen at {h} on {d}.\n\nYours sincerely,\n{n}",
    "Re: {n}, DOB {d}, {x}\n\nDear Colleague,\nI reviewed this pleasant lady in clinic. Kind regards,\nDr {m}",
    "RE: {b}\n{x}\nDear {m},\nYour results are back. Hemoglobin 13.2 g/dL, TSH normal.\nBest wishes,\n{e}",
    "Discharge summary\nName: {n}\n{x}\nAdmitted: {d}\nAttending: {m}, MD\nMr. {s} was admitted with pneumonia.",
    "DISCHARGE SUMMARY for {r} ({x}). Dictated by {m}, MD. Hospital course: Ms. {s} did well on Lovenox.",
    "I had the pleasure of seeing {n} today. {g} works as a teacher in {p} and denies tobacco use.",
    "{n} is a 62-year-old woman with Graves disease. {g} was started on methimazole by {m} at {h}.",
    "{n} was admitted to {h} on {d} with sepsis. She was treated with Zosyn and improved.",
    "This letter confirms that {n} attended {h} on {d}. Signed, {m}, RN",
    "Thank you for asking me to see {n}. I agree with {m} that Mr {s} needs a Whipple procedure.",
    "cc: {m}, {n}; {h}",
    "Attending physician {n} and resident {m} discussed the plan with the family.",
    # nurse notes
    "0730: {s} c/o nausea, given Zofran 4 mg IV. {m} RN notified. BP 138/82.",
    "Pt {s} resting comfortably. Daughter {e} at bedside, phone {t}.",
    "Handover from {e} to {o}: bed 12, {n}, {x}, NPO after midnight.",
    "Received report from {m}. {g} ambulated x2, pain 3/10. Foley removed.",
    "Spoke with {n}'s son {e} at {t} re: discharge to {p}.",
    "Wound care done by {m}; {s} tolerated well. Called {o} for orders.",
    "{n} fell in the bathroom at 0300. {m}, LPN, found her. No injuries.",
    "Family meeting w/ {n}, wife {e}, and {o} (social worker).",
    "Blood drawn by {m}. Sample labelled {n}, {x}.",
    "Med rec completed with {e}, who is the patient's neighbor; {g} takes Coumadin and Synthroid.",
    # chat
    "Hi, my name is {n} and I have had a headache for three days. Should I take Tylenol?",
    "hello this is {g} again, i still have the rash, my number is {t}",
    "My daughter {e} has a fever of 39.5, we live in {p}. Her doctor is {m}.",
    "I'm {n}, 45, diagnosed with lupus last year at {h}. Is Plaquenil safe?",
    "My husband, {n}, was told by Dr. {o} that he needs a stent. Second opinion?",
    "Thanks so much!\n{g}",
    "Can I get a refill of Lexapro? {n}, {x}, {t}",
    "Good morning, {n} here. My mother {e} has Alzheimer's disease and wanders at night.",
    "{g} here, I saw {m} at {h} and she said my A1c is 7.9",
    "Could you tell {m} that {e} feels better? - {n}",
    # forms
    "Patient: {n}   Sex: F   {x}   Ward: 4B   Consultant: {m}",
    "Name: {r} | {x} | Tel: {t} | City: {p}",
    "Emergency contact: {n} (sister), {t}",
    "Referring provider: {m}\nPatient name: {n}\nHospital: {h}\nDate of visit: {d}",
    "Surgeon: {n}. Assistant: {m}. Anesthesiologist: {o}. Procedure: laparoscopic cholecystectomy.",
    "{b}, 67M, {x}, STEMI s/p PCI, on Plavix.",
    "Mother's name: {n}; father's name: {m}; pediatrician: {o}",
    "Witness: {n}, Interpreter: {m}, Next of kin: {e} ({t})",
    "Consent obtained from {n} by {m} on {d}.",
    'Pathology ({x}): received from {h}, labelled "{n}", a skin ellipse.',
    # lower case
    "pt {n.low} {x} c/o sob, hx copd",
    "my son {e.low} has asthma and uses albuterol",
    "dr {s.low} said i should stop the metoprolol",
    "patient {n.low}, 55m, dx t2dm, seen at {h.low}",
    "this is {n.low}, can you call me at {t}",
    "please schedule {n.low} for mri on {d}",
    # without identifiers, with what looks like them
    "Does Wolff-Parkinson-White syndrome respond to Adenocard in patients with Ebstein anomaly?",
    "In the EMPEROR-Preserved trial (NCT03057951) Jardiance reduced hospitalisation.",
    "Start Eliquis 5 mg BID; stop Xarelto. Check CBC, CMP and HbA1c in 12 weeks. ICD-10 I48.91.",
    "Is Bactrim or Macrobid better for a urinary tract infection in a pregnant woman?",
    "Platelets 145000, creatinine 1.32, eGFR 54, NT-proBNP 1450, troponin 0.04.",
    "Humira, Enbrel and Stelara are biologics; Child-Pugh B and Fontan patients were excluded.",
    "Mutations in TP53, KRAS G12D and PIK3CA were found; rs1801133 was heterozygous.",
    "What does a Wells score of 4.5 mean? Homans sign was positive. Kernig and Brudzinski negative.",
    "Charcot-Marie-Tooth disease type 1A is caused by PMP22 duplication; see OMIM 118220.",
    "Pfizer and Moderna vaccines: can I take Advil before? Dexcom G7 readings were 180 mg/dL.",
)

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
CHINESE = (
    # outpatient and ward notes
    "患者{n}，男，45岁，因“反复胸闷3天”于{d}来我院就诊。{x}。",
    "{n}，女，62岁，{x}，高血压病史10年，口服硝苯地平控释片。",
    "姓名：{n} 性别：女 年龄：38岁 {x} 联系电话：{t}",
    "患者姓名：{n}，{x}，主管医师：{m}。入院诊断：2型糖尿病。",
    "病人{n}今晨体温38.5℃，予布洛芬口服，{m}医生已知。",
    "{n} 男 56岁 农民 {p}人 {x} 主诉：腹痛2天。",
    "今日查房，{m}主任医师看过患者后指出：{n}目前诊断明确，继续抗感染治疗。",
    "患儿{n}，2岁，由母亲{e}代诉，发热伴咳嗽1天。",
    "产妇{n}于{d}顺产一男婴，母子平安。责任护士{m}。",
    "{n}（{x}），女，29岁，停经40天，B超示宫内早孕。",
    "兹证明{n}同志于{d}在{h}住院治疗，建议休息两周。医师：{m}",
    "转诊单：{n}，男，71岁，由{h}转来，心功能III级。",
    "手术记录：术者{m}，助手{o}，患者{n}，行腹腔镜胆囊切除术。",
    "患者{n}家属{e}签署知情同意书，电话{t}。",
    "会诊意见：{n}患者肺部感染，建议头孢曲松2g qd。会诊医师{m}",
    "出院小结：{n}，男，50岁，{d}入院，{x}，诊断冠心病。",
    "病史由患者之子{e}提供。{n}平素体健，否认青霉素过敏史。",
    "{d} 08:30 {m}医师查房记录：患者{n}诉头晕好转。",
    "患者{n}女士，{x}，因乳腺结节复查，{h}钼靶示BI-RADS 3类。",
    "{n}先生，您好：您{d}的体检报告已出，血糖偏高，请到内分泌科就诊。",
    "护理记录：3床{n}夜间安静入睡，{m}巡视。",
    "接诊医生：{m}　患者：{n}　{x}　诊断：急性胃炎",
    "{n},男,33岁,{x},ALT 120 U/L,HBsAg阳性。",
    "电话随访{n}（{t}），服用阿托伐他汀后无肌痛。",
    "门诊病历 {n} 女 44岁 {d} 反酸烧心半年，胃镜示反流性食管炎。",
    "抢救记录：患者{n}突发室颤，{m}、{o}立即予电除颤。",
    # patients' questions
    "医生您好，我叫{n}，今年28岁，最近总是失眠，怎么办？",
    "我妈妈{n}，65岁，在{h}查出甲状腺结节，需要手术吗？",
    "我父亲叫{n}，家住{p}，糖尿病十年了，可以吃二甲双胍吗？",
    "请问{m}医生什么时候出诊？我是{n}的女儿。",
    "我是{n}，上次在{h}找{m}主任看的，药快吃完了，我的电话是{t}。",
    "孩子叫{n}，三岁，发烧39度，在{p}，要不要去医院？",
    "本人{n}，男，35岁，{x}，乙肝小三阳，想咨询一下治疗方案。",
    "您好，我老公{n}昨天在{h}做了心脏支架，{m}大夫说要吃氯吡格雷。",
    "你好，{m}医生，我是上周来的{n}，咳嗽还没好。",
    "我奶奶{n}今年78岁，脑梗后遗症，{m}教授开了丁苯酞。",
    "帮我朋友{n}问一下，她怀孕三个月，感冒了能吃药吗？",
    "谢谢{m}医生，{n}的病好多了。",
    "我爷爷姓名{n}，{x}，胃癌晚期，还能化疗吗？",
    "我同事{n}查出HPV16阳性，应该挂什么科？",
    # without identifiers
    "高血压患者常感头晕，严重时应及时就医，方法包括低盐饮食和适当运动。",
    "霍奇金淋巴瘤与克罗恩病的治疗方案不同，应用糖皮质激素时注意血糖。",
    "患者经常感冒，常见原因是免疫力低下，建议口服维生素C和金银花。",
    "请问石斛和白芷可以一起吃吗？温度高的时候怎么保存？",
    "幽门螺杆菌阳性，四联疗法：雷贝拉唑、阿莫西林、克拉霉素、枸橼酸铋钾。",
    "患者平时常年干咳，高热，双侧胸痛，白细胞15.2×10^9/L，CRP 120000。",
    "医生建议做胃镜，家属同意，患者安静休息，明显好转。",
    "马上要手术了，张力性气胸严重吗？成人和老人用药有什么不同？",
    "女，36岁，全身乏力，诊断方面考虑桥本甲状腺炎，TSH 12.5。",
    "患者，男，60岁，因高血糖于当地医院就诊，方式为单纯口服格列美脲。",
)

# Written when the rules were done with the templates above, and run before anyone looked at a miss.
ENGLISH_FRESH = (
    "Could {n} ({x}) switch from lisinopril to losartan? Cough since {d}.",
    "58F {i} w/ newly diagnosed MS, referred by {m} from {h}; is Tecfidera first line?",
    "What imaging is indicated for {n} who presented to {h} with syncope on {d}?",
    "I am caring for {n}, an 80-year-old resident of {p} with Lewy body dementia.",
    "In reviewing {n}'s labs from {h}, potassium was 6.1. Kayexalate?",
    "Our patient {n}, {x}, developed Stevens-Johnson syndrome after Bactrim.",
    "Given the history of Barrett's esophagus, when should {n} have the next EGD? {x}.",
    "On {d}, {n} underwent a left hemicolectomy performed by {m} at {h}.",
    "It was a pleasure to meet {n} and his wife {e} in our Marfan clinic.",
    "I would be grateful if you could review {n} of {p}, whose seizures persist on Keppra.",
    "Yours faithfully\n\n{n}\nConsultant Neurologist\n{h}",
    "PATIENT: {n}\nDOB: {d}\n{x}\nREFERRING: {m}\nINDICATION: rule out PE",
    "Primary care provider: {m}\nSubjective: {n} reports worsening knee pain.",
    "Discharged home in stable condition; {n} will follow up with {m} in 2 weeks at {h}.",
    "Mr {s} and Mrs {s} were counselled about Huntington disease. Their son {e} declined testing.",
    "2200 - {s} pulled out IV. MD {m} aware. Mitts applied. Sister {o} called {t}.",
    "Shift note: {g} refused lunch, drank 200 ml Ensure. {e} visited.",
    "Assisted {s} to the bathroom x3. Fall risk. {m}, CNA",
    "Report given to {m} at 1900. {s} NPO for colonoscopy, {x}.",
    "Pt's mother {e} tearful; chaplain {o} paged. {g} sedated on propofol.",
    "Is this {n}'s chart? My name is {m}, calling from {h} about {x}.",
    "Dr. {s}, it's {n}. I ran out of Zoloft and live far away, in {p}. Call me: {t}",
    "My dad {n} has been coughing blood. He is at {h} now.",
    "Hi Dr {s}! {g} is vomiting again after the amoxicillin. Thanks, {e}",
    "Can you tell my wife {e} whether Ozempic is safe? - {n}, {t}",
    "ordered by: {m} | collected: {d} | {x} | patient: {n}",
    "Next of kin: {n} ({t}). GP: {m}, {h}.",
    "Beneficiary {n}; subscriber {m}; {x}",
    "hi im {n.low} and i have gout, {x}",
    "saw {n.low} today, bp 150/90, f/u w/ dr {s.low}",
    "Kaposi sarcoma and Castleman disease are linked to HHV-8; see Rituxan label.",
    "Give Narcan 0.4 mg, then recheck. Use the Parkland formula and Lund-Browder chart.",
    "Does Imitrex interact with Prozac or Lyrica? MRI with Gadavist was normal.",
    "CYP2D6*4, HLA-B27 and FMR1 testing by Illumina NextSeq; Sanger confirmed c.1521_1523del.",
)
CHINESE_FRESH = (
    "主诉：发现血糖升高2年。现病史：{n}，女，57岁，{d}在{h}测空腹血糖9.8mmol/L。",
    "{n}，{x}，男性，68岁，退休工人，慢性阻塞性肺疾病急性加重。",
    "送检医师：{m}　患者：{n}　年龄：52岁　{x}　标本：胃窦黏膜",
    "{d}查房：{n}，术后第2天，切口无渗出，{m}副主任医师指示拔除引流管。",
    "受检者{n}，{x}，胸部CT示右肺上叶磨玻璃结节。审核医师{m}。",
    "{m}医生您好，我是患者{n}的丈夫，她{d}在{h}做的乳腺手术。",
    "新生儿{n}，生后3天，皮肤黄染，母亲{e}，联系电话{t}。",
    "交接班：12床{n}，{x}，今日予白蛋白10g静滴，由{m}负责。",
    "姓名 {n} 性别 男 年龄 49 {x} 科室 消化内科 医生 {m}",
    "现将患者{n}转往{h}进一步治疗，陪同人员：{m}、{o}。",
    "患者{n}诉夜间盗汗，体重下降5kg，{x}，结核菌素试验阳性。",
    "随访对象{n}，住址：{p}，电话{t}，服药依从性好。",
    "死亡讨论：{n}，男，81岁，主持人{m}主任，记录人{o}。",
    "申请人{n}因类风湿关节炎申请特殊用药，{x}。",
    "大夫你好，我儿子{n}今年5岁，反复扁桃体发炎，在{p}看过。",
    "我女朋友{n}吃了紧急避孕药后一直出血，{m}医生在吗？",
    "{n}，32岁，备孕，甲状腺功能减退，优甲乐怎么吃？",
    "我想挂{m}教授的号，我外婆{n}肺癌晚期，家在{p}。",
    "我叫{n}，{x}，上次{m}医生让我复查血脂。",
    "麻烦帮{n}看看报告，她是我大学同学，{h}做的彩超。",
    "表哥{n}喝酒后胸口疼，心电图正常，要紧吗？",
    "你好，我是{n}，之前{m}主任给我开的来曲唑，还要继续吃吗？",
    "孕妇{n}，孕32周，尿蛋白阳性，{x}。",
    "本人{n}承诺以上情况属实。签名：{n}　日期：{d}",
    "高尿酸血症患者应严格控制饮食，时常监测，方可避免痛风急性发作。",
    "白芍、黄芪、党参和当归可以一起煮吗？常吃有没有副作用？",
    "平时血压平稳，温度变化时明显升高，单用氨氯地平够吗？",
    "老人和儿童应当减量，成年人每日两次，连续服用七天。",
    "解放路的药店说这个药治胃痛很好，石斛颗粒也能长期喝吗？",
    "于是我就停药了，后来查血常规，白细胞和中性粒细胞都正常。",
)

# Written when the rules were done with the first fresh ones, too, and only run: nobody looked at a miss.
ENGLISH_UNSEEN = (
    "Would {n} benefit from CPAP? Seen by {m} at {h}, {x}.",
    "Risk of bleeding on Eliquis for {i}, a 77 y/o woman followed in {p} ({x})?",
    "{n}, aged 49, was brought in by ambulance after a fall in {p}.",
    "We discussed {n} at the tumour board on {d}; {m} recommended Folfirinox.",
    "Thank you for sending {n} back to {h}. {g} has healed well since surgery.",
    "Sincerely,\n{n}, MD\ncc: {m}",
    "Admission note. {n} ({x}) is a retired miner with COPD, on home oxygen, from {p}.",
    "{m} RN: {s} slept well, drain output 40 ml. Husband {e} updated by phone {t}.",
    "Code blue called for {n} in room 14; {m} led resuscitation.",
    "hey, {n} again. My boy {e} still has croup, should I come to {h}?",
    "This is {m} from {h}; please ask {n} to call {t} about {x}.",
    "Guarantor: {n} | Employer contact: {t} | {x}",
    "Interpreter {m} explained the consent form to {n} on {d}.",
    "Is {n} allowed to drive after a first seizure?",
    "Sjogren syndrome with anti-Ro antibodies: is Plaquenil or Salagen preferred?",
    "After Roux-en-Y bypass, which vitamins? Use Centrum or Bariatric Advantage?",
)
CHINESE_UNSEEN = (
    "{d}，{n}因车祸致左股骨骨折急诊入{h}，{x}。",
    "责任医生{m}已向{n}及其家属交代病情。",
    "患者基本信息：{n}／女／61岁／{x}",
    "{n}老师您好，您的病理结果（{x}）显示为良性。",
    "主管护师{m}为{n}行PICC换药，穿刺点无红肿。",
    "外院资料：{h}，{d}，{n}，头颅MRI未见异常。",
    "李医生，我女儿{n}对青霉素过敏，{m}大夫说改用阿奇霉素。",
    "我弟弟{n}在{p}打工，体检查出乙肝，{x}。",
    "我是患者家属{n}，电话{t}，想问下出院带药怎么吃。",
    "上午{m}主任带领{o}等查看{n}，考虑肺栓塞。",
    "{n}小朋友，4岁，手足口病，家住{p}。",
    "缴费人{n}，{x}，预交金2000元。",
    "白天常犯困，夜里打鼾，应该查睡眠监测吗？高枕有用吗？",
    "何时复查肝功能？经常熬夜、饮酒，方便的话请回复，多谢！",
)

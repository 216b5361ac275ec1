"""The characters that stand in Chinese names, and those that do not."""

from __future__ import annotations

from tasks.data.phi.shared.word_lists import character_set, word_set

COMPOUND_SURNAMES = word_set(
    """
    欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 宇文 长孙 司徒 夏侯 轩辕 端木 独孤 南宫 西门 百里 呼延 东郭
    澹台 公冶 宗政 濮阳 淳于 单于 太叔 申屠 钟离 闻人 赫连 歐陽 司馬 諸葛
    """
)
TRADITIONAL_SURNAMES = character_set(
    """
    付肖闫闵仝佟亓逄缪晏苟佘占褚桑仇尚蔺麦冼卓植覃戚邸巩邝仲辛敖亢闻展牟楼储靳荆逯雒陳張劉黃吳趙楊許鄧馮蕭葉鍾盧羅謝
    鄭蔣蘇賈韓閻餘潘譚廖鄒陸孫馬錢嚴賴龔萬湯喬賀顧倪龍侯邵孟邱
    """
)
# The rest of "The Hundred Family Surnames", rare ones included, without those that are hardly ever a surname in text.
HUNDRED_SURNAMES = character_set(
    """
    赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任
    袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于傅皮卞齐康伍余元顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴
    谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪
    干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷
    车侯宓蓬郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰鄂索咸籍赖卓蔺屠蒙池乔阴鬱胥苍双
    闻莘翟谭贡劳逄姬申扶堵冉宰郦雍郤璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容古易慎戈廖庾终暨居衡
    步耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯查后荆红游竺逯盖益桓
    公仉督岳帅缑亢况郈琴商牟佘佴伯赏墨哈谯笪年爱阳佟言福亓仝鄢辜隋揭麦苟肖闫付党玄丛初战邝覃芦鹿鄞兰亢
    """
) - character_set("年爱福言哈商后那家空明松井山车班秋养须师查国广终通满东利越红公益初战养步充咸")
# Surnames that are more often a word; alone they prove nothing.
WORD_SURNAMES = character_set(
    """
    于向和时应任从有同成方经管那由看单容关常解明安平文易万华相后全高白黄毛金石水冷严温汤年米连双千干能巨沙空曾都居党
    宫别国红游巢古师查利越益公盖戎计伏花史费乐皮齐康区富阳阴门甘燕栗桃元纪舒屈项祝季麻强路危江
    昌凤盛童滑荣羊惠曲封焦弓谷宁暴束幸印宿怀蒲索籍蒙池胥苍闻劳申扶堵寿边尚农柴习鱼慎衡简饶丰岳帅况琴伯赏墨
    融敖沃隆勾隐支房包查祝左井松梅柳苗章云水安米贝凌段巴牧祖景薄桂牛茹戈弘欧寇简鹿兰
    """
)
# The surnames of most people: with them, two characters between commas are a name.
MAIN_SURNAMES = character_set(
    """
    王李张刘陈赵周吴徐孙朱林郭何罗郑梁宋唐许韩冯邓曹彭肖袁蒋蔡丁魏吕沈姚卢崔陆汪杨黄胡马
    """
)
# In Faker's list of surnames, and in text nearly always something else.
NOT_SURNAMES = character_set(
    """
    由从和同那能管有以阿者但来班母都况信师求
    """
)
# Characters that do not stand in given names, or not in clinical text.
NOT_GIVEN = character_set(
    """
    有无不感诉因于现来在自出入住的了是为被把就也都还很更最又再但与及或则若果可能会要想去到从对向往给让使等后前时日月
    年天次个岁男女性病痛血压症炎药疼痒咳热烧吐泻查诊治疗们这那哪谁什么吗呢吧啊呀哦我你他她它您患者称述否认做吃喝服用
    说问看见听觉得知道没过着下里外间起开关进退送转院室科床号码手足头胸腹背腰腿脚眼耳鼻口舌喉肝肾肺脾胃肠心脏脑骨肌皮
    肤尿便汗睡眠食欲体重温度率量剂型片粒针液氧气管膜腺瘤癌癣疮毒菌虫毛发肿胀闷慌虚弱乏晕眩厥死亡伤误并且由经请需须应
    该只仅约近左右两三四五六七八十百千万零点半多少每各此其之所以而当某些已仍曾将才汤粉脉膏丸散胶囊素酸酚醇酮苷钠钾钙
    草参麦豆菜鱼虾鸡鸭猪牛羊盐糖油醋茶酒糕饼面饭蛋奶瓜茄菇苓芪芍芎归杞仲沥椒肉卜谢尼替坦唑啶吡酯酰胺氨氯氟溴碘硝磺啉
    嘧哌噻呋苯喹韦洛普布衡亢营养物类种级程期段法式样染变化质够决定均皆即遂亦怎何几打输注射切除术检验测拍照描超声电话
    氏跟再躺联系邮址地路街区县镇乡村省市医师士大夫护员主任教授
    """
)
# Characters of given names that are younger than the dictionary.
MODERN_GIVEN = character_set(
    """
    大超刚彤媛梓萱涵轩睿琪瑶玥妍嫣芮苒宸昕曦熙煜烨晗沐泽浩铭骏鑫淼焱垚悦诺依语妤姝娴婧婕婉柠桐楠棋楷榕樱珂珊琳琬璇璐瑾
    瑜瑄钰锦霏霖韵颖馨骁鸿麒麟子雨晨宇欣怡思雅诗嘉俊博皓翔辰佳彦昊菲蕾薇蓉莹萌芷若汐墨澜清源恒毅朗哲
    """
)

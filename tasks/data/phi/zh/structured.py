"""Chinese identifiers that have a shape: dates, telephone numbers, record numbers, ages over 89.

The text has been folded: digits, letters and punctuation are ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.data.phi.shared.spans import Cover, Span
from tasks.data.phi.shared.word_lists import longest_first

_NUM = "[〇零○一二三四五六七八九十廿卅]"
_MONTH = r"(?:1[0-2]|0?[1-9])\s?月"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_PART = "(?:份|初|底|末|[上中下]旬)"
_THIS = "(?:去年|今年|前年|明年|本年|同年|次年)"
_UNTIL = r"(?:\s?[-至到~—]{1,2}\s?(?:(?:(?:19|20)\d\d)?年?\d{1,2}月)?\d{1,2}\s?[日号])?"
_TIME = (
    r"(?:\s?(?:凌晨|早上|早晨|上午|中午|下午|晚上|晚|夜间)?\s?\d{1,2}"
    r"(?::\d{2}(?::\d{2})?|时(?:\d{1,2}分)?|点(?:\d{1,2}分|半)?))?"
)
_DATE = re.compile(
    rf"(?<![\d.])(?:19|20)?\d\d\s?年\s?\d{{1,2}}\s?月(?:\s?\d{{1,2}}\s?[日号])?{_UNTIL}{_TIME}"
    rf"|{_THIS}?(?<!\d){_MONTH}\s?{_DAY}\s?(?:[日号]|(?=[^\d\s个])){_UNTIL}{_TIME}"
    rf"|{_THIS}{_MONTH}{_PART}?"
    rf"|(?<!\d){_MONTH}{_PART}"
    rf"|(?:一九|二[〇零○]){_NUM}{{2}}年{_NUM}{{1,3}}月(?:{_NUM}{{1,3}}[日号])?"
    rf"|{_THIS}?(?<!{_NUM}){_NUM}{{1,2}}月(?:{_NUM}{{1,3}}[日号]|{_PART}|初{_NUM})"
    rf"|(?:农历|阴历|正月|腊月)(?:{_NUM}{{1,2}}月)?(?:初{_NUM}|{_NUM}{{1,3}})(?!个|天|次)"
    r"|[上下本这]个?(?:周|星期|礼拜)[一二三四五六日天]"
)
_PHONE = re.compile(
    r"(?<![\dA-Za-z.-])(?:(?:\+|00)?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"
    r"|(?<![\dA-Za-z.-])\(?0\d{2,3}\)?[- ]?\d{7,8}(?:\s?[-转]\s?\d{1,6})?(?!\d)"
    r"|(?<![\dA-Za-z.-])[48]00[- ]?\d{3}[- ]?\d{4}(?!\d)"
)
_PHONE_WORDS = "电话|手机|联系方式|传真|热线|座机|固话|呼机|小灵通|致电|拨打|電話|短号|分机"
_CONTACT_KEY = re.compile(
    rf"(?:{_PHONE_WORDS})(?:号码|号|是|为|:|\s|\(|改为|变更为|联系){{0,4}}(\+?\d[\d\s()/-]{{4,18}}\d)"
    r"|(?:QQ|qq|扣扣)(?:号码|号|群|是|为|:|\s){0,3}(\d{5,12})"
    r"|(?:微信|WeChat|wechat|钉钉|抖音|微博)(?:账号|号码|号|ID|是|为|:|\s|@){0,3}([A-Za-z0-9][\w-]{4,25})",
    re.ASCII,
)
# These announce a number together with a word for "number": 住院号, 病历编号, 医保卡号.
_KEYS = "|".join(
    longest_first(
        """
        病历 病案 条码 床 床位 MRN 住院 门诊 就诊 挂号 登记 医保 社保 医疗保险
        保险 保单 社会保障 银行 账户 账 帐户 帐 护照 驾驶证 驾照
        军官证 士兵证 执业 执照 资格证 标本 样本 检查 检验 影像 放射 超声 病理 条 条形 序列 设备 起搏器 植入物 批 车牌
        工 学 档案 编 患者 病人 受试者 订单 发票 处方 申请单 申请 流水 诊疗 健康 通行证 居住证 身份证 身份证件 证件 证书
        注册 报告 胃镜 肠镜 心电图 CT MR MRI X光 X线 DR B超 采血 输血 血袋 手术 入院 出院 急诊 体检 预约 商业保险 理赔
        合同 参保 个人 卡 户口 户籍 残疾证 出生证 出生医学证明 会员 就医 医嘱 病床 临床试验 随访 研究 电子健康 一卡通
        税 房产证 結婚证 结婚证 快递 单 收据 结算 取号 排队
        """
    )
)
_ID_KEY = re.compile(
    rf"(?:{_KEYS})(?:证书|证件|证明|证|卡|单|片|片子|病历|手册|账户|账|患者|档案|条)?的?"
    r"(?:号码|编号|编码|号|ID|id|No\.?|NO\.?|码|卡)[码牌]?(?:是|为|:|=|\s|\(|#|系){0,4}"
    r"([A-Za-z]{0,8}[-_]?\d[\dA-Za-z/_-]{1,30}|[A-Za-z]{1,4}-?[A-Za-z0-9-]{0,12}\d{3,20})"
    r"|(?:身份证|护照|病历|医保卡|社保卡|银行卡|就诊卡|诊疗卡|居民身份证|身份证件)(?:是|为|:|\s|\(){0,3}"
    r"([A-Za-z]{0,3}\d[\dA-Za-z-]{5,24})"
    # any other "...号:", before a number of at least five digits or of letters and digits
    r"|[\u4e00-\u9fff](?<![型批准字])(?:号码?|编号|编码)[:\s]{1,3}((?=[A-Za-z\d/-]*\d{2})[A-Za-z\d][A-Za-z\d/-]{4,24})(?![.\d])"
    r"|(?<![A-Za-z])(?:ID|id|No|NO|Id)(?:号码|号)?\.?(?:是|为|:|\s|#){1,3}([A-Za-z]{0,6}-?\d[\dA-Za-z/-]{2,24})",
    re.ASCII,
)
_ID_SHAPE = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
    r"|(?<![\dA-Za-z])[1-9]\d{5}\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}(?![\dA-Za-z])"
    r"|(?<![\dA-Za-z])\d{4}(?: \d{4}){3}(?: \d{1,3})?(?!\d)"
    r"|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·\s-]?[A-HJ-NP-Z0-9]{5,6}(?![A-Za-z0-9])"
    r"|(?<![\dA-Za-z-])[A-Z]{1,6}-?\d{5,20}(?:-\d{1,4})?(?![\dA-Za-z])"
)
_AGE = re.compile(
    rf"(?<![\d.])(9\d|1[0-2]\d)(?=\s?(?:周?岁|高龄|余岁|多岁))|(九十{_NUM}?|一百(?:零?{_NUM})?)(?=多?周?岁)|(?:享年|年龄:?\s?|年方)(9\d|1[0-2]\d)(?!\d)"
)
_POSTCODE = re.compile(r"(?:邮编|邮政编码)(?:是|为|:|\s){0,3}(\d{6})(?!\d)")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class StructuredWeights:
    """Digits that an announced number needs; effects: see en/people_weights.py."""

    # Digits behind a word that announces a number; two are a bed or a dose. -1: gold 1 wrong; +1: generated -18.
    keyed_digits: int = 3


WEIGHTS = StructuredWeights()


def find(text: str, cover: Cover) -> None:
    """Add the dates, contacts, record numbers and ages of a folded Chinese text to its cover."""
    if "月" in text or "周" in text or "星期" in text or "礼拜" in text:
        cover.extend(Span(*match.span(), "DATE") for match in _DATE.finditer(text))
    if "岁" in text or "享年" in text or "年龄" in text or "高龄" in text:
        cover.extend(Span(*match.span(match.lastindex or 0), "AGE") for match in _AGE.finditer(text))
    if not _DIGIT.search(text):
        return
    cover.extend(Span(*match.span(1), "PLACE") for match in _POSTCODE.finditer(text))
    cover.extend(_ids(text))
    cover.extend(Span(*match.span(match.lastindex or 0), "CONTACT") for match in _CONTACT_KEY.finditer(text))
    cover.extend(Span(*match.span(), "CONTACT") for match in _PHONE.finditer(text))
    cover.extend(Span(*match.span(), "ID") for match in _ID_SHAPE.finditer(text))


def _ids(text: str) -> Iterator[Span]:
    for match in _ID_KEY.finditer(text):
        group = match.lastindex or 0
        if sum(map(str.isdigit, match[group])) >= WEIGHTS.keyed_digits:
            yield Span(*match.span(group), "ID")

"""Chinese names by their position: what stands right before and right behind two to four characters.

A surname and one or two characters are a name, rare or unknown as they may be, where a form, a ward round or a greeting
puts one: behind "患者", "3床" or the beginning of a clause, and before a sex, a title, a record number or what only a
person does ("今晨", "目前", "提供").
"""

from __future__ import annotations

import re

from tasks.data.phi.shared.spans import Cover
from tasks.data.phi.shared.word_lists import longest_first
from tasks.data.phi.zh import lexicon, name_characters, people_words

_CUE = "|".join(
    longest_first(
        " ".join({*people_words.CUES, *people_words.LABELS})
        + " 证明 术者 主刀 助手 一助 二助 巡回护士 器械护士 姓名是 转诊 受检人 就诊人 收治 随访 致电 联系"
        " 诊断人 值班 亲友 闺蜜 哥们 亲戚"
    )
)
_STRONG = re.compile(rf"(?:{_CUE})(?:是|为|叫|名叫|:|\s){{0,3}}|\d{{1,3}}\+?床(?:患者|病人|:|\s){{0,3}}")
_ROLE = re.compile(r"[\u3400-\u9fff](?:人员|对象|[人员者])[:\s]{0,2}")  # "申请人", "陪同人员:"
_GREETING = re.compile(r"(?:我|这)是[^,。;!?\d]{1,8}的")  # "我是上周来的马慈"
_CLAUSE = re.compile(
    r"^\s{0,4}|[。;:!?,、(\"“\n|\]】]\s{0,4}|\s"
    r"|(?:由|找|请问?|经|遵|嘱|送|给|让|和|与|同|跟|向|为|对|将|带领|查看|挂了?|帮|谢谢|感谢|陪同|上次|之前|刚才|昨天|预约|联系)"
)
_TITLE = "|".join(people_words.HONORIFICS)
_SEX = r"\s{0,3}[,(、|/]?\s{0,3}(?:性别:?\s?)?[男女](?![性方孩儿子人士友生朋科厕])"
_NUMBERED = (
    r"\s{0,2}[(,|]\s{0,2}(?:[\u3400-\u9fff]{1,5}(?:号|号码|编号|码|ID)|ID号?|MRN|No\.?|电话|手机|\d{1,3}岁|1[3-9]\d{9})"
)
_INTRODUCED = re.compile(rf"{_SEX}|{_NUMBERED}|\s{{0,2}}\d{{1,3}}\s?岁|,(?:术后|产后|\d{{1,3}}床)")
_TITLED = re.compile(rf"\s?副?(?:{_TITLE})|患者|病人|家属|的?(?:母亲|父亲|儿子|女儿|妻子|丈夫|家长|爱人|老公|老婆)")
_ACTING = re.compile(
    "巡视|查房|签字|签名|签署|签收|提供|阅片|会诊|接诊|代诉|陪同|陪护|来电|表示"
    "|执行|交班|接班|查出|今年|负责|看看|转往|转入|承诺|声明|主持|确诊|您好|你好"
)
_DOING = re.compile(
    "|".join(
        longest_first(
            """
            最近 上周 去年 今晨 今日 今天 昨日 昨天 昨晚 今年 夜间 目前 现 平素 平时 突发 突然
            诉 自诉 主诉 来院 入院 出院 就诊
            因 于
            顺产 剖宫产 咨询 问 的病 复查 随访 术后 术前 拒绝 要求 同意 反映 否认 已知 予以 立即 体温 病情 生命体征 神志
            一般情况 精神 及其
            """
        )
    )
)
_LISTED = re.compile("[\u3400-\u9fff]{2,4}?(?:立即|予|行|查房|会诊|参加|讨论|签|到场|在场|赶到|陪)")
_STOPPED = re.compile(r"[\s,。;、.:()/|!?\d\[\]\"”A-Za-z]|$|[男女](?![性方孩儿子])")
_COMPOUND = 2  # characters of the longest surnames
_GOES_ON = re.compile("的(?!是)|在|是|和|与|及|查出|今|昨|已|问|说|称|曾|被|把|来|去|到|要|有")


def find(text: str, cover: Cover) -> None:
    """Add the names of a folded Chinese text that their position gives away."""
    for match in _STRONG.finditer(text):
        _take(text, match.end(), cover, strong=True)
    for match in lexicon.surname_starts().finditer(text):
        start = match.start()
        sure = match[0] in lexicon.sure_surnames() or text[start : start + 2] in name_characters.COMPOUND_SURNAMES
        if sure and text[max(0, start - 1) : start + 1] not in lexicon.is_word():  # not the end of "亲戚"
            _take(text, start, cover, strong=True)
    for match in _GREETING.finditer(text):
        _take(text, match.end(), cover, strong=True)
    for match in _ROLE.finditer(text):
        if ":" in match[0] or text[match.end() : match.end() + 1] in lexicon.plain_surnames():
            _take(text, match.end(), cover, strong=True)
    for match in _CLAUSE.finditer(text):
        _take(text, match.end(), cover, strong=False)


def _take(text: str, start: int, cover: Cover, *, strong: bool) -> None:
    surname = lexicon.surname_length(text[start : start + 2])
    if not surname or not cover.free(start, start + 2):
        return
    word = surname == 1 and text[start] in name_characters.WORD_SURNAMES
    phrase = word and text[start] in people_words.PREPOSITIONS
    for given in lexicon.GIVEN_LENGTHS:
        end = start + surname + given
        introduced = bool(_INTRODUCED.match(text, end))
        if len(text) < end or not _can_be_name(text, start, surname, end, strong, introduced):
            continue
        titled = bool(_TITLED.match(text, end)) and (strong or not phrase)
        acting = bool(_ACTING.match(text, end)) and (strong or not phrase)
        if introduced or titled or acting or _behind(text, end, strong, word, doubtful=phrase or (word and given == 1)):
            cover.add(start, end, "NAME")
            if text[end : end + 1] in ("、", "和", "与", "及"):  # "陪同人员: 周丽、林伟熙"
                _take(text, end + 1, cover, strong=True)
            return


def _behind(text: str, end: int, strong: bool, word: bool, *, doubtful: bool) -> bool:
    """Whether a name may end here though neither sex, title nor number follows."""
    if strong and _runs_on(text, end, word):
        return True
    if strong and (_STOPPED.match(text, end) or (not word and _GOES_ON.match(text, end))):
        return True
    if not word and text.startswith("、", end) and lexicon.surname_length(text[end + 1 : end + 1 + _COMPOUND]):
        return bool(_LISTED.match(text, end + 1))  # "郗赟岑、竺强立即予电除颤"
    if not word and text.startswith("等", end):
        return True
    return (strong or not doubtful) and bool(_DOING.match(text, end))


def _runs_on(text: str, end: int, word: bool) -> bool:
    """Whether a new word begins behind a name that nothing else closes: "患者吴奕转往"."""
    known = lexicon.is_word()
    return not word and text[end - 1 : end + 1] not in known and text[end : end + 2] in known


def _can_be_name(text: str, start: int, surname: int, end: int, strong: bool, introduced: bool) -> bool:
    """Whether a surname and what follows make no word of the language, and hold no character that names avoid."""
    name, given = text[start:end], text[start + surname : end]
    if not lexicon.may_be_given(given) or not people_words.NOT_NAMES.isdisjoint((name, name[:2])):
        return False
    known = lexicon.is_word()
    if name in known:  # "罗兰, 女" and "儿子高强", but not "新生儿黄疸"
        usual = lexicon.usual_given_characters().issuperset(given)
        return usual and (introduced or (strong and lexicon.rare(name)))
    # "常年干咳", "高热寒战": the surname opens another word.
    opens = text[start : start + 2] in known and not lexicon.rare(text[start : start + 2])
    return surname > 1 or not (opens and (text[start] in name_characters.WORD_SURNAMES or not introduced))

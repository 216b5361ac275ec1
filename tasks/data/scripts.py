"""Which encodings may be meant where bytes say little: by the characters that each of them makes of a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

_Kind = Callable[[str], bool]
_Fits = Callable[[str], bool]
_EVERYDAY = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法"
    "学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业"
    "外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声"
    "提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金"
    "指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格"
    "望觉术领共确传师观清今切院让识候带导争运患病症疼痛药疗血压糖尿肺肝肾胃肠脑骨皮肤炎癌瘤染热咳嗽痰喘息晕呕吐腹泻秘检查诊断医细胞腺素"
    "片服每毫剂慢急状痒疹肿胀麻木孕妇婴幼童岁男注射液胶囊预防疾饮食睡眠休怎办请吗呢吃议"
)
"""The most frequent characters of written Chinese, and of what patients ask. They make up 0.58 to 0.75 of Chinese
medical texts, and 0.07 to 0.17 of what Korean, Japanese or Russian bytes decode to (tests/data/test_encodings.py)."""


def chinese_share(characters: Mapping[str, int]) -> float:
    """The share of everyday Chinese characters among the Chinese ones; 0 where these are less than half of what is not
    ASCII, or kana are more than a twentieth.

    Args:
        characters: how often each occurs.
    """
    foreign = {one: count for one, count in characters.items() if one > "\x7f"}
    chinese = {one: count for one, count in foreign.items() if _chinese(one)}
    total, of_them = sum(foreign.values()), sum(chinese.values())
    kana = sum(count for one, count in foreign.items() if _kana(one))
    if not of_them or of_them < total / 2 or kana > total / 20:
        return 0.0
    return sum(count for one, count in chinese.items() if one in _EVERYDAY) / of_them


def likely(data: bytes) -> list[str]:
    """Encodings that read all of some bytes as what somebody may have written, with the language; best guesses only."""
    if b"\0" in data:
        return _of_two_bytes(data)
    if b"\x1b$" in data:
        return ["iso2022_jp (Japanese)", "iso2022_kr (Korean)"]
    found = [
        f"{codec} ({language})"
        for codec, language, fits in _ENCODINGS
        if (text := _decoded(data, codec)) is not None and fits(text)
    ]
    if found:
        return found
    from charset_normalizer import from_bytes

    best = from_bytes(data[: 1 << 16]).best()
    return [best.encoding] if best else []


def _of_two_bytes(data: bytes) -> list[str]:
    """UTF-16 without a mark: every second byte of Latin text, line ends and digits is 0."""
    even, odd = data[0::2].count(0), data[1::2].count(0)
    codec = "utf-16-le" if odd > even else "utf-16-be"
    return [codec] if max(even, odd) > 20 * min(even, odd) and _decoded(data, codec) is not None else []


def _decoded(data: bytes, codec: str) -> str | None:
    """The text; what may be half a character at the end is left out."""
    for end in range(4):
        try:
            return data[: len(data) - end].decode(codec)
        except UnicodeDecodeError as error:
            if error.end < len(data) - end - 4:
                return None
    return None


def _share(text: str, kind: _Kind) -> float:
    foreign = [one for one in text if one > "\x7f"]
    return sum(map(kind, foreign)) / len(foreign) if foreign else 0.0


def _chinese(one: str) -> bool:
    return "\u4e00" <= one <= "\u9fff"


def _kana(one: str) -> bool:
    return "\u3040" <= one <= "\u30ff"


def _western(one: str) -> bool:
    return one in "ßàáâäåæçèéêëìíîïñòóôöùúûüœÀÉÊÖÄÜØøÅ€“”‘’„–—…°µ±²«»·¿¡"


def _is_rare(text: str) -> bool:
    """Whether most letters are ASCII, as in all languages of western Europe."""
    return sum(one > "\x7f" for one in text) < 0.2 * len(text)


def _hangul(one: str) -> bool:
    return "\uac00" <= one <= "\ud7a3"


_ENCODINGS: tuple[tuple[str, str, _Fits], ...] = (
    ("gb18030", "Chinese", lambda text: chinese_share(Counter(text)) > 0.25),
    ("cp949", "Korean", lambda text: _share(text, _hangul) > 0.6),
    ("euc_jp", "Japanese", lambda text: _share(text, _kana) > 0.2),
    ("cp932", "Japanese", lambda text: _share(text, _kana) > 0.2),
    ("big5", "Chinese, traditional", lambda text: _share(text, _chinese) > 0.7 and "，" in text),
    ("cp1252", "western Europe", lambda text: _share(text, _western) > 0.9 and _is_rare(text)),
)

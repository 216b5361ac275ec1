"""Names of persons in Chinese text: labels, titles, words that announce a person, and names of the dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tasks.data.phi import chinese_lexicon, chinese_words
from tasks.data.phi.spans import Cover

_HAN = "[\u3400-\u9fff]"
_ONE_HAN = re.compile(_HAN)
_FOREIGN = re.compile(rf"{_HAN}{{1,6}}(?:[·•・‧]{_HAN}{{1,7}}){{1,3}}")
_LABEL = re.compile(
    rf"(?:{'|'.join(sorted(chinese_words.LABELS, key=len, reverse=True))})\s?(?:\([^()]{{0,8}}\))?\s?[::=]\s{{0,4}}({_HAN}(?:\s?{_HAN}){{1,3}})"
    rf"(?=$|[\s,，。;；、.()/|\d\[]|性别|年龄|男|女|先生|女士|电话|医生|医师|主任|签|联系|关系|,)"
)
_HONORIFIC = re.compile("|".join(sorted(chinese_words.HONORIFICS, key=len, reverse=True)))
_MASKED = re.compile(rf"({_HAN})(?:某{{1,2}}|[Xx×*＊]{{1,3}}(?![A-Za-z\d]))(?:{_HAN}(?=[,，。\s]))?")
_NICK = re.compile(
    r"(?<![\u3400-\u9fff])(?:小|老|阿)[王李张刘陈杨赵周吴徐孙朱林何郭马罗梁宋郑谢韩唐冯董程曹袁邓许傅沈彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范姚谭廖邹熊陆郝孔崔邱秦侯孟龙段雷汤黎贺顾龚邵万钱覃洪武莫强娟娜敏伟芳丽军玲](?=[,，。说的是在、因]|先生|医生|今年)"
)
_CUES = tuple(sorted(chinese_words.CUES, key=len, reverse=True))
_WEAK = chinese_words.WEAK_CUES
_FOLLOWER = re.compile(
    "|".join(sorted(map(re.escape, chinese_words.FOLLOWERS), key=len, reverse=True))
    + r"|[\s,，。;；、.:()（）\d/!?！？“”\"'\[]|$"
)
_SURNAME_ONLY = frozenset(
    "先生 女士 小姐 太太 夫人 阿姨 叔叔 大爷 大妈 大娘 大叔 大伯 大姐 大哥 老师 教授 主任 院长 医生 大夫 医师 护士长 护士 护师 药师 技师 师傅 "
    "老先生 老太太 主任医师 主治医师 同志 老人 某某 某 醫生 醫師 同学".split()
)
_PARTS = 2


def find(text: str, words: list[str], cover: Cover) -> None:
    """Add the names of a segmented text to its cover."""
    for match in _FOREIGN.finditer(text):
        cover.add(*_trim_cue(text, *match.span()), "NAME")
    for match in _LABEL.finditer(text):
        start, end = match.span(1)
        if _surname_length(match[1]) or " " not in match[1]:
            name = match[1].replace(" ", "")
            if _surname_length(name) and name not in chinese_lexicon.is_word():
                cover.add(start, end, "NAME")
    for match in _MASKED.finditer(text):
        if match[1] in chinese_lexicon.surnames():
            cover.add(*match.span(), "NAME")
    for match in _NICK.finditer(text):
        cover.add(*match.span(), "NAME")
    _before_titles(text, cover)
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    edges = frozenset(starts)
    position = 0
    for index, word in enumerate(words):
        start = starts[index]
        if start < position or not _surname_length(word) or not cover.free(start, start + 1):
            continue
        end = _name_end(text, words, starts, index, edges)
        if end and cover.add(start, end, "NAME"):
            position = end


def repeatable(names: Iterable[str]) -> list[str]:
    """The names that may be looked for as they are: two characters or more, no word of the language; longest first."""
    bare = {_HONORIFIC.sub("", name) for name in names}
    return sorted(
        (
            name
            for name in bare
            if len(name) >= _PARTS and _ONE_HAN.match(name) and name not in chinese_lexicon.is_word()
        ),
        key=len,
        reverse=True,
    )


def _surname_length(word: str) -> int:
    """How many characters of a word's beginning are a surname."""
    if word[:2] in chinese_words.COMPOUND_SURNAMES:
        return 2
    return int(word[:1] in chinese_lexicon.surnames())


def _trim_cue(text: str, start: int, end: int) -> tuple[int, int]:
    """A foreign name without the word that announces it: "患者约翰·史密斯"."""
    for cue in (*_CUES, *_WEAK):
        if text.startswith(cue, start) and start + len(cue) < text.find("·", start, end):
            return start + len(cue), end
    return start, end


def _before_titles(text: str, cover: Cover) -> None:
    """ "张医生", "王建国主任", "欧阳女士": a surname, up to two characters, and a title."""
    for match in _HONORIFIC.finditer(text):
        end = match.start()
        for length in (3, 2, 4, 1):
            start = end - length
            if start < 0:
                continue
            name = text[start:end]
            surname = _surname_length(name)
            if not surname or length - surname > 2 or not all(map(_ONE_HAN.match, name)):
                continue
            given = name[surname:]
            if given:
                if (
                    not all(character in chinese_lexicon.given_characters() for character in given)
                    or name in chinese_lexicon.is_word()
                ):
                    continue
                if name[:1] in chinese_words.WORD_SURNAMES and not _announced(text, start):
                    continue
            elif match[0] not in _SURNAME_ONLY or not _lone_surname(text, start, surname):
                continue
            if cover.add(start, match.end(), "NAME"):
                break


def _lone_surname(text: str, start: int, length: int) -> bool:
    """Whether a surname right before a title stands alone: not the end of another word, and no word itself."""
    if length == 2:
        return True
    if text[start] not in chinese_lexicon.plain_surnames():
        return _announced(text, start) and text[start] not in "于向和时应任从有同成由看经管那让被与及"
    before = text[max(0, start - 1) : start + 1]
    return not (len(before) == 2 and before in chinese_lexicon.is_word())


def _announced(text: str, start: int) -> bool:
    """Whether a name may begin here: a clause begins, or a word announces a person."""
    return (
        start == 0
        or not _ONE_HAN.match(text[start - 1])
        or text.endswith((*_CUES, *_WEAK, "的", "是", "找", "遵", "嘱", "在", "见"), 0, start)
    )


def _name_end(text: str, words: list[str], starts: list[int], index: int, edges: frozenset[int]) -> int:
    """Where the name ends that begins with a word; 0 when none does.

    A word of the dictionary that is a full name needs no more. Otherwise something must announce the person, or the
    given name must be of the usual characters with nothing around it that speaks against it.
    """
    word = words[index]
    start = starts[index]
    strong = _cue(text, start)
    if (
        len(word) > 2
        and word in chinese_lexicon.full_names()
        and (strong or word[0] in chinese_lexicon.plain_surnames())
    ):
        return start + len(word)
    if (
        len(word) > 1
        and word not in chinese_lexicon.short_names()
        and word not in chinese_words.COMPOUND_SURNAMES
        and not strong
    ):
        return 0
    surname = _surname_length(word)
    boundary = start == 0 or not _ONE_HAN.match(text[start - 1])
    weak = boundary or text.endswith(_WEAK, 0, start)
    for length in (2, 1):
        end = start + surname + length
        name = text[start:end]
        given = name[surname:]
        if len(given) < length or not all(character in chinese_lexicon.given_characters() for character in given):
            continue
        if name in chinese_lexicon.is_word() or end not in edges and not (strong and length == 1):
            continue
        followed = bool(_FOLLOWER.match(text, end))
        if strong and (followed or length == 2) and (surname == 2 or not _phrase(text, start, end)):
            return end
        if word[0] in chinese_words.WORD_SURNAMES and surname == 1:
            continue
        usual = all(character in chinese_lexicon.usual_given_characters() for character in given)
        whole = len(word) == len(name) or len(word) == 1
        if usual and weak and followed and whole and (length == 2 or (boundary and _listed(text, start, end))):
            return end
        if (
            usual
            and length == 2
            and followed
            and len(word) == 1
            and all(len(words[at]) == 1 for at in (index + 1, index + 2))
        ):
            return end
    return 0


def _listed(text: str, start: int, end: int) -> bool:
    """Whether a name of two characters stands between punctuation marks and has one of the main surnames."""
    return (
        text[start] in chinese_words.MAIN_SURNAMES
        and text[end : end + 1] in (",", "、", "(", "")
        and end - start == _PARTS
    )


def _cue(text: str, start: int) -> bool:
    """Whether the words right before announce a person's name."""
    return text.endswith(_CUES, 0, start) or text[max(0, start - 4) : start].rstrip(' :"“「').endswith(
        ("姓名", "名叫", "名字", "患者", "叫做")
    )


def _phrase(text: str, start: int, end: int) -> bool:
    """Whether a surname that is also a word opens a phrase rather than a name: "患者常感", "患者高热"."""
    if text[start] not in chinese_words.WORD_SURNAMES:
        return False
    return not re.match(r"[,，、。(（\s]|男|女|$|先生|女士|因|于", text[end:])

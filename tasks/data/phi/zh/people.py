"""Names of persons in Chinese text: labels, titles, words that announce a person, and names of the dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tasks.data.phi.shared.spans import Cover
from tasks.data.phi.zh import lexicon, name_characters, people_words

_HAN = "[\u3400-\u9fff]"
_ONE_HAN = re.compile(_HAN)
_CUES = tuple(sorted({*people_words.CUES, *people_words.LABELS}, key=len, reverse=True))
_WEAK = people_words.WEAK_CUES
_ANNOUNCING = (*_CUES, *_WEAK, "的", "是", "遵", "嘱", "在")
_FOREIGN_LETTER = f"[{''.join(sorted(people_words.TRANSCRIPTION))}]"
_FOREIGN = re.compile(rf"{_FOREIGN_LETTER}{{1,7}}(?:[·•・‧]{_FOREIGN_LETTER}{{1,7}}){{1,3}}")
_LABEL = re.compile(
    rf"(?:{'|'.join(sorted(people_words.LABELS, key=len, reverse=True))})\s?(?:\([^()]{{0,8}}\))?\s?[:=]\s{{0,4}}"
    rf"({_HAN}(?:\s?{_HAN}){{1,3}})"
    r"(?=$|[\s,，。;；、.()/|\d\[]|性别|年龄|男|女|先生|女士|电话|医生|医师|主任|签|联系|关系)"
)
_HONORIFIC = re.compile("|".join(sorted(people_words.HONORIFICS, key=len, reverse=True)))
_MASKED = re.compile(rf"({_HAN})(?:某{{1,2}}|[Xx×*＊]{{1,3}}(?![A-Za-z\d线光]))(?:{_HAN}(?=[,，。\s]))?")
_NICK = re.compile(
    rf"(?:(?<!{_HAN})|(?<=[是叫和跟与找给让陪带请问同]))[小老阿]"
    r"[王李张刘陈杨赵周吴徐孙朱林何郭马罗梁宋郑谢韩唐冯董程曹袁邓许傅沈彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范姚谭廖邹熊陆郝孔崔"
    r"邱秦侯孟龙段雷汤黎贺顾龚邵万钱覃洪武莫强娟娜敏伟芳丽军玲](?=[,，。说的是在、因]|先生|医生|护士|大夫|主任|老师|师傅|同学|今年)"
)
_SURNAME = re.compile(rf"(?:患者|病人|本人|家属|我|他|她)姓({_HAN}{{1,2}})(?=[,，。的、]|$)")
_PET = re.compile(rf"(?:患儿|小名叫?|乳名|昵称|宝宝|叫)\s?(({_HAN})\2)(?=[,，、\s的今因于(])")
# "时光，女，26岁": a clause of two to four characters, then the sex.
_INTRODUCED = re.compile(
    rf"(?:^|[。;；\n:]|患者|患儿|病人)\s{{0,4}}({_HAN}{{2,4}})\s{{0,3}}(?:[,(]\s{{0,2}}|\s{{1,3}})(?:性别:?\s?)?[男女](?=[,，\s)性\d。]|$)"
)
_FOLLOWER = re.compile(
    "|".join(sorted(map(re.escape, people_words.FOLLOWERS), key=len, reverse=True))
    + r"|[\s,，。;；、.:()（）\d/!?！？“”\"'\[]|$"
)
_SELF_CONTAINED = re.compile(r"[,，、。(（\s]|男|女|$|先生|女士|因|于")
_GIVEN_MOST = max(lexicon.GIVEN_LENGTHS)
_TITLED = (3, 2, 4, 1)  # characters of a name before a title, the usual length first


@dataclass(frozen=True, slots=True)
class PeopleWeights:
    """How far the rule looks; effects: see en/people_weights.py."""

    # Characters back to the end of a word that announces a person. No effect; at 1, "家属安宁表示" keeps its name.
    cue_reach: int = 7


WEIGHTS = PeopleWeights()


def find_marked(text: str, cover: Cover) -> None:
    """Add the names that a label, a title or a form marks; no segmentation is needed for them."""
    for match in _FOREIGN.finditer(text):
        cover.add(*match.span(), "NAME")
    for match in _LABEL.finditer(text):
        name = match[1].replace(" ", "")
        word = name in lexicon.is_word() and not lexicon.rare(name)
        if lexicon.surname_length(name) and not word and name not in people_words.NOT_NAMES:
            cover.add(*match.span(1), "NAME")
    for match in _MASKED.finditer(text):
        if match[1] in lexicon.plain_surnames():
            cover.add(*match.span(), "NAME")
    for match in _NICK.finditer(text):
        cover.add(*match.span(), "NAME")
    for match in _SURNAME.finditer(text):
        if match[1] in lexicon.surnames() or match[1] in name_characters.COMPOUND_SURNAMES:
            cover.add(*match.span(1), "NAME")
    for match in _PET.finditer(text):
        if match[2] not in people_words.ADVERBS:
            cover.add(*match.span(1), "NAME")
    for match in _INTRODUCED.finditer(text):
        if _is_name(match[1]):
            cover.add(*match.span(1), "NAME")
    _before_titles(text, cover)


def find(text: str, words: list[str], cover: Cover) -> None:
    """Add the other names of a segmented text to its cover."""
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    edges = frozenset(starts)
    position = 0
    for index, word in enumerate(words):
        start = starts[index]
        if start < position or not lexicon.surname_length(word) or not cover.free(start, start + 1):
            continue
        end = _name_end(text, words, starts, index, edges)
        if end and cover.add(start, end, "NAME"):
            position = end


def repeatable(names: Iterable[str]) -> list[str]:
    """The names that may be looked for as they are: two characters or more, no word of the language; longest first."""
    bare = {_HONORIFIC.sub("", name) for name in names}
    known = lexicon.is_word()
    return sorted(
        (name for name in bare if len(name) > 1 and _ONE_HAN.match(name) and name not in known), key=len, reverse=True
    )


def _is_name(name: str) -> bool:
    """Whether a surname and one or two characters of given names stand here, and no known phrase."""
    surname = lexicon.surname_length(name)
    given = name[surname:]
    return (
        surname > 0
        and 0 < len(given) <= _GIVEN_MOST
        and lexicon.given_characters().issuperset(given)
        and name not in people_words.NOT_NAMES
        and name[:2] not in people_words.NOT_NAMES
    )


def _before_titles(text: str, cover: Cover) -> None:
    """ "张医生", "王建国主任", "欧阳女士": a surname, up to two characters, and a title."""
    known = lexicon.is_word()
    for match in _HONORIFIC.finditer(text):
        end = match.start()
        for length in _TITLED:
            start = end - length
            if start < 0:
                continue
            name = text[start:end]
            surname = lexicon.surname_length(name)
            if surname == length:
                accepted = _lone_surname(text, start, surname, match[0])
            elif surname and _is_name(name) and name not in known:
                word = name[0] in name_characters.WORD_SURNAMES and surname == 1
                accepted = not word or _announced(text, start)
            else:
                accepted = False
            if accepted and cover.add(start, match.end(), "NAME"):
                break


def _lone_surname(text: str, start: int, length: int, title: str) -> bool:
    """Whether a surname right before a title stands alone: not the end of another word, and no word itself."""
    if title not in people_words.TITLES:
        return False
    if length > 1:
        return True
    if text[start] not in lexicon.plain_surnames():
        clause = start == 0 or not _ONE_HAN.match(text[start - 1])
        polite = title in ("先生", "女士", "小姐", "太太", "主任", "教授") and _announced(text, start)
        return polite or (clause and text[start] not in people_words.PREPOSITIONS)
    before = text[max(0, start - 1) : start + 1]
    return len(before) == 1 or (before[0] != before[1] and before not in lexicon.is_word())  # not "谢谢医生"


def _announced(text: str, start: int) -> bool:
    """Whether a name may begin here: a clause begins, or a word announces a person."""
    return start == 0 or not _ONE_HAN.match(text[start - 1]) or text.endswith(_ANNOUNCING, 0, start)


def _name_end(text: str, words: list[str], starts: list[int], index: int, edges: frozenset[int]) -> int:
    """Where the name ends that begins with a word; 0 when none does.

    Behind a word that announces a person little is asked of a name. Elsewhere its given name must be of usual
    characters, it must be cut as names are cut, and what stands around it must allow a name.
    """
    word = words[index]
    start = starts[index]
    strong = announces(text, start)
    if not strong and word in lexicon.towns():
        return 0
    if not strong and text.startswith(people_words.EPONYM_HEADS, start + len(word)):
        return 0
    if strong and _is_name(word) and text.startswith(people_words.PERSON_VERBS, start + len(word)):
        return start + len(word)  # a word of the language, too, but one that speaks: "儿子高明表示"
    surname = lexicon.surname_length(word)
    if not strong and len(word) > surname and not (word in lexicon.full_names() or word in lexicon.short_names()):
        return 0
    boundary = start == 0 or not _ONE_HAN.match(text[start - 1])
    weak = boundary or text.endswith(_WEAK, 0, start)
    for length in lexicon.GIVEN_LENGTHS:
        end = start + surname + length
        name = text[start:end]
        if not _is_name(name) or len(name) < surname + length:
            continue
        if name in lexicon.is_word():  # "于洋" is a rare word, "常规" is not
            if strong and lexicon.rare(name) and end in edges and _FOLLOWER.match(text, end):
                return end
            continue
        if end not in edges and not (strong and length == 1):
            continue
        followed = bool(_FOLLOWER.match(text, end))
        given = name[surname:]
        cut_so = length == _GIVEN_MOST and end in edges and lexicon.can_be_given(given)
        sure = word[0] in lexicon.plain_surnames() and end in edges
        if (
            strong
            and (followed or sure or length == _GIVEN_MOST)
            and (surname > 1 or cut_so or not _phrase(text, start, end))
        ):
            return end
        if word[0] in name_characters.WORD_SURNAMES and surname == 1:
            continue
        if not lexicon.usual_given_characters().issuperset(given):
            continue
        if length == _GIVEN_MOST and name in lexicon.full_names() and (weak or followed):
            return end
        single = len(word) == surname and len(words[index + 1]) == 1
        if length == _GIVEN_MOST and followed and (single or (weak and lexicon.can_be_given(given))):
            return end
        if length == 1 and boundary and text.startswith(people_words.SPEAKING, end):
            return end
        if (
            length == 1
            and boundary
            and name[0] in name_characters.MAIN_SURNAMES
            and text[end : end + 1] in (",", "、", "(", "")
        ):
            return end
    return 0


def announces(text: str, start: int) -> bool:
    """Whether the words right before announce a person's name."""
    before = text[max(0, start - WEIGHTS.cue_reach) : start].rstrip(" ")
    return before.endswith(_CUES) or before.rstrip(' :"“「').endswith(("姓名", "名叫", "名字", "患者", "叫做"))


def _phrase(text: str, start: int, end: int) -> bool:
    """Whether a surname that is also a word opens a phrase rather than a name: "患者常感", "患者高热"."""
    if text[start] not in name_characters.WORD_SURNAMES or text.startswith(people_words.PERSON_VERBS, end):
        return False
    free = text[start] not in people_words.PREPOSITIONS | {"常"}
    return not (_FOLLOWER if free else _SELF_CONTAINED).match(text, end)

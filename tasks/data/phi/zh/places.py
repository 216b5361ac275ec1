"""Places in Chinese text: facilities, and addresses from the province down to the room."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.data.phi.shared.spans import Cover
from tasks.data.phi.zh import lexicon, places_words

_HAN = re.compile(r"[\u3400-\u9fff]+")
_DOOR = re.compile(
    r"\s?(?:[A-Za-z]?\d{1,5}(?:-\d{1,4})?|[A-Za-z](?=[座栋幢单])|[一二三四五六七八九十百]{1,4}|[甲乙丙丁东西南北])\s?(?:号院|号楼|号|弄|栋|幢|座|楼|单元|室|层|组|巷|队|米|期)(?:楼|院|内|附\d{1,3}号)?|\s?\d{1,4}-\d{1,4}(?![\d-])|\s?\d{3,4}(?:室)?(?!\d|年|月|元|ml|mg)|附\d{1,3}号"
)
_ORDINAL = re.compile(r"第?[一二三四五六七八九十\d]{1,3}")
_SHORT_TOWN, _LONG_TOWN = 2, 3  # characters of a town's name within a word: 北京协和, 哈尔滨
_DIRECTED = 2  # characters of the end of a road's name: 中路, 大街
_BRANCHES = ("医学院", "附属", "附", "第", "分院", "院区", "东院", "西院", "南院", "北院")
_ENDS = tuple(sorted(places_words.AREA_ENDS, key=len, reverse=True))
_FACILITIES = tuple(sorted(places_words.FACILITIES, key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class PlaceWeights:
    """How many words and characters belong to a name, how far the rule looks; effects: see en/people_weights.py."""

    # Words of a facility's name before "医院". No effect; at 2, 浙江省 becomes a place of its own.
    facility_words: int = 9
    # Words before "医院" up to which a word without a known meaning joins a name that is known already. No effect.
    proper_reach: int = 3
    # Characters of such a word. No effect; at 1, "瑞金医院" is lost.
    proper_letters: int = 3
    # Words back to a town that says which one it is. No effect; at 2, of "大庆石油管理有限公司" only 大庆 goes.
    town_reach: int = 6
    # Usual words between that town and "医院": 油田 in "大庆油田有限责任公司". -1: gold -3; more swallow diseases.
    plain_words: int = 1
    # Words behind "医院" that may name a branch. No effect; at 1, "苏州大学附属儿童医院" keeps its end.
    branch_words: int = 6
    # Characters of a town that no list holds, the last of them 市 or 镇. -1: public 1 wrong; +1: gold -1.
    town_letters: int = 3
    # Characters of a road in one word: "文三路". +1: gold -1.
    area_letters: int = 3
    # Words before "路" that may be a road's name. No effect; at 2, "锦花绣木路" keeps its beginning.
    area_words: int = 4
    # Characters of these words. No effect; at 2, "锦绣花木路" keeps its beginning.
    area_name_letters: int = 6


WEIGHTS = PlaceWeights()


def find(text: str, words: list[str], cover: Cover) -> None:
    """Add the places of a segmented text to its cover."""
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    for index, word in enumerate(words):
        if word.endswith(_FACILITIES):
            _facility(words, starts, index, cover)
    index = 0
    areas = any(word.endswith(_ENDS) for word in words)
    while index < len(words):
        index = _address(text, words, starts, index, cover, areas=areas)


def _facility(words: list[str], starts: list[int], head: int, cover: Cover) -> None:
    """Walk left from "医院" over what can belong to its name; take it if a part says which one it is."""
    word = words[head]
    stem = next(word[: -len(end)] for end in _FACILITIES if word.endswith(end))
    specific = _specific(stem) or any(part in word for part in places_words.PROPER_PARTS)
    first = head
    while first > 0 and head - first < WEIGHTS.facility_words:
        before = words[first - 1]
        stops = before in places_words.GENERIC_BEFORE or not _HAN.fullmatch(before)
        if stops or not cover.free(starts[first - 1], starts[first]):
            break
        if any(part in before for part in places_words.PROPER_PARTS):
            specific = True
        elif before in places_words.FACILITY_PARTS or _town(before) or _ORDINAL.fullmatch(before):
            specific = specific or _town(before) or before.startswith("第")
        elif _proper(before) and not (specific and head - first > WEIGHTS.proper_reach):
            specific = (
                specific
                or len(before) > 1
                or (len(words[first]) == 1 and words[first] not in places_words.FACILITY_PARTS)
            )
        else:
            break
        first -= 1
    while first < head and words[first] in ("和", "中", "小", "口"):
        first += 1
    # A town a few words before says enough: "上海和睦家医院", "大庆油田有限责任公司".
    plain = 0
    for index in range(first - 1, max(-1, head - WEIGHTS.town_reach), -1):
        if not _HAN.fullmatch(words[index]) or places_words.NAME_STOPS.intersection(words[index]) - {"和"}:
            break
        town = _town(words[index]) or words[index][:_SHORT_TOWN] in lexicon.towns()
        if not town and words[index] not in places_words.FACILITY_PARTS:
            # "广州登革热病例住院医院": the hospital has no name, and what is between is what the text is about.
            plain += not lexicon.rare(words[index])
            if plain > WEIGHTS.plain_words or not places_words.ILLNESS.isdisjoint(words[index]):
                break
        if _town(words[index]) or words[index][:2] in lexicon.towns() or words[index].endswith(("大学", "医学院")):
            bare = words[index] in ("大学", "医学院") and index > 0 and _proper(words[index - 1])
            first, specific = index - bare, True
            break
    if not specific:
        return
    last = head + 1
    # A branch belongs to the name: "仁济医院东院", "苏州大学附属儿童医院".
    if last < len(words) and words[last].startswith(_BRANCHES):
        for index in range(last, min(last + WEIGHTS.branch_words, len(words))):
            if words[index].endswith((*_FACILITIES, *_BRANCHES)):
                last = index + 1
            elif words[index] not in places_words.FACILITY_PARTS:
                break
    cover.add(starts[first], starts[last], "PLACE")


def _specific(stem: str) -> bool:
    """Whether what stands before "医院" in the same word names one: "北京协和", but not "人民" or "中"."""
    return any(stem.startswith(town) for town in (stem[:_SHORT_TOWN], stem[:_LONG_TOWN]) if _town(town)) or (
        len(stem) > 1 and _proper(stem)
    )


def _proper(word: str) -> bool:
    """Whether a word can be the proper part of a facility's name: of the characters that names are made of."""
    if len(word) == 1:
        return word in lexicon.given_characters() or word in lexicon.surnames()
    return (
        len(word) <= WEIGHTS.proper_letters
        and set(word) <= lexicon.usual_given_characters() | lexicon.surnames()
        and word not in places_words.FACILITY_PARTS | places_words.GENERIC_BEFORE
        and lexicon.rare(word)
    )


def _town(word: str) -> bool:
    if word in lexicon.towns():
        return True
    bare = word[:-1] if word[-1:] in "省市县区州" else word
    if bare != word and bare in lexicon.towns():
        return True
    return (
        len(word) >= WEIGHTS.town_letters
        and word.endswith(("省", "市", "县", "区", "自治州", "镇", "乡", "村", "街道", "自治区"))
        and word not in places_words.GENERIC_AREAS
        and not word.endswith(tuple(area for area in places_words.GENERIC_AREAS if len(area) > 1))
    )


def _address(text: str, words: list[str], starts: list[int], index: int, cover: Cover, *, areas: bool) -> int:
    """Take the address that begins at a word, if there is one; returns the word to go on with."""
    last = index
    strong = False
    while last < len(words):
        word = words[last]
        if not cover.free(starts[last], starts[last + 1]):
            break
        if _town(word) and not text.startswith(places_words.NOT_TOWN_BEFORE, starts[last + 1]):
            last += 1
            strong = True
            continue
        step = _area(words, last, strong) if areas else 0
        if step:
            last += step
            strong = True
            continue
        break
    end = starts[last]
    if last == index:
        return index + 1
    while (door := _DOOR.match(text, end)) and cover.free(end, door.end()):
        end = door.end()
    cover.add(starts[index], end, "PLACE")
    while last < len(words) and starts[last] < end:
        last += 1
    return last


def _area(words: list[str], index: int, within: bool) -> int:
    """How many words from here name a road or village: "文三路", or "锦 绣 路" behind a town or before a number."""
    word = words[index]
    if word in places_words.GENERIC_BEFORE or not _HAN.fullmatch(word):
        return 0
    if within and word in places_words.AREA_ENDS:
        return 1
    if len(word) >= WEIGHTS.area_letters and word.endswith(_ENDS) and word not in places_words.GENERIC_AREAS:
        numbered = index + 1 < len(words) and words[index + 1][:1].isdigit()
        return int(within or numbered)
    if (
        within and len(word) == _DIRECTED and word[0] in "东南西北中上下大新前后" and word.endswith(_ENDS)
    ):  # "香港中路66号"
        return int(index + 1 < len(words) and words[index + 1][:1].isdigit())
    for reach in range(1, WEIGHTS.area_words + 1):
        ahead = index + reach
        if ahead >= len(words) or not _HAN.fullmatch(words[ahead]):
            return 0
        if words[ahead] in (places_words.NAME_STOPS if within else places_words.GENERIC_BEFORE):
            return 0
        if words[ahead] in places_words.AREA_ENDS or (
            within and len(words[ahead]) > 1 and words[ahead].endswith(_ENDS)
        ):
            numbered = ahead + 1 < len(words) and words[ahead + 1][:1].isdigit()
            length = sum(map(len, words[index:ahead]))
            if (
                (within or numbered)
                and length <= WEIGHTS.area_name_letters
                and not any(part in ("医院", "患者", "因") for part in words[index:ahead])
            ):
                return reach + 1
            return 0
    return 0

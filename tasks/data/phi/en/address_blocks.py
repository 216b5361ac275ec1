"""Addresses of any country: a street with its number, then a flat, a town, a region, a country, a postcode.

What is sure of itself is an anchor: "Apt. 5", "PO Box 12", "APO AE 09123", a word that only streets have ("-straat",
"-katu", "ul."), or a capitalised name between a cue ("lives at") or the beginning of a line, and a house number. From
there the address goes on in both directions as long as lines and commas hold what addresses are made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.data.phi.en import address_words, lexicon, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import OTHER, TITLE, UPPER

_UPPER = "A-Z\u00c0-\u00de\u0100\u010c\u0110\u0141\u015a\u0160\u0178\u0179\u017b\u017d\u0386-\u03ab"
_NAME = rf"[{_UPPER}][\w'’.-]{{2,30}}"
_HOUSE = r"\d{1,5}[A-Za-z]?\b"
_NUMBER = r"(?:\d{1,6} )?"
_UNIT = re.compile(
    r"(?<!\w)(?:apt|apartment|suite|ste|flat|unit(?=\s\d{1,5}\s?,?\s?box))\b\.?\s{0,2}#?\d{1,5}[a-z]?\b", re.IGNORECASE
)
_MILITARY = re.compile(
    r"(?<!\w)(?:PSC\s\d{1,5},?\sBox\s\d{1,6}|Unit\s\d{1,6},?\sBox\s\d{1,6}|US(?:S|CGC|NS|NV)\s[\w'-]{2,25})"
    r"[\s,>?]{1,8}(?:APO|FPO|DPO),?\s(?:AA|AE|AP)(?:\s\d{5}(?:-\d{4})?)?",
    re.IGNORECASE,
)
_POST_BOX = re.compile(
    rf"(?<!\w){_NUMBER}(?:P\.?\s?O\.?\s?Box|Post(?:box|fach|bus|boks|lokero)|Box)\s\d{{1,6}}\b", re.IGNORECASE
)
# "Mellemvej 32", "94 Wesselényi u. 12": a word that only streets end with, and a number.
_ENDS = "|".join(address_words.ENDS)
_END_WORDS = "|".join(map(re.escape, address_words.END_WORDS))
_ENDED = re.compile(
    rf"(?<!\w){_NUMBER}(?:[{_UPPER}][\w'’.-]{{1,25}}\s){{0,2}}"
    rf"(?:[{_UPPER}][\w'’-]{{1,25}}?(?:{_ENDS})|(?:{_END_WORDS}))\s{_HOUSE}"
)
_ENDED_LOWER = re.compile(
    rf"(?<!\w)\d{{1,6}}\s[^\W\d_]{{3,25}}(?:{_ENDS})\s{_HOUSE}"
    rf"|\b[^\W\d_]{{3,25}}(?:strasse|straße|straat|gatan|vägen|katu)\s{_HOUSE}"
)
# "ul. Zamkowa 33", "Rua do Arenque 1634": a word that only streets begin with.
_JOINS = "|".join(address_words.JOINS)
_LED = re.compile(
    rf"(?<!\w){_NUMBER}(?:{'|'.join(map(re.escape, address_words.BEGINNINGS))}|[Vv]ia(?=\s(?:[{_UPPER}]|d)))"
    rf"\s(?:(?:{_JOINS}|l'|d')\s?){{0,3}}{_NAME}(?:\s(?:{_JOINS}|{_NAME})){{0,4}}(?:\s{_HOUSE})?"
)
_SUFFIXES = "|".join(address_words.SUFFIXES)
_SUFFIXED = re.compile(rf"(?<![\w.-])\d{{1,6}}(?:\s\d{{1,5}})?\s(?:{_NAME}\s){{1,3}}(?:{_SUFFIXES})\b")
_CORNER = re.compile(
    rf"\bcorner\sof\s{_NUMBER}{_NAME}(?:\s(?:{_NAME}|\d{{1,5}}|str)){{0,4}}"
    rf"\sand\s{_NUMBER}{_NAME}(?:\s(?:{_NAME}|\d{{1,5}})){{0,4}}",
    re.IGNORECASE,
)
# What lets one expect an address: the beginning of a line, "lives at", "address:".
_BEHIND_VERB = (
    r"\b(?:lives?|living|located|resid(?:es?|ed|ing)|stay(?:s|ing|ed)?|stop|meet\s(?:me|you|him|her|us)|arrived|return|sent"
    r"|send|move[ds]?|drops\syou\soff|offices?|restaurant|station|bus|house|shop|store|home)"
    r"(?:\s[a-z]{2,8}){0,3}?\s(?:at|on|in|to)\s"
)
_CUE = (
    rf"(?:{_BEHIND_VERB}"
    r"|\b(?:[Aa]ddress(?:es)?|[Uu]ser|same|are|[Ll]ocation|following|here|with)\s?(?:[:?]|is)\s{1,6}(?:it\sis\s)?"
    r"|\b(?:address|taxi|card|one|sent|statement|mail)\s(?:to|with|at)\s|\b(?:enter|side|corner)\s(?:on|of)\s"
    r"|It's\sin\s)"
)
_TWO_NUMBERS = rf"\d{{1,6}} \d{{1,5}} {_NAME}(?: {_NAME}){{0,3}}"
_NUMBERED = re.compile(
    rf"(?:{_CUE}(?:the\scorner\sof\s)?(?P<a>{_NUMBER}(?:{_NAME} ){{1,4}}{_HOUSE}|{_TWO_NUMBERS})"
    rf"|(?:^|\n)[ \t>?|*-]{{0,8}}(?P<b>\d{{1,6}} (?:{_NAME} ){{1,4}}{_HOUSE}|{_TWO_NUMBERS}))"
    r"(?![\w%-]|[.,/]\d)"
)
_NUMBERED_LOWER = re.compile(
    rf"(?:^|\n)[ \t>?|*-]{{0,8}}(?P<a>\d{{1,6}}\s(?:[^\W\d_][^\W\d]{{0,20}}\.?\s){{1,4}}{_HOUSE})"
    r"(?=\s{0,2}(?:$|\n|,|apt|suite))"
    r"|\b(?:lives\sat|address\sis|meet\sme\sat|located\sat|sent\sto)\s"
    rf"(?P<b>\d{{1,6}}\s(?:[^\W\d_][^\W\d]{{1,20}}\s){{1,3}}{_HOUSE})"
)
_HEAD = re.compile(
    r"(?:\d{1,6}[A-Za-z]?,?\s{1,2}(?:[\w'’./-]{1,25}\s{1,2}){0,6}"
    rf"|(?:{_NAME}\s{{1,2}}){{0,3}}{_NAME}\s{_HOUSE}(?:\s{_NAME}){{0,3}}\s{{0,2}}|(?:{_NAME}\s){{1,3}}(?:{_SUFFIXES})\s{{0,2}})"
    r"[\s,>?]{0,8}$"
)
_NUMBER_BEFORE = re.compile(r"(?<![\w.,/-])\d{1,6}(?:\s\d{1,5})?,?\s{1,2}$")
_GAP = re.compile(r"[\s>?,|]{1,14}")
_POSTCODE = re.compile(
    r"\d{4,6}(?:-\d{4})?(?![\w-])|\d{3}\s\d{2}\b|\d{4}\s?[A-Z]{2}\b|[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b"
    r"|[A-Z]\d[A-Z]\s\d[A-Z]\d\b"
)
_PART = re.compile(r"\(?[^\W\d_][\w'’./-]{0,40}\)?|\d{1,3}(?=\s{0,4}\n)")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_DIGIT = re.compile(r"\d")
_LAST_WORDS = (*address_words.ENDS, "u", "tér", "út", "ulice", "vei")
_FIRST_WORDS = frozenset(word.lower().rstrip(".") for word in address_words.BEGINNINGS) | {"via", "c"}
_SUFFIX_WORDS = frozenset(word.lower() for word in address_words.SUFFIXES)


@dataclass(frozen=True, slots=True)
class BlockWeights:
    """How far an address goes on."""

    # Characters before a flat that are looked at for street and number. No effect; at 5, "94 Pilekrogen 53" stays.
    head_reach: int = 90
    # Words of town, region and country behind an anchor. No effect; at 2, "Denmark 5000" stays.
    tail_words: int = 9


WEIGHTS = BlockWeights()


def find(scan: Scan) -> None:
    """Add the addresses of a scanned text to its cover."""
    text = scan.text
    if not _DIGIT.search(text):
        return
    for start, end in _merged(sorted(_anchors(scan))):
        start = _begin(text, start)
        end = _end(scan, end)
        _take(scan, start, end)


def _anchors(scan: Scan) -> Iterator[tuple[int, int]]:
    """What is an address by itself; each pattern is tried where words of it stand, since most texts hold none."""
    text = scan.text
    if scan.holds(address_words.UNITS):
        yield from (match.span() for match in _UNIT.finditer(text))
    if scan.holds(("apo", "fpo", "dpo")):
        yield from (match.span() for match in _MILITARY.finditer(text))
    if scan.holds(address_words.BOXES):
        yield from (match.span() for match in _POST_BOX.finditer(text))
    if scan.holds(_FIRST_WORDS):
        yield from (match.span() for match in _LED.finditer(text) if _DIGIT.search(match[0]))
    if scan.holds(("corner",)):
        yield from (match.span() for match in _CORNER.finditer(text))
    if scan.holds(_SUFFIX_WORDS):
        yield from (match.span() for match in _SUFFIXED.finditer(text) if _proper(match[0]))
    numbered = [index for index, word in enumerate(scan.words) if word.shape == OTHER and index]
    if any(scan.low(index - 1).endswith(_LAST_WORDS) for index in numbered):
        yield from (match.span() for match in _ENDED.finditer(text) if _proper(match[0]))
        yield from (match.span() for match in _ENDED_LOWER.finditer(text))
    if any(_may_be_street(scan, index) for index in numbered):
        for match in _NUMBERED.finditer(text):
            if _proper(match[match.lastgroup or "a"]):
                yield match.span(match.lastgroup or "a")
    if text.islower():
        for match in _NUMBERED_LOWER.finditer(text):
            group = match.lastgroup or "a"
            if _proper(match[group]):
                yield match.span(group)


def _may_be_street(scan: Scan, index: int) -> bool:
    """Whether a number stands behind a capitalised word that is none of the language, or before one and a number."""
    before = scan.words[index - 1]
    if before.shape == OTHER:
        return scan.capital(index + 1)
    return before.shape in (TITLE, UPPER) and before.low not in words.MONTHS


def _proper(street: str) -> bool:
    """Whether a word of the street is a name rather than a word of the language."""
    known = lexicon.words()
    found = (word.lower() for word in _LETTERS.findall(street))
    return any(word not in known and word not in words.MONTHS for word in found)


def _merged(spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Anchors that touch, as one."""
    held: tuple[int, int] | None = None
    for start, end in spans:
        if held and start <= held[1] + 1:
            held = held[0], max(held[1], end)
            continue
        if held:
            yield held
        held = start, end
    if held:
        yield held


def _begin(text: str, start: int) -> int:
    """Where the address begins: street and number stand before a flat, a number before a street."""
    before = max(0, start - WEIGHTS.head_reach)
    if text[start : start + 1].isalpha() and _UNIT.match(text, start):
        for match in _HEAD.finditer(text, before, start):
            if match.end() == start:
                return match.start()
    number = _NUMBER_BEFORE.search(text, before, start)
    return number.start() if number else start


def _end(scan: Scan, end: int) -> int:
    """Where it ends: behind flats, towns, regions, countries and a postcode."""
    text = scan.text
    last = end
    position = end
    for _ in range(WEIGHTS.tail_words):
        gap = _GAP.match(text, position)
        if not gap:
            break
        apart = "," in gap[0] or "\n" in gap[0]
        if match := _UNIT.match(text, gap.end()) or _POSTCODE.match(text, gap.end()):
            last = position = match.end()
            continue
        part = _PART.match(text, gap.end())
        if not part or text.startswith((":", "@"), part.end()):
            break
        word = part[0].strip("().,")
        low = word.lower()
        plain = low in lexicon.words() and not (apart and word[:1].isupper() and low in lexicon.ambiguous())
        if low in words.TITLES or low in words.MONTHS or low in address_words.LABELS:
            break
        town = word[:1].isupper() or (text.islower() and apart and not plain) or low in lexicon.countries()
        if town and (not plain or (apart and word.isupper())):
            position = last = part.end()
        elif part[0].isdigit() or low == "nan" or ((low in address_words.BETWEEN or word[:1].isupper()) and not apart):
            position = part.end()
        else:
            break
    return last - (text[last - 1] == "." and last > end)


def _take(scan: Scan, start: int, end: int) -> None:
    """Take what of an address is free: a number in it may be taken for another one already."""
    free = start
    for at in range(start, end + 1):
        if at == end or not scan.cover.free(at, at + 1):
            if scan.text[free:at].strip(" ,\n>?."):
                scan.cover.add(free, at, "PLACE")
            free = at + 1

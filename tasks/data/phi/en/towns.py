"""Towns and states, alone or together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.data.phi.en import lexicon, species, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import OTHER, TITLE, UPPER

_ZIP = re.compile(r",?\s{1,2}\d{5}(?:-\d{4})?\b")


@dataclass(frozen=True, slots=True)
class TownWeights:
    """How many words are looked at."""

    # Words of a town: the longest of the list has four. No effect; at 2, "Salt Lake City" is lost.
    words: int = 4
    # Words of a town before its state. No effect; at 2, "Rancho Santa Margarita, CA 92688" keeps its code.
    before_state: int = 3
    # Words behind a town in which what it gave its name to keeps it: "Coxsackie virus". No effect.
    variant_reach: int = 3


WEIGHTS = TownWeights()


def town_end(scan: Scan, first: int) -> int:
    """The end of the longest town or state that begins at a word; `first` when there is none."""
    parts: list[str] = []
    best = first
    for index in range(first, min(first + WEIGHTS.words, len(scan.words))):
        if index > first and not scan.joined(index):
            break
        low = scan.low(index)
        parts.append("st." if low == "st" else low)
        name = " ".join(parts)
        if name in lexicon.cities() or name in words.STATES:
            best = index + 1
    return best


def towns_with_states(scan: Scan) -> None:
    """Add "Springfield, IL 62701" and "Austin, Texas"."""
    for index in range(1, len(scan.words)):
        last = _state_end(scan, index)
        if last == index or scan.gaps[index] not in (", ", ",", " ") or not scan.capital(index - 1):
            continue
        first = _town_start(scan, index)
        if first < index:
            end = scan.words[last - 1].end
            zip_code = _ZIP.match(scan.text, end)
            scan.cover.add(scan.words[first].start, zip_code.end() if zip_code else end, "PLACE")


def _state_end(scan: Scan, index: int) -> int:
    word = scan.words[index]
    if word.shape == UPPER:
        return index + (scan.text[word.start : word.end] in words.STATE_CODES)
    if word.shape != TITLE:
        return index
    if word.low in words.STATES:
        return index + 1
    return index + 2 * (f"{word.low} {scan.low(index + 1)}" in words.STATES)


def _town_start(scan: Scan, index: int) -> int:
    """Where the town begins that the state at a word belongs to; the word itself when there is none."""
    first = index - 1
    while first > 0 and index - first < WEIGHTS.before_state and scan.joined(first) and scan.capital(first - 1):
        if scan.low(first - 1) in words.NOT_IN_NAMES or scan.low(first - 1) in lexicon.words():
            break
        first -= 1
    whole = town_end(scan, first) == index
    known = whole or town_end(scan, index - 1) == index
    behind = scan.gaps[first] == " " and scan.low(first - 1) in ("in", "from", "at", "near", "to", "of", "outside")
    code = scan.words[index].shape == UPPER
    if scan.gaps[index] == " " and not (known and code):
        return index
    if known or behind:
        return first if whole or behind else index - 1
    # "John Smith, MD" is a doctor, "Figure, PA" nothing.
    low = scan.low(index)
    person = code and (low in words.DEGREES or low in ("ma", "ms") or scan.low(first) in lexicon.given_names())
    common = scan.low(index - 1) in lexicon.words() or scan.words[index - 1].shape == UPPER or scan.medical(index)
    return index if person or common else first


def lone_towns(scan: Scan) -> None:
    """Add the towns and states that stand alone and that nothing else has claimed."""
    for index in scan.titles:
        word = scan.words[index]
        if not scan.cover.free(word.start, word.end):
            continue
        last = town_end(scan, index)
        if last == index or not scan.free(index, last):
            continue
        if scan.gaps[index] == " " and index and scan.words[index - 1].shape in (UPPER, OTHER):
            continue  # a variant that a town gave its name: "G6PD Seattle"
        common = word.low in lexicon.words() or word.low in lexicon.eponyms()
        if (last == index + 1 and common) or scan.medical(last) or species.behind(scan, index):
            continue
        if not any(scan.low(ahead) in words.MEDICAL_HEADS for ahead in range(last, last + WEIGHTS.variant_reach)):
            scan.take(index, last, "PLACE")

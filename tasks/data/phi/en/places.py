"""Places that "at", "in", "from" and "visited" announce."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.data.phi.en import lexicon, people_unlisted, places_words, species, towns, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import LOWER, MIXED, TITLE, UPPER

_TOWN_CUES = frozenset(("in", "at", "from", "near", "to"))
_TOWARDS = frozenset(("in", "from", "near", "to", "outside", "around", "of"))
_BEFORE_SHORT = frozenset(("hospital", "hospitals", "clinic", "facility", "infirmary"))
_OF_BRANDS = frozenset(("at", "to", "from", "by", "of", "in"))
_VISITED = frozenset(("visited", "visits", "visiting", "attended", "attends", "attending"))


@dataclass(frozen=True, slots=True)
class PlaceWeights:
    """How many words belong to a place, and how far the rule looks."""

    # Words behind "at" or "City:". No effect: places are shorter; it keeps a heading from being one.
    words: int = 6
    # Words of a town in lower case. No effect; at 2, "salt lake city" is lost.
    town_words: int = 3
    # Words back to "seen". No effect; at 1, "seen last week at BMC" is lost.
    visit_reach: int = 5


WEIGHTS = PlaceWeights()


def find(scan: Scan, *, personal: bool) -> None:
    """Add the places behind prepositions to the cover of a scanned text.

    Args:
        scan: the text.
        personal: the text names a person or a record number; then "seen in" and "admitted to" announce a place, too.
    """
    for index in range(1, len(scan.words)):
        word = scan.words[index]
        if word.shape == LOWER:
            if scan.words[index - 1].low in _TOWN_CUES and scan.cover.free(word.start, word.end):
                _lower_town(scan, index)
        elif word.shape == TITLE and ":" in scan.gaps[index] and scan.low(index - 1) in places_words.LABELS:
            _labelled(scan, index)
        elif word.shape == UPPER and scan.gaps[index] == " (" and scan.low(index - 1) in _BEFORE_SHORT:
            if word.low not in places_words.NOT_PLACES and scan.gaps[index + 1].startswith(")"):
                scan.take(index, index + 1, "PLACE")  # "outside hospital (OSU)"
        elif word.shape in (TITLE, UPPER, MIXED) and scan.gaps[index] in (" ", "  "):
            cue = index - 1
            if scan.low(cue) in ("the", "our") and cue > 0:
                cue -= 1
            if scan.words[cue].shape == LOWER and scan.cover.free(word.start, word.end):
                _announced(scan, cue, index, personal)


def _labelled(scan: Scan, first: int) -> None:
    """ "City: Zelenograd", on a line or in a field of its own."""
    last = scan.run_end(first, limit=WEIGHTS.words)
    if not scan.gaps[first].strip(" :") and scan.free(first, last) and people_unlisted.unknown(scan, first):
        scan.take(first, last, "PLACE")


def _lower_town(scan: Scan, index: int) -> None:
    """ "lives in chicago", "from new york"."""
    last = index
    parts: list[str] = []
    for ahead in range(index, min(index + WEIGHTS.town_words, len(scan.words))):
        if ahead > index and scan.gaps[ahead] not in (" ", ". "):
            break
        low = scan.low(ahead)
        parts.append("st." if low == "st" else low)
        name = " ".join(parts)
        if name in lexicon.cities() and (ahead > index or name not in lexicon.words()):
            last = ahead + 1
    if last > index and not scan.medical(last):
        scan.take(index, last, "PLACE")


def _announced(scan: Scan, cue: int, first: int, personal: bool) -> None:
    low, start = scan.low(cue), scan.low(first)
    if start in words.MONTHS or start in words.TITLES or start in lexicon.countries():
        return
    town = towns.town_end(scan, first)
    last = scan.run_end(first, limit=WEIGHTS.words)
    if low in _OF_BRANDS and _brand(scan, cue, first, last):
        scan.take(first, last, "PLACE")
        return
    if low in _TOWARDS:
        if town == first + 1 < last and start in lexicon.given_names() and scan.words[town].shape == TITLE:
            return  # "in Elizabeth Garcia"
        if town > first:
            word = town == first + 1 and start in lexicon.words() and start not in lexicon.ambiguous()
            kept = scan.medical(town) or species.behind(scan, first)
            if not word and scan.free(first, town) and not kept:
                scan.take(first, town, "PLACE")
            return
        if not _expected(scan, cue, first, last, personal):
            return
    elif low == "at":
        while last > first and scan.low(last - 1) in words.MONTHS:
            last -= 1
    elif low not in _VISITED or start in lexicon.given_names():
        return
    if last > first and scan.free(first, last) and not scan.medical(last) and _place(scan, cue, first, last, personal):
        scan.take(first, last, "PLACE")


def _brand(scan: Scan, cue: int, first: int, last: int) -> bool:
    """Whether a row is the short name of a facility: "at Hopkins", "to St. Luke's", "patient of Geisinger"."""
    brand = scan.low(first) in places_words.BRANDS or (last == first + 2 and scan.low(last - 1) in places_words.BRANDS)
    if not brand or not scan.free(first, last) or scan.medical(last):
        return False
    return scan.low(cue) in ("at", "to", "from") or _dealt_with(scan, cue)


def _dealt_with(scan: Scan, cue: int) -> bool:
    """Whether the words before a preposition speak of somebody's care."""
    said = [scan.low(index) for index in range(max(0, cue - WEIGHTS.visit_reach), cue)]
    return any(low in words.VISIT_WORDS or low in places_words.DONE or low in places_words.PAPERS for low in said)


def _expected(scan: Scan, cue: int, first: int, last: int, personal: bool) -> bool:
    """Whether the words before "in" or "from" let one expect a place that no list holds."""
    low = scan.low(cue)
    if low == "of":
        return scan.low(cue - 1) == "resident"
    if personal and low in ("in", "from") and people_unlisted.unknown(scan, first) and last == first + 1:
        return True
    if low == "from" and _person(scan, cue - 1):
        return True
    if personal and low in ("in", "to", "from") and scan.low(cue - 1) in places_words.SENT:
        return True
    upper = scan.words[first].shape == UPPER and last == first + 1
    sent = any(scan.low(index) in places_words.PAPERS for index in range(max(0, cue - WEIGHTS.visit_reach), cue))
    if low in ("from", "to") and upper and (sent or scan.low(cue - 1) in places_words.SENT):
        return True
    if any(scan.low(index) in words.FACILITY_HEADS for index in range(first + 1, last)):
        return True
    if low == "to" and scan.low(cue - 1) in ("discharge", "discharged", "home", "transfer", "moving", "return", "back"):
        return True
    return scan.low(cue - 1) in places_words.DWELLING or scan.low(cue - 2) in places_words.DWELLING


def _person(scan: Scan, index: int) -> bool:
    """Whether a word is a person: a capitalised name, or "patient"."""
    low = scan.low(index)
    return low in words.PERSON_WORDS or (scan.capital(index) and low not in lexicon.words())


def _place(scan: Scan, cue: int, first: int, last: int, personal: bool) -> bool:
    """Whether a row of capitals behind a preposition is a place rather than a gene, a unit or a time."""
    low = scan.low(cue)
    visit = _dealt_with(scan, cue)
    start = scan.low(first)
    single = last == first + 1
    if single and scan.words[first].shape == UPPER:
        return (
            visit
            and low in ("at", "in", "from", "to")
            and start not in places_words.NOT_PLACES
            and start not in lexicon.words()
        )
    lows = [scan.low(index) for index in range(first, last)]
    if places_words.NOT_PLACES.issuperset(lows):
        return False
    if all(word in lexicon.words() or word in lexicon.countries() for word in lows) and not (visit and low == "at"):
        return False
    return visit or personal or not single or start in lexicon.cities()

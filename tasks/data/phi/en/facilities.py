"""Facilities in text of Latin script: hospitals, clinics, practices, universities, homes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.data.phi.en import facilities_words, lexicon, towns, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import INITIAL, LOWER, OTHER, TITLE, UPPER


@dataclass(frozen=True, slots=True)
class FacilityWeights:
    """How many words belong to a name, and how far the rule looks."""

    # Words before "Hospital". No effect: names are shorter; it keeps a heading from being one.
    before_head: int = 7
    # Words back to "seen" or "admitted", which let a name of plain words pass. No effect.
    visit_reach: int = 6
    # Capitals of a name with its head; one is "the Hospital". -1: generated 39 wrong; +1: queries -5, generated -4.
    named_words: int = 2
    # Words behind "Center of". No effect: places are shorter.
    behind_of: int = 4
    # Words of "Klinikum Fulda", its head included. No effect.
    foreign_words: int = 5
    # Words in lower case before "clinic". No effect; at 1, "Dallas outpatient dental clinic" keeps all but Dallas.
    modifiers: int = 2
    # Words before "clinic" in all. No effect; at 2, "the New Xolbra Vexin clinic" keeps its "New".
    before_clinic: int = 6
    # The same in lower case. No effect; at 1, of "st mary memorial hospital" only mary goes, as a name.
    before_lower_clinic: int = 5


WEIGHTS = FacilityWeights()


def find(scan: Scan) -> None:
    """Add the facilities of a scanned text to its cover."""
    named = scan.holds(words.FACILITY_ENDS) or scan.holds(facilities_words.CLINIC_WORDS) or scan.holds(("university",))
    for head, word in enumerate(scan.words):
        if not named and word.shape != TITLE:
            continue
        capital = word.shape in (TITLE, UPPER)
        if word.low in words.FACILITY_ENDS or (word.low == "university" and capital):
            if capital and scan.free(head, head + 1):
                _named(scan, head)
            elif word.low in facilities_words.CLINIC_WORDS:
                _plain(scan, head)
        elif word.shape == LOWER and word.low in facilities_words.CLINIC_WORDS:
            _plain(scan, head)
        elif word.shape == TITLE and word.low.endswith(facilities_words.FOREIGN_FACILITIES):
            last = scan.run_end(head, limit=WEIGHTS.foreign_words)  # "Klinikum Fulda", "Hôpital Bichat"
            if last > head + 1 and scan.free(head, last):
                scan.take(head, last, "PLACE")


def _named(scan: Scan, head: int) -> None:
    """A name that ends in "Hospital", "Clinic", "Medical Center" and the like, all capitalised."""
    first = _first(scan, head)
    last = _last(scan, head + 1)
    named = [scan.low(index) for index in range(first, last) if scan.capital(index)]
    own = any(low not in facilities_words.GENERIC and low not in lexicon.words() for low in named)
    visit = any(scan.low(index) in words.VISIT_WORDS for index in range(max(0, first - WEIGHTS.visit_reach), first))
    low = scan.low(head)
    if len(named) < WEIGHTS.named_words:
        return
    if low in (
        "hospital",
        "hospitals",
        "hosp",
        "clinic",
        "clinics",
        "infirmary",
        "hospice",
        "sanatorium",
        "polyclinic",
    ):
        accepted = own or visit or named[0] == "general" or not facilities_words.GENERIC.issuperset(named[:-1])
    else:  # "Center", "Health", "Institute" end the names of other things, too
        behind = scan.low(first - 1) in ("at", "the", "to", "from", "in")
        accepted = own or (visit and behind and low not in ("health", "medicine", "med"))
    if accepted:
        scan.take(first, last, "PLACE")


def _first(scan: Scan, head: int) -> int:
    """Where the name begins: capitals before the head, "of" and "and" between them included."""
    first = head
    while first > 0 and head - first < WEIGHTS.before_head and (scan.joined(first) or scan.gaps[first] == " & "):
        before = first - 1
        if scan.capital(before) or scan.words[before].shape == OTHER:
            first = before
        elif scan.low(before) in facilities_words.CONNECTORS and scan.capital(before - 1) and scan.joined(before):
            first = before - 1
        else:
            break
    while first < head and _leading(scan, first):
        first += 1
    if scan.low(first - 1) == "our" and scan.low(first) == "lady":
        return first - 1
    return first


def _leading(scan: Scan, index: int) -> bool:
    """Whether a capitalised word before a name is no part of it: "The", or the first word of a sentence."""
    low = scan.low(index)
    common = low in lexicon.words() and low not in words.FACILITY_HEADS
    return low in words.NOT_IN_NAMES or (common and low not in facilities_words.SAINTS and scan.opens_sentence(index))


def _last(scan: Scan, last: int) -> int:
    """Where the name ends: "... Center of Dallas", "... Hospital Los Angeles", "... Clinic in Rochester, MN"."""
    while last < len(scan.words) and scan.joined(last):
        low = scan.low(last)
        town = towns.town_end(scan, last)
        if scan.capital(last) and low in words.FACILITY_HEADS | facilities_words.FACILITY_TAILS:
            last += 1
        elif scan.capital(last) and town > last:
            last = town
        elif low in ("of", "in", "at", "for") and scan.capital(last + 1) and scan.joined(last + 1):
            after = scan.low(last + 1)
            town = towns.town_end(scan, last + 1)
            if after in words.MONTHS or after in lexicon.countries() or (low in ("at", "for") and town == last + 1):
                break
            last = town if low == "in" and town > last + 1 else scan.run_end(last + 1, limit=WEIGHTS.behind_of)
        else:
            break
    if last < len(scan.words) and scan.gaps[last] == ", " and scan.words[last].shape == UPPER:
        degree = scan.low(last) in words.DEGREES and scan.low(last) not in ("ma", "md", "pa")
        last += scan.low(last).upper() in words.STATE_CODES and not degree
    return last


def _plain(scan: Scan, head: int) -> None:
    """ "the Dallas clinic", "Chicago downtown office", "at mercy general hospital"."""
    first = head
    while (
        first > 0 and head - first < WEIGHTS.modifiers and scan.joined(first) and scan.words[first - 1].shape == LOWER
    ):
        if scan.low(first - 1) not in facilities_words.FACILITY_MODIFIERS:
            break
        first -= 1
    if first == 0 or not scan.joined(first):
        return
    if scan.capital(first - 1):
        _capital_before(scan, first, head)
    else:
        _lower_before(scan, first, head)


def _capital_before(scan: Scan, first: int, head: int) -> None:
    start = first - 1
    while start > 0 and scan.joined(start) and scan.capital(start - 1) and head - start < WEIGHTS.before_clinic:
        start -= 1
    while start < first and (scan.low(start) in words.NOT_IN_NAMES or scan.low(start) in words.TITLES):
        start += 1
    names = [index for index in range(start, first) if _name_of_clinic(scan, index)]
    if names and scan.words[names[-1]].shape != INITIAL:
        scan.take(start, head + 1, "PLACE")


def _lower_before(scan: Scan, first: int, head: int) -> None:
    start = first
    while (
        start > 0
        and head - start < WEIGHTS.before_lower_clinic
        and scan.joined(start)
        and scan.words[start - 1].shape == LOWER
    ):
        if scan.low(start - 1) in words.NOT_IN_NAMES:
            break
        start -= 1
    lows = [scan.low(index) for index in range(start, head)]
    if not lows or scan.low(start - 1) not in ("at", "from", "to", "in"):
        return
    known = lows[0] in facilities_words.SAINTS or "memorial" in lows
    if known or any(
        low in names for names in (lexicon.cities(), lexicon.surnames(), lexicon.given_names()) for low in lows
    ):
        scan.take(start, head + 1, "PLACE")


def _name_of_clinic(scan: Scan, index: int) -> bool:
    """Whether a capitalised word can be the name in "NAME clinic"."""
    word = scan.words[index]
    if word.shape == UPPER:
        return word.low in facilities_words.SHORT_CITIES
    if word.low in lexicon.cities() or word.low in words.STATES:
        return True
    return word.low not in lexicon.words() and word.low not in lexicon.countries() and not scan.medical(index + 1)

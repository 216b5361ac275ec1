"""Names of persons in English text.

A row of capitalised words is scored: how sure the lists are of each word, and how much its neighbours speak of a
person (a title, "patient", "my daughter", a comma behind "a 54-year-old man", a degree). With enough
points (people_weights.py) it is a name.
"""

from __future__ import annotations

from tasks.data.phi.en import (
    lexicon,
    people_cues,
    people_lower,
    people_score,
    people_unlisted,
    people_words,
    species,
    words,
)
from tasks.data.phi.en.people_weights import WEIGHTS
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import INITIAL, LOWER, MIXED, TITLE, UPPER


def find(scan: Scan) -> None:
    """Add every name of a scanned text to its cover.

    Between Chinese characters Latin letters are mostly drugs and abbreviations: there a name needs a capital letter,
    and a title, a word that a list holds or a Chinese word that announces it.
    """
    index = 0
    common = lexicon.words()
    while index < len(scan.words):
        if scan.words[index].shape == LOWER and not scan.announced:
            low = scan.lows[index]
            index = index + 1 if low in common and low not in words.TITLES else people_lower.take(scan, index)
        elif scan.capital(index):
            last = scan.run_end(index)
            # "Smith's Crohn's disease": a possessive ends a name.
            last = next((word + 1 for word in range(index, last) if scan.words[word].possessive), last)
            taken = len(scan.cover.spans)
            if people_unlisted.surname_first(scan, index, last) and scan.free(index, last):
                end = scan.run_end(last, limit=WEIGHTS.given_words)
                scan.take(index, end if scan.free(index, end) else last, "NAME")
                index = end
                continue
            if (
                not scan.announced
                or any(_listed(scan, word) for word in range(index, last))
                or scan.announced(scan.words[index].start)
            ):
                _run(scan, index, last)
            if len(scan.cover.spans) > taken:
                _surname_first(scan, index)
            index = last
        else:
            index += 1


def _surname_first(scan: Scan, first: int) -> None:
    """ "Smith, Jane": a surname that begins a line or follows a colon, a comma, and the given name just taken."""
    if first == 0 or scan.gaps[first] not in (", ", ",") or scan.words[first - 1].shape not in (TITLE, UPPER):
        return
    given = scan.words[first]
    alone = scan.opens_sentence(first - 1) and not scan.cover.free(given.start, given.end)
    listed = given.low in lexicon.given_names() and scan.low(first - 1) in lexicon.surnames()
    record = scan.low(first - 1) not in lexicon.words() and bool(people_score.RECORD_AHEAD.match(scan.text, given.end))
    if alone and (listed or record) and scan.free(first - 1, first):
        scan.take(first - 1, first, "NAME")


def _listed(scan: Scan, index: int) -> bool:
    low = scan.low(index)
    return low in words.TITLES or (
        low not in lexicon.words() and (low in lexicon.given_names() or low in lexicon.surnames())
    )


def _run(scan: Scan, first: int, last: int) -> None:
    """Cut a row of capitalised words where a word cannot be a name, and judge the pieces."""
    titled = people_cues.title_at(scan, first - 1) and scan.joined(first)
    start = first
    index = first
    while index < last:
        word = scan.words[index]
        if (
            word.low in words.TITLES
            and word.shape in (TITLE, UPPER)
            and index + 1 < last
            and people_cues.title_at(scan, index)
        ):
            _piece(scan, start, index, titled)
            end = index + 1
            while end < last and (scan.low(end) in words.TITLES or not _blocked(scan, end, end == index + 1)):
                end += 1
            _piece(scan, index, end, True)
            start = index = end
            titled = False
            continue
        if _blocked(scan, index, titled and index == first):
            _piece(scan, start, index, titled and start == first)
            start = index + 1
        index += 1
    _piece(scan, start, last, titled and start == first)


def _blocked(scan: Scan, index: int, titled: bool) -> bool:
    """Whether the word can be no part of a name."""
    word = scan.words[index]
    low = word.low
    if word.shape == INITIAL or low in words.PARTICLES or not scan.cover.free(word.start, word.end):
        return not scan.cover.free(word.start, word.end)
    if word.shape == MIXED:
        return not titled
    listed = low in lexicon.given_names() or low in lexicon.surnames()
    if titled:
        return low in words.FACILITY_ENDS and not listed
    if low in words.MONTHS and low not in ("april", "may", "june", "august", "jan"):
        return True
    if low in lexicon.words():
        return not ((listed and low in lexicon.ambiguous()) or _beside_name(scan, index))
    if word.shape == UPPER:
        return not listed or len(low) < WEIGHTS.capitals_letters or low in words.DEGREES
    return (low in lexicon.countries() and not listed) or people_score.compound(scan, index)


def _beside_name(scan: Scan, index: int) -> bool:
    """Whether a word that is also a name stands beside another name: "Autumn Rivers", "Kwame Lake"."""
    low, given = scan.low(index), lexicon.given_names()
    if scan.words[index].shape != TITLE:
        return False
    if index and scan.joined(index) and (low in lexicon.surnames() or low in lexicon.ambiguous()):
        return scan.low(index - 1) in given and scan.words[index - 1].shape == TITLE
    if low not in given:
        return False
    if scan.gaps[index] == " " and scan.low(index - 1) in people_words.NAME_CUES:
        return True
    if scan.opens_sentence(index) and ":" not in scan.gaps[index] and "\n" not in scan.gaps[index]:
        return False
    ahead = index + 1 < len(scan.words) and scan.joined(index + 1) and scan.words[index + 1].shape == TITLE
    return ahead and (scan.low(index + 1) in lexicon.surnames() or scan.low(index + 1) in lexicon.ambiguous())


def _piece(scan: Scan, first: int, last: int, titled: bool) -> None:
    """Take a row of capitals as a name, without its degrees, if its score is enough."""
    while last - first > 1 and scan.low(last - 1) in words.DEGREES - {"jr", "sr", "do"}:
        last -= 1
    while first < last and scan.low(first) in words.PARTICLES and scan.words[first].shape == LOWER:
        first += 1
    if first >= last or not scan.free(first, last):
        return
    if titled:
        titles = sum(scan.low(index) in words.TITLES for index in range(first, last))
        if first + titles < last:
            start = first if titles else _title_start(scan, first)
            scan.take(start, min(last, first + titles + WEIGHTS.longest), "NAME")
    elif (
        _cited(scan, last)
        or species.named(scan, first, last)
        or (scan.medical(last) and not people_unlisted.record_ahead(scan, scan.words[last - 1].end))
    ):
        return
    elif last - first > 1 and _leading(scan, first):
        _piece(scan, first + 1, last, False)
    elif people_score.score(scan, first, last) >= WEIGHTS.enough:
        scan.take(first, last, "NAME")
    elif last - first >= WEIGHTS.eponym_row and scan.low(first) in lexicon.eponyms():
        _piece(scan, first + 1, last, False)


def _leading(scan: Scan, first: int) -> bool:
    """Whether the first word is capital only because a sentence begins: "Will John", "May Jane", "A Smith"."""
    if scan.low(first) == "a" and scan.words[first].shape == INITIAL:
        return not scan.gaps[first + 1].startswith(".")
    common = scan.low(first) in lexicon.words() and scan.opens_sentence(first)
    return common and scan.low(first + 1) in lexicon.usual_given_names()


def _title_start(scan: Scan, first: int) -> int:
    """The lower-case title before a name belongs to it: "dr Smith"."""
    return first - 1 if scan.low(first - 1) in words.TITLES else first


def _cited(scan: Scan, last: int) -> bool:
    """ "Smith et al." is a public citation."""
    return scan.low(last) == "et" and scan.low(last + 1) == "al"

"""Names of persons in English text.

A row of capitalised words is scored: how sure the lists are of each word, and how much its neighbours speak of a
person (a title, "patient", "my daughter", a comma behind "a 54-year-old man", a degree). At two points it is a name.
"""

from __future__ import annotations

import re

from tasks.data.phi import cues, lexicon, lower_people, unlisted, vocabulary
from tasks.data.phi.chinese_people import announces
from tasks.data.phi.scan import Scan
from tasks.data.phi.words import INITIAL, LOWER, MIXED, TITLE, UPPER

_ENOUGH = 2.0
_LONGEST = 5  # words of a name behind its titles
_AGE_AHEAD = re.compile(
    r"\.?\s?[,(]?\s{0,2}(?:(?:is|was)\s)?(?:an?\s)?(?:age[d:]?\s)?(?:\d{1,3}[\s-]{0,2}(?:y|mo|m\b|f\b)|\d\d[,)])",
    re.IGNORECASE,
)
_RECORD_AHEAD = re.compile(
    r"\.?\s?[,(;]?\s{0,2}(?:MRN|DOB|SSN|born|[Aa]ge|[Dd]\.?o\.?b|ID\b|[Mm]edical [Rr]ecord|[Pp]hone|[Cc]ontact|[Mm]rn)"
)


def find(scan: Scan) -> None:
    """Add every name of a scanned text to its cover.

    Between Chinese characters Latin letters are mostly drugs and abbreviations: there a name needs a capital letter,
    and a title, a word that a list holds or a Chinese word that announces it.
    """
    index = 0
    while index < len(scan.words):
        if scan.words[index].shape == LOWER and not scan.chinese:
            index = lower_people.take(scan, index)
        elif scan.capital(index):
            last = scan.run_end(index)
            # "Smith's Crohn's disease": a possessive ends a name.
            last = next((word + 1 for word in range(index, last) if scan.words[word].possessive), last)
            taken = len(scan.cover.spans)
            if unlisted.surname_first(scan, index, last) and scan.free(index, last):
                end = scan.run_end(last, limit=3)
                scan.take(index, end if scan.free(index, end) else last, "NAME")
                index = end
                continue
            if (
                not scan.chinese
                or any(_listed(scan, word) for word in range(index, last))
                or announces(scan.chinese, scan.words[index].start)
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
    record = scan.low(first - 1) not in lexicon.words() and bool(_RECORD_AHEAD.match(scan.text, given.end))
    if alone and (listed or record) and scan.free(first - 1, first):
        scan.take(first - 1, first, "NAME")


def _listed(scan: Scan, index: int) -> bool:
    low = scan.low(index)
    return low in vocabulary.TITLES or (
        low not in lexicon.words() and (low in lexicon.given_names() or low in lexicon.surnames())
    )


def _run(scan: Scan, first: int, last: int) -> None:
    """Cut a row of capitalised words where a word cannot be a name, and judge the pieces."""
    titled = cues.title_at(scan, first - 1) and scan.joined(first)
    start = first
    index = first
    while index < last:
        word = scan.words[index]
        if (
            word.low in vocabulary.TITLES
            and word.shape in (TITLE, UPPER)
            and index + 1 < last
            and cues.title_at(scan, index)
        ):
            _piece(scan, start, index, titled)
            end = index + 1
            while end < last and (scan.low(end) in vocabulary.TITLES or not _blocked(scan, end, end == index + 1)):
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
    if word.shape == INITIAL or low in vocabulary.PARTICLES or not scan.cover.free(word.start, word.end):
        return not scan.cover.free(word.start, word.end)
    if word.shape == MIXED:
        return not titled
    listed = low in lexicon.given_names() or low in lexicon.surnames()
    if titled:
        return low in vocabulary.FACILITY_ENDS and not listed
    if low in vocabulary.MONTHS and low not in ("april", "may", "june", "august", "jan"):
        return True
    if low in lexicon.words():
        return not ((listed and low in lexicon.ambiguous()) or _beside_name(scan, index))
    if word.shape == UPPER:
        return not listed or len(low) < 4 or low in vocabulary.DEGREES
    return (low in lexicon.countries() and not listed) or _compound(scan, index)


def _beside_name(scan: Scan, index: int) -> bool:
    """Whether a word that is also a name stands beside another name: "Autumn Rivers", "Kwame Lake"."""
    low, given = scan.low(index), lexicon.given_names()
    if scan.words[index].shape != TITLE:
        return False
    if index and scan.joined(index) and (low in lexicon.surnames() or low in lexicon.ambiguous()):
        return scan.low(index - 1) in given and scan.words[index - 1].shape == TITLE
    if low not in given:
        return False
    if scan.gaps[index] == " " and scan.low(index - 1) in vocabulary.NAME_CUES:
        return True
    if scan.opens_sentence(index) and ":" not in scan.gaps[index] and "\n" not in scan.gaps[index]:
        return False
    ahead = index + 1 < len(scan.words) and scan.joined(index + 1) and scan.words[index + 1].shape == TITLE
    return ahead and (scan.low(index + 1) in lexicon.surnames() or scan.low(index + 1) in lexicon.ambiguous())


def _compound(scan: Scan, index: int) -> bool:
    """A hyphenated word with a part that is a word of the language: "VLA-alpha", "Beta-Blocker", not "Mbatha-Raw"."""
    word = scan.words[index]
    parts = word.low.split("-")
    if len(parts) < 2:
        return False
    names = lexicon.ambiguous() | vocabulary.PARTICLES
    common = [len(part) < 2 or (part in lexicon.words() and part not in names) for part in parts]
    raw = scan.text[word.start : word.end].replace("‑", "-").split("-")
    return common[0] or any(strange and not part[:1].isupper() for strange, part in zip(common, raw, strict=False))


def _piece(scan: Scan, first: int, last: int, titled: bool) -> None:
    """Take a row of capitals as a name, without its degrees, if its score is enough."""
    while last - first > 1 and scan.low(last - 1) in vocabulary.DEGREES - {"jr", "sr", "do"}:
        last -= 1
    while first < last and scan.low(first) in vocabulary.PARTICLES and scan.words[first].shape == LOWER:
        first += 1
    if first >= last or not scan.free(first, last):
        return
    if titled:
        titles = sum(scan.low(index) in vocabulary.TITLES for index in range(first, last))
        if first + titles < last:
            start = first if titles else _title_start(scan, first)
            scan.take(start, min(last, first + titles + _LONGEST), "NAME")
    elif (scan.medical(last) and not unlisted.record_ahead(scan, scan.words[last - 1].end)) or _cited(scan, last):
        return
    elif last - first > 1 and _leading(scan, first):
        _piece(scan, first + 1, last, False)
    elif _score(scan, first, last) >= _ENOUGH:
        scan.take(first, last, "NAME")
    elif last - first > 2 and scan.low(first) in lexicon.eponyms():
        _piece(scan, first + 1, last, False)


def _leading(scan: Scan, first: int) -> bool:
    """Whether the first word is capital only because a sentence begins: "Will John", "May Jane", "A Smith"."""
    if scan.low(first) == "a" and scan.words[first].shape == INITIAL:
        return not scan.gaps[first + 1].startswith(".")
    common = scan.low(first) in lexicon.words() and scan.opens_sentence(first)
    return common and scan.low(first + 1) in lexicon.usual_given_names()


def _score(scan: Scan, first: int, last: int) -> float:
    """How sure it is that a row of capitals is a name."""
    lows = [scan.low(index) for index in range(first, last)]
    before = max(_before(scan, first), unlisted.before(scan, first))
    context = before + max(_after(scan, last, first), unlisted.after(scan, first, last))
    score = context + sum(_weight(scan, index, first) for index in range(first, last))
    if len(lows) > 1 and lows[0] in lexicon.given_names() and lows[-1] in lexicon.surnames():
        score += 0.4
    strange = unlisted.row(scan, first, last)
    score += strange
    common = all(low in lexicon.words() or low in lexicon.countries() for low in lows)
    if common and not strange and context < (1.5 if len(lows) == 1 else 1.0):
        score -= 1.0
    if lexicon.eponyms().issuperset(lows) and context < 1:
        score -= 1.0
    if len(lows) == 1 and scan.words[first].shape == UPPER and context < 1.6:
        return 0.0  # an abbreviation
    if all(scan.words[index].shape == INITIAL for index in range(first, last)):
        score += 2.0 if before >= 1.5 and scan.gaps[last].startswith(".") else -1.0
    return score


def _title_start(scan: Scan, first: int) -> int:
    """The lower-case title before a name belongs to it: "dr Smith"."""
    return first - 1 if scan.low(first - 1) in vocabulary.TITLES else first


def _weight(scan: Scan, index: int, first: int) -> float:
    """How sure the lists are that a word is a name."""
    word = scan.words[index]
    low = word.low
    if word.shape == INITIAL:
        return 0.7
    if low in vocabulary.PARTICLES:
        return 0.2 if word.shape == TITLE else 0.0
    given = low in lexicon.given_names()
    listed = given or low in lexicon.surnames()
    parts = low.split("-")
    if not listed and len(parts) > 1 and not _compound(scan, index):
        listed = any(part in lexicon.surnames() or part in lexicon.given_names() for part in parts)
    if low in lexicon.eponyms():
        base = 0.8 if listed else 0.0
    elif low in lexicon.words():
        base = 0.3 if index == first and scan.opens_sentence(index) else 0.6
    elif low in lexicon.usual_given_names():
        base = 2.0
    elif given:
        base = 1.4
    elif listed:
        base = 1.2
    else:
        base = 0.5
    if low in lexicon.cities() or low in vocabulary.STATES or low in lexicon.countries() or len(low) < 3:
        base = min(base, 0.8)
    return base * 0.6 if word.shape == UPPER else base


def _before(scan: Scan, first: int) -> float:
    """How much the words before a row of capitals speak of a person."""
    gap = scan.gaps[first]
    low = scan.low(first - 1)
    if scan.chinese and announces(scan.chinese, scan.words[first].start):
        return 1.6
    if not low:
        return 0.0
    if ":" in gap and not gap.strip(" :\t\n-*_"):
        return 2.2 if low in vocabulary.LABELS else 0.0
    if gap in (" ", "  ", ' "', " “", " ("):
        if low in vocabulary.NAME_CUES:
            return 1.6
        if low in ("is", "was") and scan.low(first - 2) in ("name", "patient", "names", "surname"):
            return 1.6
        if low in vocabulary.DEALING and scan.joined(first + 1) and scan.capital(first + 1):
            return 1.0
        if low == "with" and scan.low(first - 2) in vocabulary.TALKING:
            return 1.5
        if low == "by" and scan.low(first - 2) in vocabulary.DONE_BY:
            return 1.5
        if low == "is" and scan.low(first - 2) == "this" and scan.gaps[scan.run_end(first)].startswith(","):
            return 1.6
        if low in vocabulary.WEAK_CUES:
            return 0.5
        return 0.0
    if gap.strip() == "," or gap.strip() in ("(", "-", "–", "—"):
        if low in ("regards", "sincerely", "thanks", "best", "yours", "cheers", "truly", "faithfully"):
            return 1.6
        return 1.2 if cues.person_near(scan, first) else 0.0
    if "\n" in gap and low in (
        "regards",
        "sincerely",
        "thanks",
        "yours",
        "by",
        "faithfully",
        "truly",
        "wishes",
        "best",
        "cheers",
    ):
        return 1.6
    return 0.0


def _after(scan: Scan, last: int, first: int) -> float:
    """How much the words behind a row of capitals speak of a person."""
    gap = scan.gaps[last]
    end = scan.words[last - 1].end
    low = scan.low(last)
    if (
        gap.strip(" .") in ("", ",")
        and last < len(scan.words)
        and scan.words[last].shape in (UPPER, TITLE)
        and low in vocabulary.DEGREES
    ):
        return 2.0 if last - first > 1 or scan.low(first) not in lexicon.words() else 0.5
    if _RECORD_AHEAD.match(scan.text, end):
        return 1.6
    if _AGE_AHEAD.match(scan.text, end):
        return 1.2
    if gap == " " and low in vocabulary.PERSON_VERBS:
        return 1.5 if low in vocabulary.PATIENT_VERBS else 1.0
    if gap == " " and low in vocabulary.AFTER_CUES:
        return 0.6
    if gap.startswith(", ") and low in vocabulary.AFTER_CUES:
        return 0.4
    return 0.0


def _cited(scan: Scan, last: int) -> bool:
    """ "Smith et al." is a public citation."""
    return scan.low(last) == "et" and scan.low(last + 1) == "al"

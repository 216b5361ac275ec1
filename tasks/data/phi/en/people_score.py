"""How sure it is that a row of capitalised words is a name: points for its words and for what stands around them."""

from __future__ import annotations

import re

from tasks.data.phi.en import lexicon, people_cues, people_unlisted, people_words, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import INITIAL, TITLE, UPPER

_AGE_AHEAD = re.compile(
    r"\.?\s?[,(]?\s{0,2}(?:(?:is|was)\s)?(?:an?\s)?(?:age[d:]?\s)?(?:\d{1,3}[\s-]{0,2}(?:y|mo|m\b|f\b)|\d\d[,)])",
    re.IGNORECASE,
)
RECORD_AHEAD = re.compile(
    r"\.?\s?[,(;]?\s{0,2}(?:MRN|DOB|SSN|born|[Aa]ge|[Dd]\.?o\.?b|ID\b|[Mm]edical [Rr]ecord|[Pp]hone|[Cc]ontact|[Mm]rn)"
)


def score(scan: Scan, first: int, last: int) -> float:
    """How sure it is that a row of capitals is a name."""
    lows = [scan.low(index) for index in range(first, last)]
    before = max(_before(scan, first), people_unlisted.before(scan, first))
    context = before + max(_after(scan, last, first), people_unlisted.after(scan, first, last))
    score = context + sum(_weight(scan, index, first) for index in range(first, last))
    if len(lows) > 1 and lows[0] in lexicon.given_names() and lows[-1] in lexicon.surnames():
        score += 0.4
    strange = people_unlisted.row(scan, first, last)
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


def _weight(scan: Scan, index: int, first: int) -> float:
    """How sure the lists are that a word is a name."""
    word = scan.words[index]
    low = word.low
    if word.shape == INITIAL:
        return 0.7
    if low in words.PARTICLES:
        return 0.2 if word.shape == TITLE else 0.0
    given = low in lexicon.given_names()
    listed = given or low in lexicon.surnames()
    parts = low.split("-")
    if not listed and len(parts) > 1 and not compound(scan, index):
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
    if low in lexicon.cities() or low in words.STATES or low in lexicon.countries() or len(low) < 3:
        base = min(base, 0.8)
    return base * 0.6 if word.shape == UPPER else base


def _before(scan: Scan, first: int) -> float:
    """How much the words before a row of capitals speak of a person."""
    gap = scan.gaps[first]
    low = scan.low(first - 1)
    if scan.announced and scan.announced(scan.words[first].start):
        return 1.6
    if not low:
        return 0.0
    if ":" in gap and not gap.strip(" :\t\n-*_"):
        return 2.2 if low in people_words.LABELS else 0.0
    if gap in (" ", "  ", ' "', " “", " ("):
        if low in people_words.NAME_CUES:
            return 1.6
        if low in ("is", "was") and scan.low(first - 2) in ("name", "patient", "names", "surname"):
            return 1.6
        if low in people_words.DEALING and scan.joined(first + 1) and scan.capital(first + 1):
            return 1.0
        if low == "with" and scan.low(first - 2) in people_words.TALKING:
            return 1.5
        if low == "by" and scan.low(first - 2) in people_words.DONE_BY:
            return 1.5
        if low == "is" and scan.low(first - 2) == "this" and scan.gaps[scan.run_end(first)].startswith(","):
            return 1.6
        if low in people_words.WEAK_CUES:
            return 0.5
        return 0.0
    if gap.strip() == "," or gap.strip() in ("(", "-", "–", "—"):
        if low in ("regards", "sincerely", "thanks", "best", "yours", "cheers", "truly", "faithfully"):
            return 1.6
        return 1.2 if people_cues.person_near(scan, first) else 0.0
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
        and low in words.DEGREES
    ):
        return 2.0 if last - first > 1 or scan.low(first) not in lexicon.words() else 0.5
    if RECORD_AHEAD.match(scan.text, end):
        return 1.6
    if _AGE_AHEAD.match(scan.text, end):
        return 1.2
    if gap == " " and low in people_words.PERSON_VERBS:
        return 1.5 if low in people_words.PATIENT_VERBS else 1.0
    if gap == " " and low in people_words.AFTER_CUES:
        return 0.6
    if gap.startswith(", ") and low in people_words.AFTER_CUES:
        return 0.4
    return 0.0


def compound(scan: Scan, index: int) -> bool:
    """A hyphenated word with a part that is a word of the language: "VLA-alpha", "Beta-Blocker", not "Mbatha-Raw"."""
    word = scan.words[index]
    parts = word.low.split("-")
    if len(parts) < 2:
        return False
    names = lexicon.ambiguous() | words.PARTICLES
    common = [len(part) < 2 or (part in lexicon.words() and part not in names) for part in parts]
    raw = scan.text[word.start : word.end].replace("‑", "-").split("-")
    return common[0] or any(strange and not part[:1].isupper() for strange, part in zip(common, raw, strict=False))

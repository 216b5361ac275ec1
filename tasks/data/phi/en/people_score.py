"""How sure it is that a row of capitalised words is a name: points for its words and for what stands around them."""

from __future__ import annotations

import re

from tasks.data.phi.en import lexicon, people_cues, people_said, people_unlisted, people_words, words
from tasks.data.phi.en.people_weights import WEIGHTS
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
    before = max(_before(scan, first), people_unlisted.before(scan, first), people_said.before(scan, first))
    behind = (_after(scan, last, first), people_unlisted.after(scan, first, last), people_said.after(scan, first, last))
    context = before + max(behind)
    points = context + sum(_weight(scan, index, first) for index in range(first, last))
    if len(lows) > 1 and lows[0] in lexicon.given_names() and lows[-1] in lexicon.surnames():
        points += WEIGHTS.given_and_surname
    strange = people_unlisted.row(scan, first, last)
    points += strange + people_said.prose(scan, first, last)
    common = all(low in lexicon.words() or low in lexicon.countries() for low in lows)
    if (
        common
        and not strange
        and context < (WEIGHTS.one_word_context if len(lows) == 1 else WEIGHTS.only_words_context)
    ):
        points += WEIGHTS.only_words
    if lexicon.eponyms().issuperset(lows) and context < WEIGHTS.only_eponyms_context:
        points += WEIGHTS.only_eponyms
    if len(lows) == 1 and scan.words[first].shape == UPPER and context < WEIGHTS.abbreviation_context:
        return 0.0
    if all(scan.words[index].shape == INITIAL for index in range(first, last)):
        cued = before >= WEIGHTS.initials_context and scan.gaps[last].startswith(".")
        points += WEIGHTS.initials_cued if cued else WEIGHTS.only_initials
    return points


def _weight(scan: Scan, index: int, first: int) -> float:
    """How sure the lists are that a word is a name."""
    word = scan.words[index]
    low = word.low
    if word.shape == INITIAL:
        return WEIGHTS.initial
    if low in words.PARTICLES:
        return WEIGHTS.particle if word.shape == TITLE else 0.0
    given = low in lexicon.given_names()
    listed = given or low in lexicon.surnames()
    parts = low.split("-")
    if not listed and len(parts) > 1 and not compound(scan, index):
        listed = any(part in lexicon.surnames() or part in lexicon.given_names() for part in parts)
    if low in lexicon.eponyms():
        base = WEIGHTS.eponym if listed else 0.0
    elif low in lexicon.words():
        opens = index == first and scan.opens_sentence(index)
        base = WEIGHTS.word_opening if opens else WEIGHTS.word_and_name
    elif low in lexicon.usual_given_names():
        base = WEIGHTS.usual_given
    elif given:
        base = WEIGHTS.given
    elif listed:
        base = WEIGHTS.surname
    else:
        base = WEIGHTS.in_no_list
    town = low in lexicon.cities() or low in words.STATES or low in lexicon.countries()
    if town or len(low) < WEIGHTS.short_below:
        base = min(base, WEIGHTS.town_at_most)
    return base * WEIGHTS.capitals_share if word.shape == UPPER else base


def _before(scan: Scan, first: int) -> float:
    """How much the words before a row of capitals speak of a person."""
    gap = scan.gaps[first]
    low = scan.low(first - 1)
    if scan.announced and scan.announced(scan.words[first].start):
        return WEIGHTS.chinese_cue
    if not low:
        return 0.0
    if ":" in gap and not gap.strip(" :\t\n-*_"):
        return WEIGHTS.label if low in people_words.LABELS else 0.0
    if gap in (" ", "  ", ' "', " “", " ("):
        if low in people_words.NAME_CUES:
            return WEIGHTS.cue
        if low in ("is", "was") and scan.low(first - 2) in ("name", "patient", "names", "surname"):
            return WEIGHTS.name_is
        if low in people_words.DEALING and scan.joined(first + 1) and scan.capital(first + 1):
            return WEIGHTS.dealt_with
        if low == "with" and scan.low(first - 2) in people_words.TALKING:
            return WEIGHTS.talked_with
        if low == "by" and scan.low(first - 2) in people_words.DONE_BY:
            return WEIGHTS.done_by
        if low == "is" and scan.low(first - 2) == "this" and scan.gaps[scan.run_end(first)].startswith(","):
            return WEIGHTS.this_is
        if low in people_words.WEAK_CUES:
            return WEIGHTS.weak_cue
        return 0.0
    if gap.strip() == "," or gap.strip() in ("(", "-", "–", "—"):
        if low in ("regards", "sincerely", "thanks", "best", "yours", "cheers", "truly", "faithfully"):
            return WEIGHTS.signature
        return WEIGHTS.aside if people_cues.person_near(scan, first) else 0.0
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
        return WEIGHTS.signature
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
        word = last - first == 1 and scan.low(first) in lexicon.words()
        return WEIGHTS.degree_behind_word if word else WEIGHTS.degree
    if RECORD_AHEAD.match(scan.text, end):
        return WEIGHTS.record
    if _AGE_AHEAD.match(scan.text, end):
        return WEIGHTS.age
    if gap == " " and low in people_words.PERSON_VERBS:
        return WEIGHTS.patient_verb if low in people_words.PATIENT_VERBS else WEIGHTS.person_verb
    if gap == " " and low in people_words.AFTER_CUES:
        return WEIGHTS.after_cue
    if gap.startswith(", ") and low in people_words.AFTER_CUES:
        return WEIGHTS.after_cue_apart
    return 0.0


def compound(scan: Scan, index: int) -> bool:
    """A hyphenated word with a part that is a word of the language: "VLA-alpha", "Beta-Blocker", not "Mbatha-Raw"."""
    word = scan.words[index]
    parts = word.low.split("-")
    if len(parts) == 1:
        return False
    names = lexicon.ambiguous() | words.PARTICLES
    common = [len(part) < WEIGHTS.part_letters or (part in lexicon.words() and part not in names) for part in parts]
    raw = scan.text[word.start : word.end].replace("‑", "-").split("-")
    return common[0] or any(strange and not part[:1].isupper() for strange, part in zip(common, raw, strict=False))

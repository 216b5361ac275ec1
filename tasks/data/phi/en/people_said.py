"""Single names in ordinary prose: what people say, do and are called, whatever the lists hold.

`before` and `after` give points like those of people_unlisted.py; `coordinated` takes what stands beside a name in a
list ("Amy, Ubul and Kevin").
"""

from __future__ import annotations

import re

from tasks.data.phi.en import lexicon, people_cues, people_said_words, people_unlisted, words
from tasks.data.phi.en.people_weights import WEIGHTS
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import LOWER, TITLE

_SPEAKS = re.compile(
    r":\s{0,2}[\"“]|:\s(?:[A-Z][^\n:]{0,80}\b(?:I|me|you|your)\b|(?:What|Who|Why|How|Hello|Hi|Yes|Oh|You|I|Remember|Thanks)\b)"
)
_ASKS = re.compile(r",\s(?:(?:can|could|would|will|may|do|did|are|have)\s(?:I|you|we)|please)\b")
_CALLED_OUT = re.compile(r"\s?!")
_ACTS = re.compile(
    r"\s(?:had\sgiven|gave\s(?:me|him|her|us|them|his)|shouted|yelled|laughed|smiled|whispered|nodded|studied|married|moved\sto"
    r"|flew\sto|grew\sup|retired|replied|explained|began\s(?:writing|working|studying|his|her|to\swrite)"
    r"|will\sbe\s(?:talking|speaking|joining|visiting|calling|coming)|just\s(?:has|had|wants|wanted)\sto|speaks?\b|sang|sings"
    r"|(?:is|was)\s(?:very\s|so\s|really\s|always\s|a\svery\s){1,2}(?:reliable|impulsive|kind|nice|friendly|rude|helpful"
    r"|sympathetic|angry|sad|happy|upset|smart|funny|honest|patient|polite|shy)"
    r"|is\sfrom\s(?=[A-Z])|spent\sa\s(?:year|month|week|day)|(?:his|her|their)\s(?:address|phone|number|email|name|kid|house))\b"
)

_TO_SPEAKER = 3  # words back to the verb in "said Amy to Ubul"


def before(scan: Scan, first: int) -> float:
    """Points for what stands before a row of capitals."""
    low, second, gap = scan.low(first - 1), scan.low(first - 2), scan.gaps[first]
    if not low:
        return 0.0
    if gap != " ":
        asked = "?" in gap and low == "name"
        listed = ":" in gap and low in people_said_words.PEOPLE
        out = gap == ", " and bool(_CALLED_OUT.match(scan.text, scan.words[scan.run_end(first) - 1].end))
        return WEIGHTS.said if asked or listed or out else 0.0
    said = low in people_said_words.SAYS and any(mark in scan.gaps[first - 1] for mark in '"”,!?')
    spoken_to = low in ("to", "at", "with") and (
        second in people_said_words.SAYS or scan.low(first - _TO_SPEAKER) in people_said_words.SAYS
    )
    called = low in ("me", "him", "her", "us") and second in people_said_words.CALLS
    named = low == "called" and second in ("is", "was") and people_cues.person_near(scan, first - 1)
    beside = low == "and" and second in ("him", "her", "me", "he", "she", "us", "them")
    made_by = low == "by" and second in people_said_words.MADE
    known = low in ("heard", "met", "seen", "know", "knew") and second in ("you", "we", "they", "i")
    asks = low in ("is", "was", "does", "did") and second in ("why", "who", "where", "how") and _describes(scan, first)
    former = low.startswith("ex-") or low == "starring"
    if (
        said
        or spoken_to
        or called
        or named
        or beside
        or made_by
        or known
        or asks
        or former
        or low in people_said_words.PROFESSIONS
    ):
        return WEIGHTS.said
    return 0.0


def after(scan: Scan, first: int, last: int) -> float:
    """Points for what stands behind a row of capitals."""
    end = scan.words[last - 1].end
    opens = scan.opens_sentence(first)
    if opens and (_SPEAKS.match(scan.text, end) or _ASKS.match(scan.text, end)):
        return WEIGHTS.said
    if scan.words[last - 1].possessive and scan.low(last) in people_said_words.OWNED:
        return WEIGHTS.said
    return WEIGHTS.said if _ACTS.match(scan.text, end) else 0.0


def prose(scan: Scan, first: int, last: int) -> float:
    """Points for a listed name that stands alone within a sentence of lower-case words."""
    if last - first != 1 or scan.words[first].shape != TITLE or scan.opens_sentence(first) or scan.medical(last):
        return 0.0
    low = scan.low(first)
    if low in lexicon.words() or low in lexicon.eponyms() or _no_person(low):
        return 0.0
    if len(low) < WEIGHTS.prose_letters or scan.gaps[first] != " " or scan.words[first - 1].shape != LOWER:
        return 0.0  # "Leu", "Asp", "G6PD Santamaria"
    if scan.low(first - 1) in people_said_words.OF_THINGS or not _ends_well(scan, last):
        return 0.0
    listed = low in lexicon.given_names() or low in lexicon.surnames()
    return WEIGHTS.prose if listed and people_unlisted.in_prose(scan, first, last) else 0.0


def _no_person(low: str) -> bool:
    """Whether a listed name is a town, a state, a country or a make in prose."""
    places = low in lexicon.cities() or low in lexicon.countries() or low in words.STATES
    return places or low in people_said_words.NOT_PEOPLE


def _ends_well(scan: Scan, last: int) -> bool:
    """Whether what follows a name is a mark, a verb or a small word: "the Duarte variant" and "Eco RV" are things."""
    gap = scan.gaps[last]
    if scan.words[last - 1].possessive:
        return True
    return (
        last >= len(scan.words)
        or gap.strip()[:1] in (",", ".", "!", "?", ";", '"')
        or (gap == " " and scan.low(last) in people_said_words.BEHIND_NAMES)
    )


def _describes(scan: Scan, first: int) -> bool:
    return scan.low(scan.run_end(first)) in ("so", "always", "not", "from", "here", "such", "very", "being", "going")


def coordinated(scan: Scan) -> None:
    """Take the words of a list of single names in which one is a name for sure, or two are listed ones."""
    done = 0
    for index in scan.titles:
        if index < done:
            continue
        row = _row(scan, index)
        if len(row) > 1:
            _judge(scan, row)
        done = row[-1] + 1 if row else 0


def _row(scan: Scan, index: int) -> list[int]:
    """Single capitalised words with commas and one "and" between them."""
    row: list[int] = []
    while index < len(scan.words) and scan.words[index].shape == TITLE and not _continues(scan, index):
        row.append(index)
        ahead = index + 1
        if ahead >= len(scan.words):
            break
        if scan.low(ahead) in ("and", "or", "&") and scan.gaps[ahead] in (" ", ", "):
            ahead += 1
        elif scan.gaps[ahead] not in (", ", " & "):
            break
        if ahead < len(scan.words) and ahead != index + 1 and scan.gaps[ahead] != " ":
            break
        index = ahead
    return row


def _continues(scan: Scan, index: int) -> bool:
    """Whether a word belongs to a longer row of capitals."""
    after = index + 1 < len(scan.words) and scan.joined(index + 1) and scan.words[index + 1].shape != LOWER
    return after or (index > 0 and scan.joined(index) and scan.words[index - 1].shape == TITLE)


def _judge(scan: Scan, row: list[int]) -> None:
    if scan.medical(row[-1] + 1) or not _ends_well(scan, row[-1] + 1):
        return
    taken = [index for index in row if not scan.free(index, index + 1)]
    names = {span.start for span in scan.cover.spans if span.kind == "NAME"} if taken else set()
    sure = any(scan.words[index].start in names for index in taken)
    listed = [index for index in row if _listed(scan, index)]
    plain = [index for index in listed if scan.low(index) not in lexicon.words() | lexicon.eponyms()]
    pair = bool(plain) and all(index in listed or people_unlisted.unknown(scan, index) for index in row)
    subject = scan.opens_sentence(row[0]) and scan.low(row[-1] + 1) in ("were", "are", "had", "have")
    prose = subject or people_unlisted.in_prose(scan, row[0], row[-1] + 1)
    if sure or (pair and len(listed) * 2 >= len(row) and prose):
        for index in row:
            if index in listed or people_unlisted.unknown(scan, index):
                scan.take(index, index + 1, "NAME")


def _listed(scan: Scan, index: int) -> bool:
    low = scan.low(index)
    if low in lexicon.words() and low not in lexicon.ambiguous() and low not in lexicon.eponyms():
        return False
    if len(low) < WEIGHTS.prose_letters or low in words.MONTHS or _no_person(low):
        return False
    return low in lexicon.given_names() or low in lexicon.surnames()

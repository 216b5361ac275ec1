"""Names that no list holds: what the shape of a row of capitals, and what stands around it, say of a person.

English prose capitalises little. Two capitalised words in a row, neither of them a word of the language, a country, a
town or an eponym, and no disease or facility behind them, are a person. A single such word is one only where a person
is expected: a record number follows, a nurse's "c/o", a relative ("Xolani's son"), a label ("Assistant:").
"""

from __future__ import annotations

import re

from tasks.data.phi.en import lexicon, people_words, towns, words
from tasks.data.phi.en.people_weights import WEIGHTS
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import INITIAL, LOWER, TITLE, UPPER

# What notes say of a person only, and what they say of a drug as well, right behind the name.
_DOES = re.compile(
    r"\s(?:c/o|h/o|A&O|(?:resting|ambulat\w{2,4}|tolerated|sleeping|slept|alert|awake|fell|voided|sitting|verbali[sz]e[sd]"
    r"|feels|felt|wants|wanted|visited|vomited|pulled|sedated|paged|drank|ate|cried|phoned|rang|NPO|notified|informed|aware|here|refused|agrees|wishes|lives|works|smokes|drinks"
    r"|was\s(?:admitted|born|hospitali[sz]ed|discharged|extubated|intubated|advised|told)"
    r"|is\s(?:an?\s|the\s)?(?:\d{1,3}[\s-]|pleasant|delightful|pregnant|here|vomiting|coughing|bleeding|sleeping|eating|breathing|crying|asking|doing|my\b|our\b|allergic))\b)"
)
_UNDERGOES = re.compile(
    r"\s(?:s/p|w/|NPO|appears|appeared|remains|remained|takes|took|needs|receives|received|signed|has\sbeen|had\sbeen"
    r"|was\s(?:seen|started|transferred|referred|treated|brought|diagnosed|given|found|placed|taken|evaluated)"
    r"|is\s(?:known|currently))\b"
)
_WHO = re.compile(r",?\swho(?:m|se)?\b")
_AGED = re.compile(r",?\s\(?(?:age[d:]?\s)?\d{1,3}[\s-]?(?:[MFmf]\b|y)|,?\s\(?(?:MRN|DOB|DOD|[Mm]ale\b|[Ff]emale\b)")
_SEX_CODE = re.compile(r"\d{1,3}(?:yo?)?[mf]|[mf]\d{2}")  # "58F", "34yoM"
_LABEL_ENDS = ("ologist", "ologists", "ician", "assistant", "thetist", "surgeon", "operator", "officer", "manager")
_IN_ROOM = re.compile(r"\b(?:[Bb]ed|[Rr]oom|[Rr]m|[Bb]ay|[Ww]ard)\s#?\w{1,4}\s?[,:\-–]\s{0,2}$")
_APART = re.compile(r"\s?[(,;|\n/–-]|\s{2}")  # otherwise the word itself is the label: "Accession S21-44810"
_SENTENCE_ENDS = re.compile(r"[.?!;\n](?!\S)")


def unknown(scan: Scan, index: int) -> bool:
    """Whether a capitalised word is in no list but, perhaps, one of names."""
    word = scan.words[index]
    return (
        word.shape == TITLE
        and len(word.low) > 1
        and word.low not in lexicon.words()
        and word.low not in lexicon.eponyms()
        and word.low not in lexicon.countries()
        and word.low not in words.PARTICLES
        and word.low not in scan.lower_words()  # a text that writes it small, too, does not mean a person
    )


def row(scan: Scan, first: int, last: int) -> float:
    """Points for what the words of a row are: two that belong to no vocabulary, or a given name and a surname."""
    full = [index for index in range(first, last) if scan.words[index].shape == TITLE]
    full = [index for index in full if scan.low(index) not in words.PARTICLES]
    if len(full) <= 1 or _flanked(scan, first, last):
        return 0.0
    strange = sum(unknown(scan, index) for index in full)
    if strange == len(full):
        return WEIGHTS.all_in_no_list
    given, family = scan.low(full[0]), scan.low(full[-1])
    if given in lexicon.given_names() and (strange or family in lexicon.surnames()) and in_prose(scan, first, last):
        return WEIGHTS.given_and_strange
    if strange and family in lexicon.surnames() and in_prose(scan, first, last):
        return WEIGHTS.strange_and_surname
    return 0.0


def before(scan: Scan, first: int) -> float:
    """Points for what stands before a row of capitals."""
    low, gap = scan.low(first - 1), scan.gaps[first]
    if ":" in gap and not gap.strip(" :\t\n-*_") and (low in people_words.NAME_CUES or low.endswith(_LABEL_ENDS)):
        return WEIGHTS.label
    if gap == " " and low == "is" and scan.low(first - 2) == "this" and _says(scan, scan.run_end(first)):
        return WEIGHTS.this_is
    if "\n" in gap and unknown(scan, first) and scan.run_end(first) == len(scan.words):
        return WEIGHTS.signature  # in the last line
    if gap == " " and low in people_words.NURSED:
        return WEIGHTS.nursed
    if gap == " " and _SEX_CODE.fullmatch(low):
        return WEIGHTS.sex_code
    if (
        low.isalnum()
        and low[:1].isdigit()
        and _IN_ROOM.search(scan.text, max(0, scan.words[first].start - WEIGHTS.room_reach), scan.words[first].start)
    ):
        return WEIGHTS.in_room
    return 0.0


def after(scan: Scan, first: int, last: int) -> float:
    """Points for what stands behind a row of capitals."""
    end = scan.words[last - 1].end
    if record_ahead(scan, end):
        return WEIGHTS.record
    if scan.words[last - 1].possessive and scan.low(last) in people_words.OWNED and unknown(scan, last - 1):
        return WEIGHTS.owned
    if _WHO.match(scan.text, end) and unknown(scan, first):
        return WEIGHTS.who
    if _DOES.match(scan.text, end) and scan.words[first].shape == TITLE:
        return WEIGHTS.does if unknown(scan, first) or _surnamed(scan, last - 1) else 0.0
    return WEIGHTS.undergoes if _UNDERGOES.match(scan.text, end) and unknown(scan, first) else 0.0


def acts(scan: Scan, last: int) -> bool:
    """Whether what stands behind a word is what only a person does."""
    return bool(_DOES.match(scan.text, scan.words[last - 1].end))


def _says(scan: Scan, last: int) -> bool:
    """Whether "this is X" introduces a caller: "again", "calling", a comma."""
    return scan.gaps[last][:1] in (",", ".") or scan.low(last) in (
        "again",
        "calling",
        "from",
        "here",
        "speaking",
        "and",
    )


def _surnamed(scan: Scan, index: int) -> bool:
    low = scan.low(index)
    return low in lexicon.surnames() or low in lexicon.given_names()


def record_ahead(scan: Scan, end: int) -> bool:
    """Whether a record number follows at once, only its label between: " (Chart no. 4411)", ", URN 5512"."""
    start = scan.record_behind(end)
    if not end < start <= end + WEIGHTS.record_reach or start == len(scan.text):
        return False
    between = scan.text[end:start]
    return bool(_APART.match(between)) and not _SENTENCE_ENDS.search(between.replace("no.", "no"))


def _flanked(scan: Scan, first: int, last: int) -> bool:
    """Whether the row is a piece of a longer name of something: "Faroe Islands", "the Amersham Corporation Kit"."""
    behind = last < len(scan.words) and scan.joined(last) and scan.words[last].shape == TITLE
    if behind and scan.low(last) not in words.DEGREES:
        return True
    ahead = first > 0 and scan.joined(first) and scan.words[first - 1].shape == TITLE
    return (ahead and not scan.opens_sentence(first - 1)) or towns.town_end(scan, first) == last


def in_prose(scan: Scan, first: int, last: int) -> bool:
    """Whether the words around a row are lower case, so that its capitals mean something; a heading's do not."""
    reach = WEIGHTS.prose_reach
    around = [*range(max(0, first - reach), first), *range(last, min(last + reach, len(scan.words)))]
    lower = sum(scan.words[index].shape == LOWER for index in around)
    return lower >= len(around) * WEIGHTS.prose_share and not ("\n" in scan.gaps[first] or "\n" in scan.gaps[last])


def surname_first(scan: Scan, first: int, last: int) -> bool:
    """ "for Okafor, Jean (", "RE: OKAFOR, Jean": the row before a comma and the row behind it are one person."""
    if scan.gaps[last] not in (", ", ",") or last - first > WEIGHTS.surname_words or not scan.capital(last):
        return False
    cue, gap = scan.low(first - 1), scan.gaps[first]
    opened = gap == " " and cue in ("for", "patient", "pt", "re", "regarding", "name")
    labelled = ":" in gap and (cue in people_words.LABELS or cue in people_words.NAME_CUES)
    end = scan.run_end(last, limit=WEIGHTS.given_words)
    given = scan.words[end - 1].end
    if scan.words[first].shape == UPPER and scan.words[last].shape == TITLE and scan.opens_sentence(first):
        labelled = labelled or bool(_AGED.match(scan.text, given)) or record_ahead(scan, given)
    if not (opened or labelled) or any(scan.low(index) in words.DEGREES for index in range(last, end)):
        return False
    shapes = {scan.words[index].shape for index in range(last, end)}
    if not labelled and UPPER in shapes:
        return False  # "for CBZ, PB and MPB"
    closed = scan.gaps[end].lstrip(" ")[:1] in ("", "(", "\n", "|", ";", "?")
    return shapes <= {TITLE, INITIAL, UPPER} and (labelled or closed) and _family(scan, first)


def _family(scan: Scan, index: int) -> bool:
    low = scan.low(index)
    if scan.words[index].shape == UPPER:
        return len(low) >= WEIGHTS.family_letters and low not in lexicon.words()
    return unknown(scan, index) or low in lexicon.surnames()

"""Places in English text: streets, facilities, towns with their states, and words behind "at" and "in"."""

from __future__ import annotations

import re

from tasks.data.phi import lexicon, vocabulary
from tasks.data.phi.scan import Scan
from tasks.data.phi.words import INITIAL, LOWER, MIXED, OTHER, TITLE, UPPER

_ENDS = "Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Way|Court|Ct|Place|Pl|Square|Sq|Terrace|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Trail|Crescent|Close|Row|Walk|Alley|Plaza|Loop|Pike|Gardens|Grove|Mews|Hill|Heights"
_NAME = r"[A-Z0-9ÀÁÂÄÇÈÉÊËÍÎÑÓÔÖØÚÛÜŠŽ][\w'’.-]{0,30}"
_UNIT = r"(?:,?\s{1,2}(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|Flat|#)\.?\s?#?[\w-]{1,6})?"
_CITY = r"(?:,\s{1,2}(?!Dr\b|Mr|Ms|Pt\b|Patient)[A-Z][\w'’.-]{1,25}(?:\s[A-Z][\w'’-]{1,25}){0,2})?"
_ZIP = r"(?:,?\s{1,2}[A-Z]{2}\b(?:,?\s{1,2}\d{5}(?:-\d{4})?\b)?|,?\s{1,2}\d{5}(?:-\d{4})?\b)?"
_STREET = re.compile(
    rf"(?<![\w/.-])(?:(?:Suite|Ste|Apt|Unit|Flat|Room|Floor)\.?\s#?\w{{1,5}},?\s{{1,2}})?\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?,?\s{{1,2}}(?:{_NAME}\s{{1,2}}){{1,4}}(?:{_ENDS})\b\.?(?:\s(?:NW|NE|SW|SE|[NSEW])\b)?{_UNIT}{_CITY}{_ZIP}"
    rf"|\b[Pp]\.?\s?[Oo]\.?\s?[Bb]ox\s\d{{1,8}}{_CITY}{_ZIP}"
    r"|\b[A-ZÄÖÜ]\w{2,30}(?:straße|strasse|str\.|gasse|weg|allee|platz)\s\d{1,4}[a-z]?\b(?:,\s\d{4,5}\s[A-ZÄÖÜ]\w{2,30})?"
    rf"|\b\d{{1,4}},?\s(?:[Rr]u[ea]|[Aa]venue|[Bb]oulevard|[Pp]lace|[Aa]llée|[Qq]uai|[Cc]alle|[Aa]venida|[Vv]ia|[Pp]iazza)\s(?:(?:de|du|des|la|le|les|das|dos|da|do|del|l')\s?){{0,3}}{_NAME}(?:\s{_NAME}){{0,2}}{_CITY}"
    rf"|\b(?:Calle|Avenida|Via|Viale|Rua|Carrer|Paseo|Piazza|Jalan|Ulica|ul\.)\s(?:(?:de|del|la|los|las|da|do|della)\s){{0,2}}{_NAME}(?:\s{_NAME}){{0,2}},?\s\d{{1,4}}\b"
)
_STREET_LOWER = re.compile(
    r"(?<![\w/.-])\d{1,6}\s(?:[nsew]\.?\s)?[a-z][a-z'’]{2,20}(?:\s[a-z]{3,20})?\s(?:street|avenue|road|boulevard|blvd|lane|ave|rd|st|drive)\b\.?"
    r"(?!\s(?:of|for|to)\b)"
)
_POSTCODE = re.compile(
    r"\b(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKPSTUW]?\s\d[ABD-HJLNP-UW-Z]{2})\b"
    r"|\b(?:[Zz]ip|ZIP)(?:\s?[Cc]ode)?(?:\sis)?[\s:]{1,3}(\d{5}(?:-\d{4})?)\b"
    r"|\b[A-Z]\d[A-Z]\s\d[A-Z]\d\b"
)
_ADDRESS = re.compile(r"\b(?:[Aa]ddress|ADDRESS)(?:\sis)?\s?:\s{0,3}([^\n;]{4,120})")
# Facilities whose kind comes first: "Klinikum Fulda", "Hôpital Bichat".
_FOREIGN_HEADS = (
    "klinikum",
    "krankenhaus",
    "klinik",
    "hôpital",
    "hopital",
    "clínica",
    "clinique",
    "ospedale",
    "policlinico",
    "ziekenhuis",
    "universität",
    "universidad",
    "université",
    "università",
    "centro médico",
    "szpital",
)
_GERMAN_ENDS = ("straße", "strasse", "str", "gasse", "weg", "allee", "platz")
_GENERIC = frozenset(
    """world public mental national global human behavioral occupational primary home oral sexual reproductive department
    institutes ministry genetic genetics information resource data research disease control the our a an this that your my
    any local nearby emergency what is are can does at in from to for of and nci nih cdc general women's maternal child
    population environmental international american european federal state department's community medical cancer study
    coordinating clinical trauma transplant comprehensive tertiary care center centers specialized designated""".split()  # noqa: SIM905
)
_TRIM = frozenset(
    "the our a an this that your my any local is are can does at in from to for of and or by with his her their what "
    "dr mr mrs ms patient pt prof on near de".split()  # noqa: SIM905
)
_MODIFIERS = frozenset(
    "downtown main area community university medical general regional outpatient urgent care dental eye "
    "children's family private heart pediatric women's memorial satellite city district county veterans health hosp "
    "cancer primary walk-in surgical rehab emergency teaching".split()  # noqa: SIM905
)
_CONNECTORS = frozenset("of and for the & de la du del dei di".split())  # noqa: SIM905
_SHORT_CITIES = frozenset("nyc la sf dc ny nola philly va".split())  # noqa: SIM905
_DWELLING = frozenset(
    """lives lived living live resides residing resided resident residents born raised moved based clinic office
    hospital facility home homes house relocated works worked working care center centre practice grew traveled travelled native staying
    stays visiting village town city suburb hometown university shelter ward department residence centers branch campus""".split()  # noqa: SIM905
)
_STRONG_HEADS = frozenset("hospital hospitals hosp clinic clinics infirmary hospice sanatorium polyclinic".split())  # noqa: SIM905


_TOWN_CUES = frozenset(("in", "at", "from", "near", "to"))
_SENT = frozenset(
    """admitted referred transferred presented presenting taken sent rushed brought went seen treated diagnosed evaluated
    hospitalized hospitalised followed visit visited discharged airlifted returned came born moved""".split()  # noqa: SIM905
)


def find(scan: Scan) -> None:
    """Add every place of a scanned text to its cover."""
    _addresses(scan)
    _facilities(scan)
    _towns_with_states(scan)
    behind_prepositions(scan, personal=False)


def _addresses(scan: Scan) -> None:
    text = scan.text
    if "ddress" in text or "ADDRESS" in text:
        for match in _ADDRESS.finditer(text):
            if re.search(r"\d|,", match[1]) and "@" not in match[1]:
                end = match.end(1) - (len(match[1]) - len(match[1].rstrip(" .,")))
                scan.cover.add(match.start(1), end, "PLACE")
    if not any(word.shape == OTHER for word in scan.words):
        return  # every street, box and postcode holds a number
    if any(
        word.low in vocabulary.STREET_ENDS or word.low.endswith(_GERMAN_ENDS) or word.low == "box"
        for word in scan.words
    ):
        for pattern in (_STREET, _STREET_LOWER):
            for match in pattern.finditer(text):
                scan.cover.add(*match.span(), "PLACE")
    for match in _POSTCODE.finditer(text):
        scan.cover.add(*match.span(match.lastindex or 0), "PLACE")


def _facilities(scan: Scan) -> None:
    for head, word in enumerate(scan.words):
        if word.low in vocabulary.FACILITY_ENDS and scan.free(head, head + 1):
            if word.shape in (TITLE, UPPER):
                _facility(scan, head)
            elif word.low in vocabulary.CLINIC_WORDS:
                _plain_facility(scan, head)
        elif word.low in ("office", "facility", "campus", "branch", "pharmacy") and word.shape == LOWER:
            _plain_facility(scan, head)
        elif word.shape == TITLE and word.low.endswith(_FOREIGN_HEADS):
            last = scan.run_end(head, limit=5)
            if last > head + 1 and scan.free(head, last):
                scan.take(head, last, "PLACE")
        elif word.low == "university" and word.shape == TITLE:
            _facility(scan, head)


def _facility(scan: Scan, head: int) -> None:
    """A name that ends in "Hospital", "Clinic", "Medical Center" and the like, all capitalised."""
    first = head
    while first > 0 and head - first < 7:
        if not scan.joined(first):
            break
        before = first - 1
        if scan.capital(before) or scan.words[before].shape == OTHER:
            first = before
        elif scan.low(before) in _CONNECTORS and before > 0 and scan.capital(before - 1) and scan.joined(before):
            first = before - 1
        else:
            break
    while first < head and (
        scan.low(first) in _TRIM
        or (
            scan.opens_sentence(first)
            and scan.low(first) in lexicon.words()
            and scan.low(first) not in vocabulary.FACILITY_HEADS
        )
    ):
        first += 1
    last = _facility_end(scan, head + 1)
    named = [scan.low(index) for index in range(first, last) if scan.capital(index)]
    own = [low for low in named if low not in _GENERIC and low not in lexicon.words()]
    visit = any(scan.low(index) in vocabulary.VISIT_WORDS for index in range(max(0, first - 6), first))
    if scan.low(head) in _STRONG_HEADS:
        accepted = len(named) > 1 and (
            bool(own) or visit or not all(low in _GENERIC for low in named[:-1]) or named[0] == "general"
        )
    else:
        accepted = (
            bool(own) or (visit and scan.low(first - 1) in ("at", "the", "to", "from", "in") and len(named) > 1)
        ) and last - first > 1
    if accepted and not (scan.low(head) in ("health", "medicine", "med") and not own):
        scan.take(first, last, "PLACE")


def _facility_end(scan: Scan, last: int) -> int:
    """Where the name of a facility ends: "... Center of Dallas", "... Hospital Los Angeles", "... Clinic in Rochester"."""
    while last < len(scan.words) and scan.joined(last):
        low = scan.low(last)
        if scan.capital(last) and (
            low in vocabulary.FACILITY_HEADS
            or low
            in (
                "system",
                "group",
                "trust",
                "foundation",
                "network",
                "services",
                "partners",
                "associates",
                "campus",
                "nhs",
            )
        ):
            last += 1
        elif scan.capital(last) and _gazetteer(scan, last) > last:
            last = _gazetteer(scan, last)
        elif (
            low in ("of", "in", "at", "for")
            and scan.capital(last + 1)
            and scan.joined(last + 1)
            and scan.low(last + 1) not in vocabulary.MONTHS
            and scan.low(last + 1) not in lexicon.countries()
        ):
            end = scan.run_end(last + 1, limit=4)
            if low in ("in", "at", "for") and _gazetteer(scan, last + 1) == last + 1 and low != "in":
                break
            last = _gazetteer(scan, last + 1) if low == "in" and _gazetteer(scan, last + 1) > last + 1 else end
        else:
            break
    # "... in Rochester, MN"
    if scan.gaps[last] == ", " and last < len(scan.words) and scan.words[last].shape == UPPER:
        word = scan.words[last]
        last += scan.text[word.start : word.end] in vocabulary.STATE_CODES and word.low not in vocabulary.DEGREES - {
            "ma",
            "md",
            "pa",
        }
    return last


def _plain_facility(scan: Scan, head: int) -> None:
    """ "the Dallas clinic", "Chicago downtown office", "at mercy general hospital"."""
    first = head
    while (
        first > 0
        and head - first < 2
        and scan.joined(first)
        and scan.low(first - 1) in _MODIFIERS
        and not scan.capital(first - 1)
    ):
        first -= 1
    if first == 0 or not scan.joined(first):
        return
    if scan.capital(first - 1):
        start = first - 1
        while start > 0 and scan.joined(start) and scan.capital(start - 1) and head - start < 6:
            start -= 1
        while start < first and (scan.low(start) in _TRIM or scan.low(start) in vocabulary.TITLES):
            start += 1
        names = [index for index in range(start, first) if _place_name(scan, index)]
        if names and (scan.words[names[-1]].shape != INITIAL):
            scan.take(start, head + 1, "PLACE")
        return
    start = first
    while (
        start > 0
        and head - start < 5
        and scan.joined(start)
        and scan.words[start - 1].shape == LOWER
        and scan.low(start - 1) not in _TRIM
    ):
        start -= 1
    if (
        start > 0
        and scan.low(start - 1) in ("at", "from", "to", "in")
        and scan.low(start) not in ("hospital", "clinic", "office")
    ):
        lows = [scan.low(index) for index in range(start, head)]
        saintly = lows[:1] and lows[0] in vocabulary.SAINTS
        known = any(
            low in lexicon.cities() or low in lexicon.surnames() or low in lexicon.given_names() or low == "memorial"
            for low in lows
        )
        if lows and (saintly or known) and not any(low in _TRIM for low in lows):
            scan.take(start, head + 1, "PLACE")


def _place_name(scan: Scan, index: int) -> bool:
    """Whether a capitalised word can be the name in "NAME clinic"."""
    word = scan.words[index]
    if word.shape == UPPER:
        return word.low in _SHORT_CITIES
    if word.low in lexicon.cities() or word.low in vocabulary.STATES:
        return True
    return word.low not in lexicon.words() and word.low not in lexicon.countries() and not scan.medical(index + 1)


def _gazetteer(scan: Scan, first: int) -> int:
    """The end of the longest town or state that begins at a word; `first` when there is none."""
    parts: list[str] = []
    best = first
    for index in range(first, min(first + 4, len(scan.words))):
        if index > first and not scan.joined(index):
            break
        word = scan.words[index]
        parts.append(word.low + ("." if word.low == "st" else ""))
        name = " ".join(parts)
        if name in lexicon.cities() or name in vocabulary.STATES:
            best = index + 1
    return best


def _towns_with_states(scan: Scan) -> None:
    """ "Springfield, IL 62701", "Austin, Texas"."""
    for index in range(1, len(scan.words)):
        word = scan.words[index]
        code = word.shape == UPPER and scan.text[word.start : word.end] in vocabulary.STATE_CODES
        if not (
            code
            or (
                word.shape == TITLE
                and (word.low in vocabulary.STATES or f"{word.low} {scan.low(index + 1)}" in vocabulary.STATES)
            )
        ):
            continue
        if scan.gaps[index] not in (", ", ",", " ") or not scan.capital(index - 1):
            continue
        first = index - 1
        while (
            first > 0
            and index - first < 3
            and scan.joined(first)
            and scan.capital(first - 1)
            and scan.low(first - 1) not in _TRIM
            and scan.low(first - 1) not in lexicon.words()
        ):
            first -= 1
        known = _gazetteer(scan, first) == index or _gazetteer(scan, index - 1) == index
        behind = scan.low(first - 1) in ("in", "from", "at", "near", "to", "of", "outside") and scan.gaps[first] == " "
        if scan.gaps[index] == " " and not (known and code):
            continue
        degree = word.low in vocabulary.DEGREES or word.low in ("ma", "ms")
        if not (known or behind):
            if code and (degree or scan.low(first) in lexicon.given_names()):
                continue
            if scan.low(index - 1) in lexicon.words() or scan.words[index - 1].shape == UPPER or scan.medical(index):
                continue
        if known and not behind and _gazetteer(scan, first) != index:
            first = index - 1
        last = index + 1 if code or word.low in vocabulary.STATES else index + 2
        end = scan.words[last - 1].end
        zip_code = re.compile(r",?\s{1,2}\d{5}(?:-\d{4})?\b").match(scan.text, end)
        scan.cover.add(scan.words[first].start, zip_code.end() if zip_code else end, "PLACE")


def behind_prepositions(scan: Scan, *, personal: bool) -> None:
    """Add the places that "at", "in" or "from" announce.

    Args:
        scan: the text.
        personal: the text names a person or a record number; then "seen in" and "admitted to" announce a place, too.
    """
    for index in range(1, len(scan.words)):
        word = scan.words[index]
        if word.shape == LOWER:
            if scan.words[index - 1].low in _TOWN_CUES and scan.cover.free(word.start, word.end):
                _lower_town(scan, index)
        elif (
            word.shape in (TITLE, UPPER, MIXED)
            and scan.gaps[index] in (" ", "  ")
            and scan.cover.free(word.start, word.end)
        ):
            cue = index - 1
            if scan.low(cue) in ("the", "our") and cue > 0:
                cue -= 1
            if scan.words[cue].shape == LOWER:
                _named_place(scan, cue, index, personal)


def _lower_town(scan: Scan, index: int) -> None:
    """ "lives in chicago", "from new york"."""
    last = index
    parts: list[str] = []
    for ahead in range(index, min(index + 3, len(scan.words))):
        if ahead > index and scan.gaps[ahead] not in (" ", ". "):
            break
        parts.append(scan.low(ahead) + ("." if scan.low(ahead) == "st" else ""))
        name = " ".join(parts)
        if name in lexicon.cities() and (ahead > index or name not in lexicon.words()):
            last = ahead + 1
    if last > index and not scan.medical(last):
        scan.take(index, last, "PLACE")


def _named_place(scan: Scan, cue: int, first: int, personal: bool) -> None:
    low = scan.low(cue)
    start = scan.low(first)
    if start in vocabulary.MONTHS or start in vocabulary.TITLES or start in lexicon.countries():
        return
    recent = [scan.low(index) for index in range(max(0, cue - 5), cue)]
    visit = any(word in vocabulary.VISIT_WORDS for word in recent)
    last = first + 1
    run = scan.run_end(first, limit=6)
    if low == "at":
        last = run
        while last > first and scan.low(last - 1) in vocabulary.MONTHS:
            last -= 1
    elif low in ("in", "from", "near", "to", "outside", "around", "of"):
        last = _gazetteer(scan, first)
        if last == first:
            sent = personal and low in ("in", "to", "from") and bool(recent) and recent[-1] in _SENT
            built = any(scan.low(index) in vocabulary.FACILITY_HEADS for index in range(first + 1, run))
            near = (
                sent
                or built
                or any(word in _DWELLING for word in recent[-2:])
                or (low == "from" and _person_before(scan, cue))
            )
            if not near or low == "of" and recent[-1:] != ["resident"]:
                return
            last = run
    elif low in ("visited", "visits", "visiting", "attended", "attends", "attending"):
        if start in lexicon.given_names():
            return
        last = run
    else:
        return
    if last <= first or not scan.free(first, last) or scan.medical(last):
        return
    if low in ("in", "from", "near", "to", "outside", "around", "of") and _gazetteer(scan, first) > first:
        if start in lexicon.words() and start not in lexicon.ambiguous() and last == first + 1:
            return
        scan.take(first, last, "PLACE")
        return
    single = last == first + 1
    shape = scan.words[first].shape
    if single and shape == UPPER:
        if visit and low in ("at", "in") and start not in vocabulary.NOT_PLACES and start not in lexicon.words():
            scan.take(first, last, "PLACE")
        return
    lows = [scan.low(index) for index in range(first, last)]
    own = [word for word in lows if word not in lexicon.words() and word not in lexicon.countries()]
    if all(word in vocabulary.NOT_PLACES for word in lows) or (not own and not (visit and low == "at")):
        return
    if not (visit or personal) and single and start not in lexicon.cities():
        return
    scan.take(first, last, "PLACE")


def _person_before(scan: Scan, cue: int) -> bool:
    """Whether the word before "from" is a person: a capitalised name, or "patient"."""
    before = cue - 1
    return before >= 0 and (
        scan.low(before) in vocabulary.PERSON_WORDS
        or (scan.capital(before) and scan.low(before) not in lexicon.words())
    )


def towns(scan: Scan) -> None:
    """Add the towns and states that stand alone and that nothing else has claimed."""
    for index, word in enumerate(scan.words):
        if word.shape != TITLE or not scan.cover.free(word.start, word.end):
            continue
        last = _gazetteer(scan, index)
        if scan.gaps[index] == " " and index and scan.words[index - 1].shape in (UPPER, OTHER):
            continue  # a variant that a town gave its name: "G6PD Seattle"
        if last == index or not scan.free(index, last) or scan.medical(last):
            continue
        if last == index + 1 and (word.low in lexicon.words() or word.low in lexicon.eponyms()):
            continue
        after = [scan.low(ahead) for ahead in range(last, min(last + 4, len(scan.words)))]
        if not any(low in vocabulary.MEDICAL_HEADS or low in ("association", "heart", "society") for low in after[:3]):
            scan.take(index, last, "PLACE")

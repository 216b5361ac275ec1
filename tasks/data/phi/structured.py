"""Identifiers that have a shape of their own: contacts, record numbers, dates and ages over 89.

Every pattern is a sequence of bounded repetitions with no two neighbours that accept the same characters, so the
time that it takes grows with the length of the text and not faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.data.phi.spans import Cover, Kind

_PLACEHOLDER = re.compile(r"\[(?:NAME|DATE|PLACE|CONTACT|ID|AGE)_\d{1,6}\]")

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}\s?@\s?[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}", re.ASCII)
_URL = re.compile(
    r"(?:(?:https?|ftp)://|www\.)[^\s<>\"'()\[\]，。；、）]{3,300}(?<![.,;:!?])"
    r"|(?<![\w@.-])(?:[a-z0-9-]{2,40}\.){1,4}(?:com|org|net|edu|gov|info|io|health|hospital)(?:\.[a-z]{2})?\b"
    r"(?:/[^\s<>\"'()\[\]，。；、）]{0,200}(?<![.,;:!?]))?",
    re.IGNORECASE | re.ASCII,
)
_IP = re.compile(
    r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.]*\d)"
    r"|(?<![\w:])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![\w:])"
    r"|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}:?[0-9a-fA-F]{1,4}(?![\w:])",
    re.ASCII,
)

_GAP1 = r"[\s:=#№.,–—\-(]{1,6}"
_GAP = r"[\s:=#№.,–—\-(]{0,6}"
_CONTACT_KEY = re.compile(
    r"\b(?:tele?phone|phone|tel|ph|mobile|cell(?:phone)?|fax|pager|beeper|hotline|contact|paged?|call(?:ed|ing|s)?|text(?:ed)?"
    r"|reach(?:ed|able)?|whatsapp|landline|extension|ext|voicemail|helpline)\b\.?"
    r"(?:\s{1,3}(?:no|nr|num|number|him|her|me|us|them|at|on|is|was|back|home|work|the|patient|office|line|toll|free|"
    r"or|and|via|by)\b\.?){0,5}"
    + _GAP
    + r"(\+?\(?\d[\d\s().\-/–]{3,20}\d(?:\s{0,2}(?:x|ext\.?|extension)\s{0,2}\d{1,6})?)",
    re.IGNORECASE | re.ASCII,
)
_PHONE = re.compile(
    r"(?<![\w.-])(?:"
    r"\+(?=(?:[\s().\-]{0,2}\d){8})\d{1,3}[\s.\-]?\(?\d{1,5}\)?(?:[\s.\-]?\d{2,5}){1,4}"
    r"|(?:1[\s.\-])?\(\d{3}\)\s?\d{3}[\s.\-–]?\d{4}"
    r"|(?:1[\s.\-])?\d{3}[\s.\-–]\d{3}[\s.\-–]\d{4}"
    r"|0\d{2,4}[\s\-]\d{3,4}[\s\-]?\d{3,4}"
    r"|07\d{3}\s?\d{6}"
    r"|1[-\s]8\d\d[-\s][0-9A-Z][0-9A-Z-]{5,12}"
    r")(?:\s{0,2}(?:x|ext\.?|extension)\s{0,2}\d{1,6})?(?![\w-]*\w)(?!\.\d)",
    re.ASCII,
)

_DESIGNATOR = (
    r"(?:[\s./-]{0,3}(?:ids?|identifiers?|identification|no|nos|num|nr|nbr|numbers?|code|card|record|policy|plan|"
    r"security|insurance|card|holder|account|#|№|n°)(?![a-z])\.?)"
)
_STRONG_KEY = (
    r"(?:m\.?r\.?n|med(?:ical)?\.?\s{0,2}rec(?:ord)?s?|med\s?rec|medical\s{1,2}(?:history|chart)|health\s{1,2}record|"
    r"chart|mr|emr|ehr|epic|csn|har|fin|uhid|ssn?|s\.s\.n|soc(?:ial)?\.?\s{0,2}sec(?:urity)?|acct|account|a/c|insur(?:ance|ed)?|ins|"
    r"policy|health\s{0,2}plan|plan|member(?:ship)?|subscriber|beneficiary|medicare|medicaid|mbi|hicn|nhs|chi|ohip|npi|"
    r"dea|licen[sc]e|lic|cert(?:ificate|ification)?|passport|driver'?s?\s{1,2}licen[sc]e|plate|vin|serial|s/n|accession|specimen|"
    r"encounter|claim|authorization|prior\s{1,2}auth|reference|ref|barcode|imei|udi|lot|iban|tax|tin|ein|nino|nin|"
    r"identifier|id|uuid|guid|case|tracking|confirmation)"
)
_WEAK_KEY = (
    r"(?:patient|pt|hospital|clinic|unit|admission|visit|file|sample|study|subject|participant|device|pacemaker|implant|"
    r"prescription|rx|order|group|family|employee|staff|student|vehicle|registration|registry|doctor|provider|room|bed|"
    r"invoice|bill(?:ing)?|card|bank|credit\s{1,2}card|debit\s{1,2}card|national|donor|referral|appointment|ticket|request|lab|"
    r"report|episode|stay|health|personal|unique|record|user|client|resident|tenant|badge)"
)
_VALUE = r"#?\s?((?=[A-Za-z0-9]{0,12}[-/._]?[A-Za-z0-9]{0,12}[-/._]?[A-Za-z]{0,12}\d)[A-Za-z0-9]{1,36}(?:[-/._][A-Za-z0-9]{1,24}){0,6})"
_ID_KEYED = re.compile(
    rf"(?<![A-Za-z])(?:{_STRONG_KEY}{_DESIGNATOR}{{0,3}}"
    rf"|{_WEAK_KEY}(?:{_DESIGNATOR}{{1,3}}|(?=[\s:#]{{1,3}}(?:(?!(?:19|20)\d\d-(?:19|20)?\d\d\b)\d{{3,}}-\d{{2,}}|[A-Z]{{1,4}}-?\d{{4,}}))))"
    rf"(?![A-Za-z])(?:{_GAP1}|\s{{1,3}}(?:is|was|are|reads|under|recorded\s{{1,2}}as|listed\s{{1,2}}as|being)\s{{1,3}})"
    rf"(?:is\s{{1,3}})?{_VALUE}(?![A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_ID_SPACED = re.compile(  # groups of digits with blanks: NHS 943 476 5919, a card number
    r"(?:nhs|ssn|social security|card|medicare|account|iban|insurance|number|no\.?|id|#)[\s:#a-z]{0,24}"
    r"\b((?:[A-Z]{2}\d{2}\s)?\d{3,4}(?:\s\d{2,6}){2,5})\b(?!\.\d)",
    re.IGNORECASE | re.ASCII,
)
_ID_SHAPE = re.compile(
    r"(?<![\w./-])(?:"
    r"\d{3}-\d{2}-\d{4}"  # US social security
    r"|[A-CEGHJ-PR-TW-Z]{2}\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]"  # UK national insurance
    r"|\d[A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d{2}"  # US Medicare
    r"|#[A-Z]{0,6}-?\d[\dA-Z-]{3,20}"
    r"|[A-Z]{1,6}[-–]\d{5,}(?:-\d{2,}){0,3}"
    r"|[A-Z]{1,6}[-–]\d{3,}(?:-\d{2,}){1,3}"
    r"|[A-Z]{1,4}\d{6,}"
    r"|\d{5,}-[A-Z]{1,4}"
    r"|\d{2,6}(?:-\d{2,6}){2,4}"
    r"|\d{7,20}"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r")(?![\w-]*\w)(?!\.\d)(?!\s?(?:%|mg|g|ml|cells|copies|bp|kb|people|persons|patients|cases|years|dollars|USD|IU|units|per\b|/))",
    re.ASCII,
)
# Registers of trials, papers, genes and sequences: public, and no person's.
_PUBLIC = re.compile(
    r"(?:NCT|PMID|PMC|OMIM|MIM|ENS[GTP]|rs|GO|HP|CHEBI|ISRCTN|EudraCT|ACTRN|ChiCTR|LOC|KIAA|FLJ|DKFZ|GSE|GSM|SRR|DRKS|"
    r"UMIN|ICD-?(?:9|10|11)\b|SNOMED|LOINC|ORPHA|ISBN|ISSN|RRID|HGNC)[-_: ]?\d|(?:NM|NP|XM|XP|NR|NG|NC|NT)_\d"
)
_GENBANK = re.compile(r"(?:[A-Z]\d{5}|[A-Z]{2}\d{6})(?!\d)")
_DECIMAL = re.compile(r"\d{1,4}\.\d+")
_PUBLIC_BEFORE = re.compile(
    r"(?:PMID|PMCID|O?MIM|ISBN|ISSN|doi|DOI|NCT|GenBank|accession|ClinicalTrials\.gov|Orphanet|ORPHA|CAS|EC|MESH|GEO|dbSNP|HGNC)"
    r"[\s:#.]{0,3}(?:(?:no|nos|number|numbers|identifier|ID)\b)?[\s:#.]{0,3}(?:[A-Z]{1,4})?$"
)
_UNIT_AFTER = re.compile(
    r"\s?(?:%|mg|mcg|µg|ml|mL|mmHg|kg|cm|mm|year|yr|day|week|month|hour|patients|cases|people|percent)\b|%|\s?of\s(?:the|all|patients)"
)

_MON = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_FULL_MON = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_WEEKDAY = r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
_FULL_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_ORD = r"(?:\s?(?:st|nd|rd|th))?"
_YEAR = r"(?:(?:19|20)\d\d|['’‘`]\d\d)"
_TIME = r"(?:(?:T|\s{0,2}(?:at\s)?)\d{1,2}:\d\d(?::\d\d)?(?:\.\d{1,6})?(?:\s?[ap]\.?m\b\.?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_NO_UNIT = r"(?![\d%]|\.\d|\s?(?:mg|mcg|ml|g|kg|cm|mm|iu|units?|%|patients|of\s(?:them|these|whom))\b)"
_DATE_WORDS = re.compile(
    rf"(?<![\w])(?:{_WEEKDAY}\.?,?\s{{1,2}})?(?:the\s)?(?:"
    rf"{_MON}\.?[\s-]{{0,2}}(?P<d1>{_DAY}{_ORD}(?:\s?(?:-|–|to|and|&)\s?{_DAY}{_ORD})?)\b"
    rf"(?P<y1>(?:\s?,\s?|\s(?:of\s)?|\s?-\s?|/){_YEAR}(?!\d)|,\s?\d\d\b(?!\s?[\w%]))?"
    rf"|(?P<d2>{_DAY}{_ORD}(?:\s?(?:-|–|to|and|&)\s?{_DAY}{_ORD})?)\.?(?:\s(?:day\s)?of)?[\s\-/.]{{0,2}}{_MON}\b\.?"
    rf"(?P<y2>[\s,\-/.]{{0,3}}(?:{_YEAR}(?!\d)|(?<=[-/ ])\d\d\b))?"
    rf"|{_MON}\.?(?:\s?,\s?|\s(?:of\s)?|\s?[-/]\s?)(?P<y3>{_YEAR})(?!\d)"
    rf"|(?P<y4>(?:19|20)\d\d)[\s\-/]{_MON}[\s\-/]{_DAY}(?!\d)"
    rf"){_NO_UNIT}{_TIME}",
    re.IGNORECASE | re.ASCII,
)
_DATE_DIGITS = re.compile(
    r"(?<![\w./\-])(?:"
    r"(?P<iso>(?:19|20)\d\d\s?([-/.])\s?(?:1[0-2]|0?[1-9])\s?\2\s?(?:3[01]|[12]\d|0?[1-9]))"
    r"|(?P<a>[0-3]?\d)\s?([-/.])\s?(?P<b>[0-3]?\d)\s?\4\s?(?P<y>(?:19|20)\d\d|\d\d)"
    r"|(?P<my>(?:1[0-2]|0?[1-9])[/-](?:19|20)\d\d)"
    r")(?![\d/]|[.\-]\d|[a-su-zA-SU-Y])" + _TIME,
    re.ASCII,
)
_DATE_SHORT = re.compile(
    r"\b(?:on|since|seen|dated?|until|till|by|from|visit(?:ed)?|admitted|discharged|started|dob|born|appt|surgery|f/u|ed|"
    r"due|follow[- ]up|between|and|through|to|call)"
    r"(?:\s(?:on|of|at))?[\s:]{1,2}((?:1[0-2]|0?[1-9])/(?:3[01]|[12]\d|0?[1-9]))(?![\d/%]|\.\d|\s?(?:mg|of|patients|points|strength|systolic))",
    re.IGNORECASE | re.ASCII,
)
_BIRTH_KEY = re.compile(
    r"\b(?:d\.?o\.?b|date\s(?:of\s)?birth|birth\s?date|birthday|b\.?d|d\.?o\.?d|date\s(?:of\s)?death|date\sof\s(?:admission|discharge|service|visit)|"
    r"admission\sdate|discharge\sdate|admit\sdate)\b\.?[\s:=(#-]{0,4}(?:is|was)?\s{0,2}"
    r"(\d[\d\s./\-]{2,12}\d)",
    re.IGNORECASE | re.ASCII,
)
# The month or weekday alone, where the words before it make it a point in time; "May" and "March" need their capital.
_DATE_LONE = re.compile(
    rf"\b(?:last|this|next|since|until|till|early|late|mid|in|In|by|during|of|before|after|around|past|Last|Since)[\s-]"
    rf"(?:the\s|early\s|late\s|mid[\s-]|end\sof\s)?({_FULL_MON})\b(?!\s+\w+'s)"
    rf"|\b(?:last|this|next|past|Last|on|On|since)\s((?:{_FULL_WEEKDAY}|{_FULL_WEEKDAY.lower()}))\b",
    re.ASCII,
)
_NEAR = re.compile(r"last|this|next|past", re.IGNORECASE)  # "last July": the pair says the month
_MORE_DATE = re.compile(r"\s{1,2}\d|,?\s(?:19|20)\d\d")
_LOWER_LONE = re.compile(
    r"\b(?:last|next|since|until|early|late|mid)[\s-](january|february|april|june|july|august|september|october|november|december)\b"
)

_AGE = re.compile(
    r"(?<![\w.,/$-])(?P<a>9\d|1[0-2]\d)(?=[\s-]{0,2}(?:years?|yrs?|y)[\s-]{0,2}(?:old|of\sage|o\b)|\s?y[./]?o\b|\s?yo[fm]?\b|\s?y/?o\b)"
    r"|(?i:\bage[ds]?\b(?:\s(?:of|is|was|at))?[\s:=-]{0,3})(?P<b>9\d|1[0-2]\d)(?![\d.,%]|\s?(?:%|mg|days|months|weeks|hours|or\b|to\b|-))"
    r"|(?<![\w.,/-])(?P<c>9\d|1[0-2]\d)(?=\s?[-/]?\s?[FM]\b(?![\w'.-]))",
    re.ASCII,
)
_AGE_WORDS = re.compile(
    r"\b((?:ninety|one\shundred|a\shundred)(?:[\s-](?:and\s)?(?:one|two|three|four|five|six|seven|eight|nine|ten))?)(?=[\s-]years?[\s-]old)",
    re.IGNORECASE | re.ASCII,
)
_AMBIGUOUS_MONTH = re.compile(r"\b(?:may|march|mar|dec)\b")
_ORDINAL = re.compile(r"\d\s?(?:st|nd|rd|th)", re.IGNORECASE)
_DIGIT = re.compile(r"\d")


def find(text: str, cover: Cover) -> None:
    """Add the contacts, record numbers, dates and ages of a text to its cover.

    The cheap tests before each pattern only save time: none of them can be false where its pattern matches.
    """
    lowered = text.lower()
    if "[" in text:
        for match in _PLACEHOLDER.finditer(text):  # an earlier pass left them: they stay as they are
            cover.block(*match.span())
    if "@" in text:
        _claim(text, cover, _EMAIL, "CONTACT")
    if any(part in lowered for part in _URL_PARTS):
        _claim(text, cover, _URL, "CONTACT")
    if _MONTH_OR_DAY.search(lowered):
        _claim_lone_dates(text, cover)
    if "ninety" in lowered or "hundred" in lowered:
        _claim(text, cover, _AGE_WORDS, "AGE")
    if not _DIGIT.search(text):
        return
    if text.count(".") > 2 or text.count(":") > 2 or text.count("-") > 4:
        _claim(text, cover, _IP, "CONTACT")
    if _SPACED_DIGITS.search(text):
        for match in _ID_SPACED.finditer(text):
            cover.add(*match.span(1), "ID")
    found: tuple[tuple[Iterator[tuple[int, int]], Kind], ...] = (
        (_dates(text), "DATE"),
        (_keyed_ids(text), "ID"),
        (_keyed_contacts(text), "CONTACT"),
    )
    for spans, kind in found:
        for start, end in spans:
            cover.add(start, end, kind)
    _claim(text, cover, _PHONE, "CONTACT")
    for start, end in _shaped_ids(text):
        cover.add(start, end, "ID")
    if _HIGH_AGE.search(text):
        for match in _AGE.finditer(text):
            cover.add(*match.span(match.lastgroup or 0), "AGE")


_URL_PARTS = ("://", "www.", ".com", ".org", ".net", ".edu", ".gov", ".info", ".io", ".health", ".hospital")
_SPACED_DIGITS = re.compile(r"\d{3}\s\d{2}")
_HIGH_AGE = re.compile(r"9\d|1[0-2]\d")
_MONTH_OR_DAY = re.compile(rf"{_FULL_MON}|{_FULL_WEEKDAY}".lower())


def _claim(text: str, cover: Cover, pattern: re.Pattern[str], kind: Kind) -> None:
    for match in pattern.finditer(text):
        cover.add(*match.span(), kind)


def _claim_lone_dates(text: str, cover: Cover) -> None:
    for match in (*_DATE_LONE.finditer(text), *_LOWER_LONE.finditer(text)):
        if not _MORE_DATE.match(text, match.end()):  # "since July 12th, 2023" is found whole
            cover.add(*match.span(0 if _NEAR.match(match[0]) else match.lastindex or 0), "DATE")


def _keyed_contacts(text: str) -> Iterator[tuple[int, int]]:
    for match in _CONTACT_KEY.finditer(text):
        if sum(map(str.isdigit, match[1])) >= 5:
            yield match.span(1)


def _dates(text: str) -> Iterator[tuple[int, int]]:
    for match in _BIRTH_KEY.finditer(text):
        yield match.span(1)
    for match in _DATE_WORDS.finditer(text):
        exact = any(match[group] for group in ("y1", "y2", "y3", "y4")) or _ORDINAL.search(match[0])
        if exact or not _AMBIGUOUS_MONTH.search(match[0]):
            yield match.span()
    for match in _DATE_DIGITS.finditer(text):
        if match["a"] and not _plausible(match):
            continue
        yield match.span()
    if "/" in text:
        for match in _DATE_SHORT.finditer(text):
            yield match.span(1)


def _plausible(match: re.Match[str]) -> bool:
    """Whether two numbers and a year are a day and a month; a dotted or dashed one with a short year needs two digits."""
    a, b = int(match["a"]), int(match["b"])
    if not (1 <= a <= 31 and 1 <= b <= 31 and min(a, b) <= 12):
        return False
    short = len(match["y"]) == 2
    return not (short and "." in match[0] and not (len(match["a"]) == len(match["b"]) == 2))


def _keyed_ids(text: str) -> Iterator[tuple[int, int]]:
    for match in _ID_KEYED.finditer(text):
        value = match[1]
        digits = sum(map(str.isdigit, value))
        letters_first = value[0].isalpha() and digits < 3
        year = len(value) == 4 and value.isdigit() and value[:2] in ("19", "20")
        if (
            digits < 3
            or letters_first
            or year
            or _DECIMAL.fullmatch(value)
            or _UNIT_AFTER.match(text, match.end(1))
            or _PUBLIC.match(value)
        ):
            continue
        if _PUBLIC_BEFORE.search(text[max(0, match.start(1) - 30) : match.start(1)]):
            continue
        start, end = match.span(1)
        yield (start - 1 if text[start - 1] == "#" else start), end


def _shaped_ids(text: str) -> Iterator[tuple[int, int]]:
    for match in _ID_SHAPE.finditer(text):
        value = match[0]
        if (
            _PUBLIC.match(value)
            or _GENBANK.fullmatch(value)
            or _PUBLIC_BEFORE.search(text[max(0, match.start() - 30) : match.start()])
        ):
            continue
        if sum(map(str.isdigit, value)) < 5 or (value.isdigit() and value.endswith("000")):
            continue
        yield match.span()

"""Dates, and ages over 89. A year alone stays, and so do durations, seasons and "last year"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.data.phi.shared import caseless
from tasks.data.phi.shared.spans import Cover

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)"
)
_FULL_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_LOWER_MONTH = r"(?:january|february|april|june|july|august|september|october|november|december)"
_WEEKDAY = r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)"
_FULL_WEEKDAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_DAYS = rf"{_DAY}(?:\s?(?:st|nd|rd|th))?(?:\s?(?:-|–|to|and|&)\s?{_DAY}(?:\s?(?:st|nd|rd|th))?)?"
_YEAR = r"(?:(?:19|20)\d\d|['’‘`]\d\d)"
_TIME = r"(?:(?:T|\s{0,2}(?:at\s)?)\d{1,2}:\d\d(?::\d\d)?(?:\.\d{1,6})?(?:\s?[ap]\.?m\b\.?)?(?:Z|[+-]\d\d:?\d\d)?)?"
_NO_UNIT = r"(?![\d%]|\.\d|\s?(?:mg|mcg|ml|g|kg|cm|mm|iu|units?|%|patients|of\s(?:them|these|whom))\b)"
_WORDS = caseless.compiled(
    rf"(?<![\w])(?:{_WEEKDAY}\.?,?\s{{1,2}})?(?:the\s)?(?:"
    rf"{_MONTH}\.?[\s-]{{0,2}}{_DAYS}\b"
    rf"(?P<y1>(?:\s?,\s?|\s(?:of\s)?|\s?-\s?|/){_YEAR}(?!\d)|,\s?\d\d\b(?!\s?[\w%]|[/.-]\d))?"
    rf"|{_DAYS}\.?(?:\s(?:day\s)?of)?[\s\-/.]{{0,2}}{_MONTH}(?![a-z])\.?"
    rf"(?P<y2>[\s,\-/.]{{0,3}}(?:{_YEAR}(?!\d)|(?<=[-/ ])\d\d\b))?"
    rf"|{_MONTH}\.?(?:\s?,\s?|\s(?:of\s)?|\s?[-/]\s?)(?P<y3>{_YEAR})(?!\d)"
    rf"|(?P<y4>(?:19|20)\d\d)[\s\-/]{_MONTH}[\s\-/]{_DAY}(?!\d)"
    rf"){_NO_UNIT}{_TIME}"
)
_DIGITS = re.compile(
    r"(?<![\w./\-])(?:"
    r"(?:19|20)\d\d\s?([-/.])\s?(?:1[0-2]|0?[1-9])\s?\1\s?(?:3[01]|[12]\d|0?[1-9])"
    r"|(?P<a>[0-3]?\d)\s?([-/.])\s?(?P<b>[0-3]?\d)\s?\3\s?(?P<y>(?:19|20)\d\d|\d\d)"
    r"|(?:1[0-2]|0?[1-9])[/-](?:19|20)\d\d"
    r")(?![\d/]|[.\-]\d|[a-su-zA-SU-Y])" + _TIME,
    re.ASCII,
)
_SHORT = caseless.compiled(  # without a year only behind a word: "3/4" is a grade or a strength, too
    r"\b(?:on|since|seen|dated?|until|till|by|from|visit(?:ed)?|admitted|discharged|started|dob|born|appt|surgery|f/u|ed"
    r"|due|follow[- ]up|between|and|through|to|call)(?:\s(?:on|of|at))?[\s:]{1,2}"
    r"((?:1[0-2]|0?[1-9])/(?:3[01]|[12]\d|0?[1-9]))"
    r"(?![\d/%]|\.\d|\s?(?:mg|of|patients|points|strength|systolic))"
)
_ANNOUNCED = caseless.compiled(
    r"\b(?:d\.?o\.?[bd]|b\.?d|birth\s?date|birthday|date\s(?:of\s)?(?:birth|death)|date\sof\s(?:admission|discharge"
    r"|service|visit)|(?:admission|discharge|admit)\sdate)\b\.?[\s:=(#-]{0,4}(?:is|was)?\s{0,2}(\d[\d\s./\-]{2,12}\d)"
)
# A month or weekday alone, where the word before makes it a point in time; "May" and "March" need their capital.
_LONE = re.compile(
    r"\b(?:[Ll]ast|this|next|[Ss]ince|until|till|early|late|mid|[Ii]n|by|during|of|before|after|around|past)[\s-]"
    rf"(?:the\s|early\s|late\s|mid[\s-]|end\sof\s)?({_FULL_MONTH})\b(?!\s+\w+'s)"
    rf"|\b(?:[Ll]ast|this|next|past|[Oo]n|since)\s({_FULL_WEEKDAY}|{_FULL_WEEKDAY.lower()})\b"
    rf"|\b(?:last|next|since|until|early|late|mid)[\s-]({_LOWER_MONTH})\b",
    re.ASCII,
)
_NEAR = re.compile(r"last|this|next|past", re.IGNORECASE)  # "last July": the pair says the month
_MORE = re.compile(r"\s{1,2}\d|,?\s(?:19|20)\d\d")
_NAMED = re.compile(rf"{_FULL_MONTH}|{_FULL_WEEKDAY}".lower())
_AMBIGUOUS_MONTH = re.compile(r"\b(?:may|march|mar|dec)\b")
_ORDINAL = re.compile(r"\d\s?(?:st|nd|rd|th)", re.IGNORECASE)

_OLD = r"(?:9\d|1[0-2]\d)"
_AGE = re.compile(
    rf"(?<![\w.,/$-])(?P<a>{_OLD})"
    r"(?=[\s-]{0,2}(?:years?|yrs?|y)[\s-]{0,2}(?:old|of\sage|o\b)|\s?y[./]?o\b|\s?yo[fm]?\b|\s?y/?o\b)"
    rf"|(?i:\bage[ds]?\b(?:\s(?:of|is|was|at))?[\s:=-]{{0,3}})(?P<b>{_OLD})"
    r"(?![\d.,%]|\s?(?:%|mg|days|months|weeks|hours|or\b|to\b|-))"
    rf"|(?<![\w.,/-])(?P<c>{_OLD})(?=\s?[-/]?\s?[FM]\b(?![\w'.-]))",
    re.ASCII,
)
_UNITS = "one|two|three|four|five|six|seven|eight|nine|ten"
_AGE_WORDS = re.compile(
    rf"\b((?:ninety|(?:one|a)\shundred)(?:[\s-](?:and\s)?(?:{_UNITS}))?)(?=[\s-]years?[\s-]old)",
    re.IGNORECASE | re.ASCII,
)
_HIGH_AGE = re.compile(rf"(?<!\d){_OLD}(?!\d)")
_MONTHS = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")
_APART = re.compile(r"\d\s?[-/.]\s?\d")
_LAST_MONTH, _LAST_DAY = 12, 31
_LONG_YEAR, _TWO_DIGITS = 4, 2


def find_words(text: str, lowered: str, cover: Cover) -> None:
    """Add what needs no digit: a month or weekday alone, an age written out."""
    if ("day" in lowered or _MONTHS.search(lowered)) and _NAMED.search(lowered):
        for match in _LONE.finditer(text):
            if not _MORE.match(text, match.end()):  # "since July 12th, 2023" is found whole
                cover.add(*match.span(0 if _NEAR.match(match[0]) else match.lastindex or 0), "DATE")
    if "ninety" in lowered or "hundred" in lowered:
        cover.add_all(_AGE_WORDS.finditer(text), "AGE")


def find_dates(text: str, lowered: str, cover: Cover) -> None:
    """Add dates that hold a digit."""
    for start, end in _dates(text, lowered):
        cover.add(start, end, "DATE")


def find_ages(text: str, cover: Cover) -> None:
    """Add ages over 89, the number only."""
    if _HIGH_AGE.search(text):
        for match in _AGE.finditer(text):
            cover.add(*match.span(match.lastgroup or 0), "AGE")


def _dates(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    for match in _ANNOUNCED.finditer(lowered):
        yield match.span(1)
    if _MONTHS.search(lowered):
        for match in _WORDS.finditer(lowered):
            exact = any(match[group] for group in ("y1", "y2", "y3", "y4")) or _ORDINAL.search(match[0])
            if exact or not _AMBIGUOUS_MONTH.search(text, *match.span()):
                yield match.span()
    if _APART.search(text):
        for match in _DIGITS.finditer(text):
            if not match["a"] or _plausible(match):
                yield match.span()
    if "/" in text:
        for match in _SHORT.finditer(lowered):
            yield match.span(1)


def _plausible(match: re.Match[str]) -> bool:
    """Whether two numbers and a year are a day and a month; with dots and a short year, both need two digits."""
    a, b = int(match["a"]), int(match["b"])
    if not (1 <= a <= _LAST_DAY and 1 <= b <= _LAST_DAY and min(a, b) <= _LAST_MONTH):
        return False
    full = len(match["y"]) == _LONG_YEAR or "." not in match[0]
    return full or len(match["a"]) == len(match["b"]) == _TWO_DIGITS

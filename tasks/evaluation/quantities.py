"""The same quantity in another unit: "5 mg" and "5000 µg", "38 °C" and "100.4 °F". Exact decimals, nothing rounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

LARGEST = 10_000
"""What a number may become by a smaller unit: "5000 mg" is 5 g, not 5,000,000 µg."""
BODY = (Decimal(30), Decimal(45))
"""Temperatures that are changed, in °C: outside, a number may be the difference of two, which converts otherwise."""

_SMALLER: dict[str, tuple[str, int]] = {
    "mg": ("µg", 1000),
    "g": ("mg", 1000),
    "kg": ("g", 1000),
    "L": ("mL", 1000),
    "cm": ("mm", 10),
    "week": ("days", 7),
    "weeks": ("days", 7),
    "day": ("hours", 24),
    "days": ("hours", 24),
    "hour": ("minutes", 60),
    "hours": ("minutes", 60),
    "毫克": ("微克", 1000),
    "千克": ("克", 1000),
    "公斤": ("克", 1000),
    "升": ("毫升", 1000),
    "厘米": ("毫米", 10),
    "周": ("天", 7),
    "小时": ("分钟", 60),
}
_LARGER: dict[str, tuple[str, int]] = {
    "mg": ("g", 1000),
    "µg": ("mg", 1000),
    "μg": ("mg", 1000),
    "mcg": ("mg", 1000),
    "mL": ("L", 1000),
    "ml": ("L", 1000),
    "mm": ("cm", 10),
    "毫克": ("克", 1000),
    "微克": ("毫克", 1000),
    "毫升": ("升", 1000),
    "毫米": ("厘米", 10),
}
_DEGREES = {"°C": "°F", "℃": "℉", "摄氏度": "华氏度"}
UNITS = tuple(sorted({*_SMALLER, *_LARGER, *_DEGREES}, key=lambda unit: (-len(unit), unit)))

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUANTITY = re.compile(rf"(?<![\w.,^/*×±~−–-])({_NUMBER.pattern})(\s?)({'|'.join(UNITS)})(?![A-Za-z0-9²³^])", re.ASCII)
"""A number and its unit. What follows the unit may be a rate: in "5 mg/kg" only the amount changes."""
_JOINS = r"-|–|—|~|/|±|x|×|to|or|and|by|至|到|或|和"
_BEFORE = re.compile(rf"(?:\d\s*(?:{_JOINS}|[,，、])|(?:{'|'.join(UNITS)})\s*(?:{_JOINS}))\s*$")
_AFTER = re.compile(rf"\s*(?:{_JOINS})\s*\d")
"""Of a range or a list ("5 to 10 mg") one number must not change without the others: all are left alone."""


def converted(number: str, unit: str) -> tuple[str, str] | None:
    """A quantity in another unit; None where there is none that says exactly the same.

    A smaller unit where the number stays at most `LARGEST`, else a larger one.
    """
    value = Decimal(number)
    if not value:
        return None
    if unit in _DEGREES:
        low, high = BODY
        return (_shown(value * Decimal("1.8") + 32), _DEGREES[unit]) if low <= value <= high else None
    smaller, larger = _SMALLER.get(unit), _LARGER.get(unit)
    if smaller and (value * smaller[1] <= LARGEST or not larger):
        return _shown(value * smaller[1]), smaller[0]
    return (_shown(value / larger[1]), larger[0]) if larger else None


def in_other_units(text: str) -> str:
    """A text with each quantity that stands alone in another unit."""
    found, end = [], 0
    for match in _QUANTITY.finditer(text):
        alone = not (
            _BEFORE.search(text[max(0, match.start() - 20) : match.start()]) or _AFTER.match(text, match.end())
        )
        if alone and (new := converted(match[1], match[3])):
            found += [text[end : match.start()], new[0], match[2], new[1]]
            end = match.end()
    return "".join([*found, text[end:]])


def tokens_in_other_units(tokens: Sequence[str]) -> list[str]:
    """The same for tokens, as many as before: a number and its unit in two of them, or in one."""
    found = list(tokens)
    for place in range(len(found)):
        before, after = " ".join(tokens[max(0, place - 2) : place]) + " ", " ".join(tokens[place + 1 : place + 3])
        if _BEFORE.search(before):
            continue
        if place + 1 < len(found) and _NUMBER.fullmatch(tokens[place]) and not _signed(tokens, place):
            new = converted(tokens[place], tokens[place + 1]) if tokens[place + 1] in UNITS else None
            if new and not _AFTER.match(" ".join(tokens[place + 2 : place + 4])):
                found[place : place + 2] = new
        elif _QUANTITY.fullmatch(tokens[place]) and not _AFTER.match(after):
            found[place] = in_other_units(tokens[place])
    return found


def _signed(tokens: Sequence[str], place: int) -> bool:
    """Whether a sign, or another mark that belongs to a number, stands before it."""
    return place > 0 and tokens[place - 1] in set(".,^/*×±~−–-")


def _shown(value: Decimal) -> str:
    return f"{value.normalize():f}"

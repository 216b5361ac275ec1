"""The same quantity in another unit: "5 mg" and "5000 µg", "38 °C" and "100.4 °F". Exact decimals, nothing rounded.

Numbers of one sentence hang together, as those of a range, a mean and its deviation, or two arms of a trial do. So a
sentence changes only where each of its numbers has a unit of its own that can be exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

BODY = (Decimal(30), Decimal(45))
"""Temperatures that are changed, in °C: outside, a number may be the difference of two, which converts otherwise."""

_SMALLER: dict[str, tuple[str, int, int]] = {
    "mg": ("µg", 1000, 10_000),
    "g": ("mg", 1000, 5000),
    "kg": ("g", 1000, 5000),
    "L": ("mL", 1000, 5000),
    "cm": ("mm", 10, 500),
    "week": ("days", 7, 84),
    "weeks": ("days", 7, 84),
    "day": ("hours", 24, 96),
    "days": ("hours", 24, 96),
    "hour": ("minutes", 60, 240),
    "hours": ("minutes", 60, 240),
    "毫克": ("微克", 1000, 10_000),
    "千克": ("克", 1000, 5000),
    "公斤": ("克", 1000, 5000),
    "升": ("毫升", 1000, 5000),
    "厘米": ("毫米", 10, 500),
    "周": ("天", 7, 84),
    "小时": ("分钟", 60, 240),
}
"""Unit -> a smaller one, how many of it are one, and the largest number that people would write of it."""
_LARGER: dict[str, tuple[str, int, str]] = {
    "mg": ("g", 1000, "0.05"),
    "µg": ("mg", 1000, "0.01"),
    "μg": ("mg", 1000, "0.01"),
    "mcg": ("mg", 1000, "0.01"),
    "mL": ("L", 1000, "0.05"),
    "ml": ("L", 1000, "0.05"),
    "mm": ("cm", 10, "0.1"),
    "毫克": ("克", 1000, "0.05"),
    "微克": ("毫克", 1000, "0.01"),
    "毫升": ("升", 1000, "0.05"),
    "毫米": ("厘米", 10, "0.1"),
}
"""Unit -> a larger one, how many are one of it, and the smallest number of it."""
_DEGREES = {"°C": "°F", "℃": "℉", "摄氏度": "华氏度"}
UNITS = tuple(sorted({*_SMALLER, *_LARGER, *_DEGREES}, key=lambda unit: (-len(unit), unit)))

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUANTITY = re.compile(
    rf"(?<![A-Za-z0-9.,^/*×±~−–-])({_NUMBER.pattern})(\s?)({'|'.join(UNITS)})(?![A-Za-z0-9²³^]|\s?Hg)"
)
"""A number and its unit. What follows the unit may be a rate: in "5 mg/kg" only the amount changes."""
_ANY = re.compile(r"(?<![A-Za-z0-9.,])\d+(?:[.,]\d+)*")
"""A number of any kind; not the one in B12 or m2."""
_SPELLED = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve)\s+(?:to|or|and|vs|versus)\b", re.I
)
_SENTENCES = re.compile(r"((?<=[.?!])(?<!vs\.)\s+(?=[A-Z(\[\u3400-\u9fff])|[\n。？！]+)")


def converted(number: str, unit: str) -> tuple[str, str] | None:
    """A quantity in another unit; None where none says exactly the same, in a number that people write."""
    value = Decimal(number)
    if unit in _DEGREES:
        low, high = BODY
        return (_shown(value * Decimal("1.8") + 32), _DEGREES[unit]) if low <= value <= high else None
    if unit in _SMALLER and value:
        other, factor, most = _SMALLER[unit]
        if value * factor <= most:
            return _shown(value * factor), other
    if unit in _LARGER:
        other, factor, least = _LARGER[unit]
        if value / factor >= Decimal(least):
            return _shown(value / factor), other
    return None


def in_other_units(text: str) -> str:
    """A text with the quantities of its sentences in other units, in those where all numbers can be written so."""
    parts = _SENTENCES.split(text)
    return "".join(part if place % 2 else _changed(part) for place, part in enumerate(parts))


def _changed(sentence: str) -> str:
    found = [(match, converted(match[1], match[3])) for match in _QUANTITY.finditer(sentence)]
    if len(found) != len(_ANY.findall(sentence)) or _SPELLED.search(sentence):
        return sentence
    parts, end = [], 0
    for match, new in found:
        if new is None:
            return sentence
        parts += [sentence[end : match.start()], new[0], match[2], new[1]]
        end = match.end()
    return "".join([*parts, sentence[end:]])


def tokens_in_other_units(tokens: Sequence[str]) -> list[str]:
    """The same for the tokens of one sentence, as many as before: a number and its unit in two of them, or in one."""
    found, changed = list(tokens), 0
    text = " ".join(tokens)
    for place, token in enumerate(tokens):
        unit = tokens[place + 1] if place + 1 < len(tokens) else ""
        joined = token if _QUANTITY.fullmatch(token) else f"{token} {unit}"
        match = _QUANTITY.fullmatch(joined)
        new = converted(match[1], match[3]) if match else None
        if match is None or new is None or tokens[place + 2 : place + 3] == ["Hg"]:
            continue
        changed += 1
        found[place : place + (1 if joined == token else 2)] = [new[0] + new[1]] if joined == token else new
    whole = changed == len(_ANY.findall(text)) and not _SPELLED.search(text)
    return found if whole and not _signs(tokens) else list(tokens)


def _signs(tokens: Sequence[str]) -> bool:
    """Whether a sign stands before a number, in a token of its own."""
    return any(sign in set(".,^/*×±~−–-") and _NUMBER.fullmatch(number) for sign, number in pairwise(tokens))


def _shown(value: Decimal) -> str:
    return f"{value.normalize():f}"

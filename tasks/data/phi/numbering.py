"""Placeholders of one record: the same value, or the same person, gets the same number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from tasks.data.phi.en import words
from tasks.data.phi.shared.spans import Kind
from tasks.data.phi.zh.people_words import HONORIFICS

_TOKEN = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_USED = re.compile(r"\[(NAME|DATE|PLACE|CONTACT|ID|AGE)_(\d{1,6})\]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_HONORIFIC = re.compile(rf"(?:{'|'.join(HONORIFICS)})$")


class Numbering:
    """Gives out placeholders; holds the values of one record and must not outlive it."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._last: Counter[str] = Counter()
        for text in texts:  # numbers that an earlier pass gave out are not given again
            if "[" in text:
                for kind, number in _USED.findall(text):
                    self._last[kind] = max(self._last[kind], int(number))
        self._values: dict[tuple[Kind, str], int] = {}
        self._people: list[tuple[set[str], int]] = []

    def placeholder(self, kind: Kind, value: str) -> str:
        """The placeholder of a value."""
        key = _person_key(value) if kind == "NAME" else " ".join(value.lower().replace("#", "").split())
        number = self._values.get((kind, key))
        if number is None:
            number = self._person(key) if kind == "NAME" else self._next(kind)
            self._values[kind, key] = number
        return f"[{kind}_{number}]"

    def _next(self, kind: Kind) -> int:
        self._last[kind] += 1
        return self._last[kind]

    def _person(self, key: str) -> int:
        """The number of the person whom a name fits, the last first: "Jane Smith", then "Jane" or "Ms. Smith"."""
        parts = {key} if _HAN.search(key) else set(key.split())
        for known, number in reversed(self._people):
            if _same(parts, known):
                known |= parts
                return number
        number = self._next("NAME")
        self._people.append((parts, number))
        return number


def _person_key(value: str) -> str:
    """A name without titles, possessives and case."""
    if not value.isascii() and _HAN.search(value):
        return _HONORIFIC.sub("", value) or value
    tokens = [token.removesuffix("'s") for token in _TOKEN.findall(value.lower().replace("’", "'"))]
    return " ".join(token for token in tokens if token not in words.TITLES) or " ".join(tokens)


def _same(new: set[str], old: set[str]) -> bool:
    """Whether two sets of name parts can be one person: one holds the other, initials standing for words."""
    small, large = sorted((new, old), key=len)
    if any(_HAN.match(part) for part in small | large):
        return any(a.startswith(b) or b.startswith(a) for a in small for b in large)
    return all(
        part in large or (len(part) == 1 and any(other[0] == part for other in large))
        or (len(part) > 1 and part[0] in large and len(small) > 1)
        for part in small
    )  # fmt: skip

"""Chance that is the same on every machine and in every build: whole numbers from a key, through SHA-256.

Word i (from 0) of a key is the first 8 bytes of SHA-256(SHA-256(key) || i), both numbers big-endian and i in 8 bytes;
the key is its parts in UTF-8, joined by the byte 0x1f. docs/gates.md defines it so that a script without dependencies
can repeat it; NumPy's and Python's own generators may change between versions (NEP 19).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
WORDS = 1 << 64
"""How many words there are."""


class Draws:
    """The numbers of one key, one after the other."""

    def __init__(self, *key: str) -> None:
        self._key = hashlib.sha256("\x1f".join(key).encode()).digest()
        self._next = 0

    def word(self) -> int:
        """The next word: 0 to 2^64 - 1."""
        digest = hashlib.sha256(self._key + self._next.to_bytes(8, "big")).digest()
        self._next += 1
        return int.from_bytes(digest[:8], "big")

    def below(self, count: int) -> int:
        """A number from 0 to `count` - 1, each as likely: words from the last multiple of `count` on are passed by."""
        end = WORDS - WORDS % count
        while (word := self.word()) >= end:
            pass
        return word % count

    def chosen(self, things: Sequence[T]) -> T:
        """One of them."""
        return things[self.below(len(things))]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """All of them in another order, or the same (Fisher and Yates): for i = 0, 1, ... place i changes with place
        i + `below`(n - i)."""
        found = list(things)
        for place in range(len(found) - 1):
            other = place + self.below(len(found) - place)
            found[place], found[other] = found[other], found[place]
        return found

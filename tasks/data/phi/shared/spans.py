"""What every rule returns: a stretch of text and the kind of identifier that it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["NAME", "DATE", "PLACE", "CONTACT", "ID", "AGE"]
KINDS: tuple[Kind, ...] = ("NAME", "DATE", "PLACE", "CONTACT", "ID", "AGE")


class Span(NamedTuple):
    """An identifier at `text[start:end]`. It holds offsets only, so that printing one shows no value."""

    start: int
    end: int
    kind: Kind


class Cover:
    """Which characters of a text are already taken; the first rule to claim a character keeps it."""

    def __init__(self, length: int) -> None:
        self._taken = bytearray(length)
        self.spans: list[Span] = []

    def free(self, start: int, end: int) -> bool:
        """Whether no character of the stretch is taken."""
        return self._taken.find(1, start, end) < 0

    def block(self, start: int, end: int) -> None:
        """Take a stretch without calling it an identifier."""
        self._taken[start:end] = b"\x01" * (end - start)

    def add(self, start: int, end: int, kind: Kind) -> bool:
        """Take a stretch as an identifier, unless a part of it is taken. Says whether it was free."""
        if start >= end or not self.free(start, end):
            return False
        self.block(start, end)
        self.spans.append(Span(start, end, kind))
        return True

    def add_all(self, matches: Iterable[re.Match[str]], kind: Kind) -> None:
        """Add every match that is still free, whole."""
        for match in matches:
            self.add(*match.span(), kind)

    def extend(self, spans: Iterable[Span]) -> None:
        """Add every span that is still free."""
        for span in spans:
            self.add(*span)

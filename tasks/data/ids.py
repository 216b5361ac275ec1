"""Ids of rows in their normal form, and what was noticed about them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from types import TracebackType
from typing import Self

from tasks.data.normal import ids_alike, is_fraction, normal_id, whole_number

Field = str


class Ids:
    """Turns what a column of ids holds into ids; use as a context manager.

    Args:
        values: every value of a field's column as text, from a second look at the source. It is asked only where an id
            is written as `7.0`.
    """

    def __init__(self, values: Callable[[Field], Iterable[str]]) -> None:
        self.noticed: Counter[str] = Counter()
        """What the owner of the data may want to know, and how often it was met."""
        self._whole = cache(lambda field: not any(map(is_fraction, values(field))))
        self._table = sqlite3.connect("")  # a temporary file that nobody else sees
        self._table.execute("PRAGMA journal_mode=OFF")
        self._table.execute("CREATE TABLE spelled (look BLOB PRIMARY KEY, id BLOB) WITHOUT ROWID")
        self._known: set[str] = set()

    def of(self, field: Field, text: str) -> str | None:
        """The id that a value stands for; None where it stands for none."""
        own = normal_id(text, whole=False)
        if own is None:
            return None
        number = whole_number(own)
        if number is not None and self._whole(field):
            self.noticed[f"{field} written with a fraction of zero (7.0), read as a whole number"] += 1
            own = number
        if field == "group_id":
            self._look(own)
        return own

    def _look(self, own: str) -> None:
        """Notice an id that people may take for one that was there before; it stays another id."""
        if own in self._known:
            return
        if len(self._known) < 1 << 16:  # a shortcut for the usual case only
            self._known.add(own)
        look, spelled = (
            hashlib.blake2b(one.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            for one in (ids_alike(own), own)
        )
        if self._table.execute("INSERT OR IGNORE INTO spelled VALUES (?, ?)", (look, spelled)).rowcount:
            return
        (first,) = self._table.execute("SELECT id FROM spelled WHERE look = ?", (look,)).fetchone()
        if first != spelled:
            self.noticed["group_id like another but for case, leading zeros or a sign (kept apart)"] += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.close()

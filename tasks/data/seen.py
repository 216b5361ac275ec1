"""What was met in a source so far: ids, contents, and which row is a copy of which record."""

from __future__ import annotations

import hashlib
import sqlite3
from types import TracebackType
from typing import Self

from tasks.data.checks import Record
from tasks.data.records import Reason
from tasks.data.values import RowFault


class Copy(RowFault):
    """A row whose content is a record already."""

    def __init__(self, record: Record, kept: str) -> None:
        super().__init__(Reason.DUPLICATE, record["record_id"])
        self.group_id: str = record["group_id"]
        self.kept = kept
        """Id of the record that stays."""


class Seen:
    """Ids and contents met so far, on disk beyond a few megabytes: memory must not grow with the source."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("")  # a temporary file that nobody else sees
        self._table.execute("PRAGMA journal_mode=OFF")
        self._table.execute("PRAGMA cache_size=-65536")  # KiB
        self._table.execute("CREATE TABLE ids (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._table.execute("CREATE TABLE contents (digest BLOB PRIMARY KEY, record_id TEXT) WITHOUT ROWID")

    def new(self, record: Record, content: str) -> None:
        """Remember a record.

        Args:
            record: what a row holds.
            content: digest of its content.

        Raises:
            Copy: its content was there before, under whatever id. Several people's labels of one record are no copies.
            RowFault: its id was there before, with another content.
        """
        annotator, own = record["annotator"] or "", record["record_id"]
        key = _digest(f"{content}\0{annotator}")
        if not self._table.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (key, own)).rowcount:
            (kept,) = self._table.execute("SELECT record_id FROM contents WHERE digest = ?", (key,)).fetchone()
            raise Copy(record, kept)
        if not self._table.execute("INSERT OR IGNORE INTO ids VALUES (?)", (_digest(f"{own}\0{annotator}"),)).rowcount:
            self._table.execute("DELETE FROM contents WHERE digest = ?", (key,))
            raise RowFault(Reason.DUPLICATE_ID, own)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.close()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()

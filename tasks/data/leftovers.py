"""What a source holds that no record takes, and what its rows lack: columns and keys by name, never by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tasks.data.blanks import is_blank
from tasks.data.format import Source
from tasks.data.reading import name_or_length

MOST_NAMES = 50
"""More are counted together: keys may be ids."""
OTHERS = "(others)"
_EXPECTED = ("group_id", "category", "language", "annotator")
"""Fields that a record may lack, and that somebody who names their columns counts on."""


class Leftovers:
    """Counts, while rows pass, in how many each unread column holds something, and a column that was named nothing.

    Args:
        source: whose rows they are.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._reads = {*source.mapping.values(), *source.reads}
        self._counts: Counter[str] = Counter()
        self._expected = {field: source.mapping[field] for field in _EXPECTED if field in source.mapping}

    def add(self, fields: Mapping[str, Any]) -> None:
        """Count one row."""
        for field, column in self._expected.items():
            value = fields.get(column)
            if value is None or (isinstance(value, str) and is_blank(value)):
                self._source.noticed[f"rows with nothing in column {column} ({field})"] += 1
        for name, value in fields.items():
            if name not in self._reads and value not in (None, "", []):
                known = name in self._counts or len(self._counts) < MOST_NAMES
                self._counts[name if known else OTHERS] += 1

    def counts(self, rows: int) -> dict[str, int]:
        """Rows per name, most frequent first; of columns that no row shows, all of `rows`."""
        found: Counter[str] = Counter()
        for name, count in (*self._counts.items(), *((name, rows) for name in self._source.unread)):
            found[name if name == OTHERS else name_or_length(name)] += count
        return dict(found.most_common())

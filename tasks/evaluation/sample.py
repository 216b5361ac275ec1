"""Which records are judged, where not all of them are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def judged_rows(rows: Rows, most: int | None) -> Rows:
    """At most `most` records: whole groups in the order of the digests of their ids, each that still fits."""
    if most is None or len(rows) <= most:
        return rows
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row["group_id"]] = sizes.get(row["group_id"], 0) + 1
    chosen: set[str] = set()
    left = most
    for group in sorted(sizes, key=lambda group: hashlib.sha256(group.encode()).digest()):
        if sizes[group] <= left:
            chosen.add(group)
            left -= sizes[group]
    return [row for row in rows if row["group_id"] in chosen]

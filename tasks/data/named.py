"""Which labels and categories may be named: in messages, reports, the ledger, MLflow, on a model card.

A column that somebody took for labels or categories may hold names of patients. So a value is content of records until
the dataset declares it (`labels`, `categories`), or until many groups show it. Labels decide what a model is, so a
dataset with others is refused; categories only say where records are counted, so the others are counted together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

ENOUGH = 10
"""Groups (patients, documents, or records where each is its own) that make a value no secret of any of them."""
RARE = "(rare)"
"""The category of records whose own may not be named."""
LONGEST_NAME = 40
"""Characters. What is longer is no name of a class, and may be somebody's text: it is never shown."""


class Named:
    """Counts the groups that show a value, as rows pass.

    Args:
        declared: values that the dataset's owner has named.
    """

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self._declared = frozenset(declared)
        self._groups: dict[str, set[str]] = {}

    def add(self, value: str, group: str) -> None:
        """One row."""
        held = self._groups.setdefault(value, set())
        if len(held) < ENOUGH:
            held.add(group)

    def may(self, value: str) -> bool:
        """Whether a value may be named."""
        return value in self._declared or len(self._groups.get(value, ())) >= ENOUGH

    def shown(self, value: str) -> str:
        """A value for people, in quotes; one that may not be named by its number of groups."""
        return name_shown(value) if self.may(value) else f"(a value in {len(self._groups.get(value, ()))} group(s))"


def unnamed(groups: Mapping[str, int], declared: Collection[str]) -> frozenset[str]:
    """The values that may not be named.

    Args:
        groups: in how many groups each stands.
        declared: values that the dataset's owner has named.
    """
    return frozenset(value for value, count in groups.items() if count < ENOUGH and value not in declared)


def groups_with(values: Any, groups: Any) -> dict[str, int]:
    """In how many groups each value stands.

    Args:
        values: of some rows, an Arrow array of text.
        groups: the group of each.
    """
    import pyarrow as pa

    pairs = pa.table({"value": values, "group": groups}).group_by(["value", "group"]).aggregate([])
    counted = pairs.group_by("value").aggregate([("group", "count")])
    return dict(zip(counted["value"].to_pylist(), counted["group_count"].to_pylist(), strict=True))


def without_names(categories: Any, secret: Collection[str]) -> Any:
    """An Arrow array of categories, with `RARE` in the place of those that may not be named."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not secret:
        return categories
    hidden = pc.is_in(categories, value_set=pa.array(sorted(secret), pa.string()))
    return pc.if_else(hidden, RARE, categories)


def name_shown(value: str) -> str:
    """A value for people, in quotes; not what may be somebody's text."""
    return f"'{value}'" if len(value) <= LONGEST_NAME else f"(text of {len(value):,} characters)"

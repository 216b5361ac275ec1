"""Rows that were turned away: each keeps its reason, and too many of them end the build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.config.data import Dataset
from tasks.data.records import NOT_A_FAULT, Reason, rejected_schema
from tasks.data.tables import TableWriter
from tasks.errors import InputError

KEPT_CHARACTERS = 20_000
EXAMPLES = 3


class Quarantine:
    """Writes a stage's `rejected.parquet`; use as a context manager.

    `counts` is what goes into the facts under `rejected`; `examples` names the first places of each reason, and
    `details` counts what exactly was wrong.
    """

    def __init__(self, path: Path) -> None:
        self._writer = TableWriter(path, rejected_schema())
        self._counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.details: dict[str, Counter[str]] = {}

    def add(
        self, reason: Reason, place: str, raw: str, record_id: str | None = None, detail: str | None = None
    ) -> None:
        """Keep one row, with what it held (this file stays on this machine); `detail` must hold nothing of it."""
        if detail is not None:
            self.details.setdefault(reason.value, Counter())[detail] += 1
        self._counts[reason.value] += 1
        if len(places := self.examples.setdefault(reason.value, [])) < EXAMPLES:
            places.append(place)
        raw = raw[:KEPT_CHARACTERS].encode("utf-8", "backslashreplace").decode()
        self._writer.write({"reason": reason.value, "place": place, "record_id": record_id, "raw": raw})

    @property
    def counts(self) -> dict[str, int]:
        """Rows per reason."""
        return dict(sorted(self._counts.items()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()


def check_budget(
    name: str,
    dataset: Dataset,
    rows: int,
    rejected: Mapping[str, int],
    examples: Mapping[str, list[str]] | None = None,
    hint: str | None = None,
    details: Mapping[str, Mapping[str, int]] | None = None,
) -> None:
    """Refuse a dataset with more bad rows than its budget, or with nothing left.

    Args:
        name: the dataset's.
        dataset: its settings.
        rows: rows that the source holds.
        rejected: rows per reason, of every stage so far.
        examples: places per reason.
        hint: what to do about it, where the caller knows better.
        details: rows per reason and what exactly was wrong.

    Raises:
        InputError: the count of each reason and the first places; never what a row holds.
    """
    faults = {reason: count for reason, count in sorted(rejected.items()) if Reason(reason) not in NOT_A_FAULT}
    others = {reason: count for reason, count in sorted(rejected.items()) if reason not in faults}
    bad, left = sum(faults.values()), rows - sum(rejected.values())
    if bad <= dataset.bad_row_budget * rows and left > 0:
        return
    lines = []
    for reason, count in {**faults, **others}.items():
        places = ", ".join((examples or {}).get(reason, []))
        lines.append(
            f"  - {reason}: {count:,}"
            + (f" ({places}{', ...' if count > EXAMPLES else ''})" if places else "")
            + (", outside the budget" if reason in others else "")
        )
        exactly = sorted((details or {}).get(reason, {}).items(), key=lambda one: -one[1])[:EXAMPLES]
        lines += [f"    - {detail}: {rows_:,}" for detail, rows_ in exactly]
    what = f"{bad:,} of {rows:,} rows cannot be used, the budget is {dataset.bad_row_budget:.1%}"
    if bad <= dataset.bad_row_budget * rows:
        what = f"none of {rows:,} rows is left"
    raise InputError(
        f"dataset {name} is refused: {what}\n" + "\n".join(lines),
        hint=hint
        or f"look at them with `galen data rejected {name}` and correct the source; the budget is `bad_row_budget` of "
        f"datasets.{name} in params.yaml",
    )

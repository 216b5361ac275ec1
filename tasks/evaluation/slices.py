"""Per-record statistics of one test set, and the slices of it: category, language, and label or entity type."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.words import DatasetTask
from tasks.errors import NotJudgeable
from tasks.evaluation.entities import kinds
from tasks.evaluation.metric import Metric, Sums, metrics_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AND = "|"
"""Between the values of slices that are judged together: `category=ear|nose`."""
RECORD_SLICES = ("category", "language")
"""Columns whose values divide the records."""
LABEL_SLICE: dict[DatasetTask, str | None] = {
    "causal-lm": None,
    "text-classification": "label",
    "token-classification": "entity",
}
"""What slices by label are called: all records, one label's hits and misses."""
UNNAMED = "none"
"""The slice of records that do not say."""


def slice_keys(task: DatasetTask) -> list[str]:
    """Every KEY that a slice `KEY=VALUE` of a task's test sets can have."""
    by_label = LABEL_SLICE[task]
    return [*RECORD_SLICES, *([by_label] if by_label else [])]


def metrics_in(task: DatasetTask, slice_: str | None) -> dict[str, Metric]:
    """What a slice, or all records (None), is judged by."""
    key = (slice_ or "").partition("=")[0]
    return metrics_of(task, "label" if key and key == LABEL_SLICE[task] else "records")


@dataclass(frozen=True)
class Scores:
    """What each record of a test set contributes to the metrics, in the test set's sealed order.

    `columns` holds `record_id`, `group_id`, `category` and `language`; `values` has shape [records, statistics].
    """

    task: DatasetTask
    test: str
    """SHA-256 of the test split's file."""
    columns: Mapping[str, Sequence[str]] = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    values: Floats = field(repr=False)
    _views: dict[str | None, View] = field(default_factory=dict, init=False, repr=False, compare=False)
    _coded: dict[str, tuple[list[str], NDArray[np.intp]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        task: DatasetTask,
        test: str,
        rows: Sequence[Mapping[str, Any]],
        found: Sequence[Mapping[str, float]],
        labels: Sequence[str],
    ) -> Scores:
        """From the records (`rows`), each one's statistics (`found`), and the labels of the dataset."""
        names = _statistic_names(task, labels, found)
        values = np.array([[one.get(name, 0.0) for name in names] for one in found], dtype=np.float64)
        values = values.reshape(len(found), len(names))
        values[~np.isfinite(values).all(axis=-1)] = np.nan  # one statistic that is no number spoils the record
        columns = {name: [str(row[name] or UNNAMED) for row in rows] for name in RECORD_SLICES}
        columns |= {name: [str(row[name]) for row in rows] for name in ("record_id", "group_id")}
        return cls(task, test, columns, names, values)

    def statistic(self, name: str) -> Floats:
        """What each record contributes to one statistic, shape [records]; zero for one that nobody contributed to."""
        if name not in self.names:
            return np.zeros(len(self.values))
        return self.values[:, self.names.index(name)]

    def check_same(self, other: Scores) -> None:
        """See that another model was judged on these records.

        Raises:
            NotJudgeable: it was not.
        """
        if (self.task, self.test) != (other.task, other.test) or (
            list(self.columns["record_id"]) != list(other.columns["record_id"])
        ):
            hint = "evaluate both on one test split with the same settings"
            raise NotJudgeable("the two were not judged on the same records", hint=hint)

    def slices(self) -> list[str]:
        """Every slice there is, `KEY=VALUE`, sorted within its key."""
        found = [f"{key}={value}" for key in RECORD_SLICES for value in self._codes(key)[0]]
        key = LABEL_SLICE[self.task]
        return found + ([f"{key}={label}" for label in self._labels()] if key else [])

    def named(self, pattern: str | None) -> list[str | None]:
        """The slices that a gate means: None is all records, `KEY=*` each slice of that key, else one.

        Raises:
            NotJudgeable: there is no such slice in this test set.
        """
        if pattern is None:
            return [None]
        there = self.slices()
        key, _, value = pattern.partition("=")
        if AND in value and key in RECORD_SLICES and set(value.split(AND)) <= set(self._codes(key)[0]):
            return [pattern]
        meant = [one for one in there if one == pattern or (pattern.endswith("=*") and one.startswith(pattern[:-1]))]
        if not meant:
            raise NotJudgeable("the test set has no such slice", value=pattern, hint=f"there are: {', '.join(there)}")
        return list(meant)

    def view(self, slice_: str | None = None) -> View:
        """The statistics of a slice, summed within each group; all records for None. Made once.

        Raises:
            NotJudgeable: there is no such slice.
        """
        if slice_ not in self._views:
            self.named(slice_)
            key, _, value = (slice_ or "").partition("=")
            names, values, inside = self.names, self.values, None
            if key in RECORD_SLICES:
                inside = self.inside(slice_)
            elif key:
                names = tuple(f"{outcome}:{value}" for outcome in ("tp", "fp", "fn"))
                values = values[:, [self.names.index(name) for name in names]]
            records = len(values) if inside is None else int(inside.sum())
            metrics = metrics_in(self.task, slice_)
            self._views[slice_] = View(slice_, metrics, names, self.summed(values, inside), records)
        return self._views[slice_]

    def only(self, groups: Collection[str]) -> Scores:
        """Of the records of these groups alone."""
        return self._kept("group_id", groups)

    def of_records(self, ids: Collection[str]) -> Scores:
        """Of the records with these ids alone, in the sealed order."""
        return self._kept("record_id", ids)

    def under(self, test: str) -> Scores:
        """The same, as of records that another digest names: beside another look at the same records."""
        return Scores(self.task, test, self.columns, self.names, self.values)

    def _kept(self, column: str, wanted: Collection[str]) -> Scores:
        kept = [place for place, value in enumerate(self.columns[column]) if value in wanted]
        columns = {name: [values[place] for place in kept] for name, values in self.columns.items()}
        return Scores(self.task, self.test, columns, self.names, self.values[kept])

    def inside(self, slice_: str | None) -> NDArray[np.bool_]:
        """Which records a slice of records holds, shape [records]; None: all. `KEY=a|b` holds those of both."""
        if slice_ is None:
            return np.ones(len(self.values), dtype=bool)
        key, _, value = slice_.partition("=")
        values, place = self._codes(key)
        several = [value] if value in values else value.split(AND)
        found: NDArray[np.bool_] = np.isin(place, [values.index(one) for one in several if one in values])
        return found

    def summed(self, values: Floats, inside: NDArray[np.bool_] | None = None) -> Floats:
        """Numbers of records, shape [records, numbers], summed within each group: [groups, numbers], sorted by id.

        With `inside`, only of these records and of the groups that have any.
        """
        _, place = self._codes("group_id")
        order = self._by_group if inside is None else self._by_group[inside[self._by_group]]
        if not len(order):
            return np.zeros((0, values.shape[-1]))
        placed = place[order]
        starts = np.flatnonzero(np.diff(placed, prepend=-1))
        sums: Floats = np.add.reduceat(values[order], starts, axis=0)
        return sums

    def _codes(self, column: str) -> tuple[list[str], NDArray[np.intp]]:
        """The distinct values of a column, sorted, and which of them each record has."""
        if column not in self._coded:
            values, place = np.unique(np.array(self.columns[column]), return_inverse=True)
            self._coded[column] = ([str(value) for value in values], place)
        return self._coded[column]

    @cached_property
    def _by_group(self) -> NDArray[np.intp]:
        """Rows in the order of their groups' ids."""
        return np.argsort(self._codes("group_id")[1], kind="stable")

    def support(self, slice_: str) -> tuple[int, int]:
        """(records, groups) of a slice; of a label or entity type those whose reference has it.

        Raises:
            NotJudgeable: there is no such slice.
        """
        self.named(slice_)
        key, _, value = slice_.partition("=")
        if key in RECORD_SLICES:
            inside = self.inside(slice_)
        else:  # what was found and what was missed is what is there
            there = [self.names.index(f"{outcome}:{value}") for outcome in ("tp", "fn")]
            inside = np.nan_to_num(self.values[:, there]).sum(axis=-1) > 0
        return int(inside.sum()), len(set(self._codes("group_id")[1][inside].tolist()))

    def _labels(self) -> list[str]:
        return [name.removeprefix("tp:") for name in self.names if name.startswith("tp:")]


@dataclass(frozen=True)
class View:
    """One slice of a test set. `by_group` has shape [groups, statistics], groups sorted by id."""

    slice: str | None
    metrics: Mapping[str, Metric]
    names: tuple[str, ...]
    by_group: Floats = field(repr=False)
    records: int

    @property
    def groups(self) -> int:
        """How many independent groups the records come from."""
        return len(self.by_group)

    def metric(self, name: str) -> Metric:
        """The definition of a metric.

        Raises:
            NotJudgeable: this slice has no metric of that name.
        """
        try:
            return self.metrics[name]
        except KeyError:
            where = self.slice or "all records"
            hint = f"there are: {', '.join(self.metrics)}"
            raise NotJudgeable(f"no such metric for {where}", value=name, hint=hint) from None

    def measured(self, name: str) -> Metric:
        """As `metric`, of a metric that was measured.

        Raises:
            NotJudgeable: this slice has no metric of that name, or nothing that it is made of.
        """
        found = self.metric(name)
        for need in found.needs:
            if not any(one == need or (need.endswith(":") and one.startswith(need)) for one in self.names):
                raise NotJudgeable(f"{name} was not measured: no record says its {need.removesuffix(':')}")
        return found

    def total(self) -> Sums:
        """Sums over all records of the slice: shape []."""
        return Sums(self.names, self.by_group.sum(axis=0))


def _statistic_names(task: DatasetTask, labels: Sequence[str], found: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """The names of all statistics of a test set, sorted.

    tp, fp and fn are named for every label of the dataset, and every other one that was met, even where none
    occurred: a label slice that is missing and one that was never met are different things.
    """
    names = {name for one in found for name in one}
    known = set(kinds(labels) if task == "token-classification" else labels)
    known |= {name.partition(":")[2] for name in names if name.startswith(("tp:", "fp:", "fn:"))}
    names |= {f"{outcome}:{label}" for outcome in ("tp", "fp", "fn") for label in known}
    return tuple(sorted(names))

"""What a metric is. Each is declared once, in a file of `metrics/`, and found there; nothing else lists them.

A record contributes a vector of sufficient statistics (token counts, hits and misses...), and a metric is computed
from the sum of these vectors over some records. So one definition gives the value of a test set, of a slice, and, over
sums that leave one group out, what each group changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from tasks.config.words import DatasetTask
from tasks.plugins import modules_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BROKEN: dict[str, float] = {"records": float("nan")}
"""The statistics of a record for which a model gave no finite numbers: no metric is defined where it counts."""


@dataclass(frozen=True)
class Sums:
    """Sums of statistics by name.

    `values` has shape [..., statistics]; what comes out of `[name]` has shape [...]. A statistic that nobody
    contributed to is zero.
    """

    names: tuple[str, ...]
    values: Floats

    def __getitem__(self, name: str) -> Floats:
        if name not in self.names:
            return np.zeros(self.values.shape[:-1])
        return self.values[..., self.names.index(name)]

    def matching(self, prefix: str) -> Floats:
        """All statistics called `prefix:...`, in the order of their names: shape [..., found]."""
        found = sorted(name for name in self.names if name.startswith(f"{prefix}:"))
        return self.values[..., [self.names.index(name) for name in found]]


@dataclass(frozen=True)
class Metric:
    """A number that a model is judged by."""

    name: str
    task: DatasetTask
    """What the records hold that it is defined on."""
    better: Literal["higher", "lower"]
    meaning: str
    of: Callable[[Sums], Floats]
    """From sums of shape [..., statistics] its values, shape [...]; NaN where it is not defined: it never guesses."""
    units: Callable[[Sums], Floats] = lambda sums: sums["records"]
    """How many things it is measured on, from the same sums: texts, closed questions, entities..."""
    parts: Callable[[Sums], Floats] | None = None
    """Of a mean over labels, how often each is there to find: shape [..., labels]."""
    gaps: Callable[[Sums], Floats] | None = None
    """Of a sum of absolute gaps, each gap with its sign: shape [..., gaps]. Chance makes such a sum too large."""
    scale: Literal["share", "graded", "open"] = "share"
    """share: from 0 to 1, each thing is right or wrong. graded: from 0 to 1, a mean of scores. open: no such bounds."""
    over: Literal["records", "label", "both"] = "records"
    """records: all statistics of a test set or of a slice of its records. label: the hits and misses of one label or
    entity type, over all records."""
    usual: bool = False
    """The one that a table or a plot of its task shows first."""
    needs: tuple[str, ...] = ()
    """Statistics (`name`, or `prefix:`) without which it was not measured. A sum that nobody contributed to is zero,
    which is the best there is of a loss."""
    per_token: bool = False
    """Its unit is a token: models with two tokenizers cannot be compared by it."""

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: `sign * (candidate - other)` is what the candidate gains."""
        return 1 if self.better == "higher" else -1


@cache
def declared_metrics() -> Mapping[str, tuple[Metric, ...]]:
    """`METRICS` of every file of `metrics/`, by module, in the order of the files' names."""
    import tasks.evaluation.metrics as package

    return {module.__name__: module.METRICS for module in modules_in(package)}


def metrics_of(task: DatasetTask, over: Literal["records", "label"] = "records") -> dict[str, Metric]:
    """The metrics of a task by name: those of a test set and of slices of its records, or those of one label."""
    every = (metric for metrics in declared_metrics().values() for metric in metrics)
    return {metric.name: metric for metric in every if metric.task == task and metric.over in (over, "both")}


def metric_modules(task: DatasetTask) -> list[str]:
    """The modules that declare the metrics of a task: what it measures depends on their code."""
    return [name for name, metrics in declared_metrics().items() if any(metric.task == task for metric in metrics)]


def usual_metric(task: DatasetTask) -> str:
    """The metric that a table or a plot of a task shows first."""
    return next(name for name, metric in metrics_of(task).items() if metric.usual)


def ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, NaN where the whole is zero."""
    quotient: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) != 0)
    return quotient


def precision(sums: Sums) -> Floats:
    """Share of what was said that is right, over all labels."""
    hits, wrong, missed = _outcomes(sums)
    return _defined(ratio(hits, hits + wrong), hits + wrong + missed)


def recall(sums: Sums) -> Floats:
    """Share of what is there that was said, over all labels."""
    hits, wrong, missed = _outcomes(sums)
    return _defined(ratio(hits, hits + missed), hits + wrong + missed)


def f1(sums: Sums) -> Floats:
    """Harmonic mean of precision and recall, over all labels."""
    hits, wrong, missed = _outcomes(sums)
    return ratio(2 * hits, 2 * hits + wrong + missed)


def _outcomes(sums: Sums) -> tuple[Floats, Floats, Floats]:
    return sums.matching("tp").sum(-1), sums.matching("fp").sum(-1), sums.matching("fn").sum(-1)


def said(sums: Sums) -> Floats:
    """How many labels were said."""
    hits, wrong, _ = _outcomes(sums)
    return hits + wrong


def there(sums: Sums) -> Floats:
    """How many labels there are to find."""
    hits, _, missed = _outcomes(sums)
    return hits + missed


def said_or_there(sums: Sums) -> Floats:
    """How many labels were said, or are there, or both."""
    hits, wrong, missed = _outcomes(sums)
    return hits + wrong + missed


def _defined(value: Floats, seen: Floats) -> Floats:
    """As conlleval has it: nothing predicted, or nothing to find, is zero; NaN only where there was neither."""
    filled: Floats = np.where((seen > 0) & np.isnan(value), 0.0, value)
    return filled

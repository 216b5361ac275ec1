"""Values with their uncertainty: of one model, and of the difference between two on the same test set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.config.evaluation import EvaluationSettings
from tasks.errors import IntegrityError, NotJudgeable
from tasks.evaluation.intervals import of_difference, of_value
from tasks.evaluation.slices import Scores, View


@dataclass(frozen=True)
class Estimate:
    """A metric's value with its interval; None where no interval can be given."""

    value: float
    low: float | None = None
    high: float | None = None
    method: str | None = None
    """How the interval was found (`tasks/evaluation/intervals.py`)."""

    def plain(self) -> dict[str, float | str | None]:
        """As JSON."""
        return dict(vars(self))

    @classmethod
    def of(cls, plain: Mapping[str, float | str | None]) -> Estimate:
        """From JSON, in which 0.0 has become 0. Earlier versions did not say how they found an interval.

        Raises:
            IntegrityError: there is no value.
        """
        value, low, high = (None if plain[end] is None else float(str(plain[end])) for end in ("value", "low", "high"))
        if value is None:
            raise IntegrityError("an estimate has no value", hint="the evaluation was made by other code")
        return cls(value, low, high, str(plain["method"]) if plain.get("method") else None)


def measure(view: View, settings: EvaluationSettings) -> dict[str, Estimate]:
    """Every metric that is defined in a slice, with its interval over groups."""
    total = view.total()
    found = {}
    for name, metric in view.metrics.items():
        value = float(metric.of(total))
        if np.isfinite(value):
            span = of_value(metric, view.names, view.by_group, settings.confidence)
            found[name] = Estimate(value, span.low, span.high, span.method) if span else Estimate(value)
    return found


@dataclass(frozen=True)
class Difference:
    """What a candidate gains over another model: positive is better, also where a metric is better when lower."""

    metric: str
    slice: str | None
    candidate: float
    other: float
    gain: float
    low: float | None
    """Lower end of the gain's interval; None where no interval can be given."""
    high: float | None
    records: int
    groups: int
    method: str | None = None
    """How the interval was found."""

    @property
    def better(self) -> bool:
        """Whether the whole interval of the gain lies above zero."""
        return self.low is not None and self.low > 0

    @property
    def worse(self) -> bool:
        """Whether the whole interval of the gain lies below zero."""
        return self.high is not None and self.high < 0

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self))


def difference(
    candidate: Scores,
    other: Scores,
    metric: str,
    settings: EvaluationSettings,
    *,
    slice_: str | None = None,
    confidence: float | None = None,
) -> Difference:
    """The paired difference of two models on the same records, group by group.

    Args:
        candidate, other: the two models' scores.
        metric: by what they are compared.
        settings: how sure the interval is to be.
        slice_: of which records; None: of all.
        confidence: of the interval, where it is another one than the settings ask for.

    Raises:
        NotJudgeable: the records differ, the metric or the slice does not exist or is undefined for one of them, or
            the two cannot be compared by this metric (perplexity under two tokenizers).
    """
    candidate.check_same(other)
    one, two = candidate.view(slice_), other.view(slice_)
    definition = one.measured(metric)
    two.measured(metric)
    totals = one.total(), two.total()
    if definition.per_token and not same_tokenizer(candidate, other):
        hint = "use bits_per_byte"
        raise NotJudgeable("perplexities per token of two different tokenizers cannot be compared", hint=hint)
    values = [float(definition.of(total)) for total in totals]
    if not np.all(np.isfinite(values)):
        raise NotJudgeable(f"{metric} is not defined for {'the candidate' if np.isnan(values[0]) else 'the other'}")
    gain = definition.sign * (values[0] - values[1]) + 0.0  # never minus zero
    sums = one.by_group, two.by_group
    span = of_difference(definition, (one.names, two.names), sums, confidence or settings.confidence)
    low, high, method = (span.low, span.high, span.method) if span else (None, None, None)
    return Difference(metric, slice_, values[0], values[1], gain, low, high, one.records, one.groups, method)


def same_tokenizer(one: Scores, two: Scores) -> bool:
    """Whether both counted the same number of tokens in every reference answer."""
    counts = [scores.values[:, scores.names.index("answer_tokens")] for scores in (one, two)]
    return np.array_equal(counts[0], counts[1], equal_nan=True)

"""Confidence intervals over whole groups: records of one patient or page are not independent.

One rule for values and one for differences, with no random number in them: what each group changes (the jackknife over
groups), and Student's t for as many groups as there are. `bench/coverage.py` measures how often they hold what they
claim, beside the percentile bootstrap (docs/gates.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.evaluation.folded import of_gaps
from tasks.evaluation.metric import Metric, Sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MIN_GROUPS = 8
"""With fewer groups nothing can be said of how much they differ: no interval is given."""
MIN_LABEL_GROUPS = 5
"""A mean over labels has no interval of its own where a label of the dataset is in fewer groups, or in none:
whether it is there at all moves such a mean more than how well it is recognised."""
ALIKE = 0.1
"""Share of the variance that is taken to lie between groups where nothing varies."""
LEAST = {"share": 1.0, "graded": 0.25}
"""What a record is thought to vary at least, as a share of the variance of one that is right or wrong: scores that all
happen to be alike do not make a mean certain."""


@dataclass(frozen=True)
class Interval:
    """A range, and how it was found."""

    low: float
    high: float
    method: str
    """`wilson`, `jackknife` or `folded jackknife` for a value, `paired jackknife` for a difference."""


def of_value(metric: Metric, names: tuple[str, ...], by_group: Floats, confidence: float) -> Interval | None:
    """The interval of one metric of one model.

    A share or a mean of scores from 0 to 1: Wilson's score interval (Wilson 1927) for as many records as these groups
    are worth, which is their number over the design effect (Korn & Graubard 1998), with Student's t. Any other: t times
    the jackknife's standard error (Efron & Stein 1981; with clusters also called CR3).

    Args:
        metric: what is measured.
        names: of the statistics.
        by_group: statistics summed within each group, shape [groups, statistics].
        confidence: for example 0.95.

    Returns:
        None with fewer than `MIN_GROUPS` groups that count, where one group alone makes the metric defined, or with a
        label in fewer than `MIN_LABEL_GROUPS` groups.
    """
    counted = by_group[metric.units(Sums(names, by_group)) > 0]
    if len(counted) < MIN_GROUPS or _rare_label(metric, names, counted):
        return None
    total = Sums(names, counted.sum(axis=0))
    value = float(metric.of(total))
    variance = _variance(_influence(metric, names, counted))
    factor = quantile(confidence, len(counted) - 1)
    if not np.isfinite(variance):
        return None
    if metric.gaps is not None:
        low, high = of_gaps(*_gaps(metric.gaps, names, counted), variance**0.5, factor)
        return Interval(low, max(high, value), "folded jackknife")
    if metric.scale == "open":
        half = factor * variance**0.5
        return Interval(value - half, value + half, "jackknife")
    alone = value * (1 - value)
    least = alone * LEAST[metric.scale] / float(metric.units(total))
    worth = alone / max(variance, least) if alone > 0 else _worth_if_alike(metric, names, counted)
    square = factor**2 / worth
    centre = (value + square / 2) / (1 + square)
    half = (square * (value * (1 - value) + square / 4)) ** 0.5 / (1 + square)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), "wilson")


def of_difference(
    metric: Metric, names: tuple[tuple[str, ...], tuple[str, ...]], by_group: tuple[Floats, Floats], confidence: float
) -> Interval | None:
    """The interval of what one model gains over another on the same groups, positive is better.

    t times the jackknife's standard error of the difference, with as many degrees of freedom as that standard error has
    (Satterthwaite 1946): where few groups tell the two apart it is itself uncertain, and with it the far tail that a
    small error probability asks for. For metrics from 0 to 1, two records more are thought to be there, one gained and
    one lost, as in Agresti & Min 2005 and Bonett & Price 2012: models that seldom differ are not certain to be alike.

    Args:
        metric: what is measured.
        names: of the statistics, for each of the two.
        by_group: statistics summed within each group, the same groups for both, shape [groups, statistics] each.
        confidence: for example 0.95.

    Returns:
        None where a value would have none.
    """
    found = paired(metric, names, by_group)
    if found is None:
        return None
    half = quantile(confidence, found.freedom) * found.error
    most = np.inf if metric.scale == "open" else 1.0
    return Interval(max(-most, found.gain - half), min(most, found.gain + half), "paired jackknife")


@dataclass(frozen=True)
class Paired:
    """What one model gains over another on the same groups, and how surely: positive is better."""

    gain: float
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom of the standard error."""

    def low(self, level: float) -> float:
        """Lower end at a one-sided error probability."""
        return self.gain - quantile(1 - 2 * level, self.freedom) * self.error

    def chance(self, loss: float) -> float:
        """One-sided p-value of "at least `loss` was lost": how likely so much gain would be then."""
        from scipy.special import stdtr  # type: ignore[import-untyped]

        if not self.error:
            return 0.0 if self.gain >= -loss else 1.0
        return float(stdtr(self.freedom, -(self.gain + loss) / self.error))


def paired(
    metric: Metric, names: tuple[tuple[str, ...], tuple[str, ...]], by_group: tuple[Floats, Floats]
) -> Paired | None:
    """What `of_difference` knows before it is asked how sure it must be; None where there is no interval."""
    sides = list(zip(names, by_group, strict=True))
    fewest = min(int((metric.units(Sums(*side)) > 0).sum()) for side in sides)
    if fewest < MIN_GROUPS:
        return None
    totals = [Sums(name, one.sum(axis=0)) for name, one in sides]
    gain = metric.sign * float(metric.of(totals[0]) - metric.of(totals[1]))
    influences, added = influences_of_difference(metric, names, by_group), pseudo_variance(metric, names, by_group)
    squares, fourth = np.square(influences), np.power(influences, 4)
    known = freedom(float(squares.sum()) + added, float(fourth.sum()) + added**2 / 2, fewest)
    error = (_variance(influences) + added) ** 0.5
    return Paired(gain, float(error), known) if np.isfinite(error) else None


def influences_of_difference(
    metric: Metric, names: tuple[tuple[str, ...], tuple[str, ...]], by_group: tuple[Floats, Floats]
) -> Floats:
    """What each group changes in the difference between two models, shape [groups that count for either]."""
    sides = list(zip(names, by_group, strict=True))
    one, other = (_influence(metric, *side) for side in sides)
    counts = np.logical_or.reduce([metric.units(Sums(*side)) > 0 for side in sides])
    return metric.sign * (one - other)[counts]


def pseudo_variance(
    metric: Metric, names: tuple[tuple[str, ...], tuple[str, ...]], by_group: tuple[Floats, Floats]
) -> float:
    """What two records more, one gained and one lost, add to the variance of a difference."""
    if metric.scale == "open":
        return 0.0
    units = [float(metric.units(Sums(name, one.sum(axis=0)))) for name, one in zip(names, by_group, strict=True)]
    return 2 * LEAST[metric.scale] / min(units) ** 2


def _worth_if_alike(metric: Metric, names: tuple[str, ...], counted: Floats) -> float:
    """As how many records groups count that are all right, or all wrong, and so do not say how much they differ."""
    units = metric.units(Sums(names, counted))
    return float(units.sum() / (1 + (np.square(units).sum() / units.sum() - 1) * ALIKE))


def _rare_label(metric: Metric, names: tuple[str, ...], counted: Floats) -> bool:
    if metric.parts is None:
        return False
    met = (metric.parts(Sums(names, counted)) > 0).sum(axis=0)
    return bool((met < MIN_LABEL_GROUPS).any())


def _influence(metric: Metric, names: tuple[str, ...], by_group: Floats) -> Floats:
    """What each group changes: the value with all groups minus the value without it, shape [groups]."""
    total = by_group.sum(axis=0)
    influence: Floats = metric.of(Sums(names, total)) - metric.of(Sums(names, total - by_group))
    return influence


def _gaps(gaps: Callable[[Sums], Floats], names: tuple[str, ...], counted: Floats) -> tuple[Floats, Floats]:
    """Every gap, and its standard error: shape [gaps] each."""
    total = counted.sum(axis=0)
    found = gaps(Sums(names, total))
    changes = found - gaps(Sums(names, total - counted))
    errors: Floats = ((len(changes) - 1) / len(changes) * np.square(changes).sum(axis=0)) ** 0.5
    return found, errors


def _variance(influence: Floats) -> float:
    """Of the value that the groups change so, around that value: the jackknife's, on the wide side with few groups."""
    return float((len(influence) - 1) / len(influence) * np.square(influence).sum())


def freedom(squares: float, fourth: float, groups: int) -> float:
    """Degrees of freedom of a variance that groups show: twice its square over its own variance (Satterthwaite 1946).

    Never less than the fewest groups would have: whether fewer tell two models apart cannot be seen from so few.

    Args:
        squares: sum of the squares of what each group changes.
        fourth: sum of their fourth powers.
        groups: how many there are.
    """
    varies = fourth - squares**2 / groups
    found = 2 * squares**2 / varies if varies > 0 else np.inf
    return float(min(max(found, MIN_GROUPS - 1), groups - 1))


def quantile(confidence: float, freedom: float) -> float:
    """Of Student's t: how many standard errors make a two-sided interval."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))

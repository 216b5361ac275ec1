"""What a test set can tell before anything is trained: which losses a gate would stop, and whom it would let by.

Two trainings of one recipe that differ in nothing but the seed are equally good, and still say different things. How
different decides how wide the interval of their difference is, and so whether a gate can ever be passed. All here is
arithmetic on that width; `bench/power.py` compares it with simulations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.evaluation.intervals import MIN_GROUPS, influences_of_difference, pseudo_variance, quantile
from tasks.evaluation.metric import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NOTICED = 0.8
"""The probability with which a loss is to be noticed."""
GRID = 200
"""Points at which the distribution of an estimated variance is looked at."""
MOST = 1e7
"""Groups: what needs more cannot be had."""


@dataclass(frozen=True)
class Spread:
    """How far apart two equally good models seem on a test set of some groups, by chance alone."""

    variance: float
    """Of the difference between the two."""
    groups: int
    """Independent groups that the metric is about."""
    added: float
    """Variance that the interval adds because models that seldom differ are not known to be alike."""
    freedom: float
    """Degrees of freedom of the variance that an interval estimates: fewer than groups where few of them differ."""

    def with_groups(self, groups: float) -> Spread:
        """The same two models on more or fewer groups of the same kind."""
        more = groups / self.groups
        return Spread(self.variance / more, round(groups), self.added / more**2, self.freedom * more)


@dataclass(frozen=True)
class Rule:
    """When a gate lets a candidate by: its gain, or the lower end of the gain's interval, is at least -tolerance."""

    tolerance: float
    level: float | None
    """One-sided error probability of the interval; None: the estimate alone decides."""


def spread_between(metric: Metric, pairs: Sequence[tuple[tuple[tuple[str, ...], Floats], ...]]) -> Spread | None:
    """From models that were judged on this very test set.

    Args:
        metric: what is measured.
        pairs: two equally good models each: (names of the statistics, statistics by group) of both.

    Returns:
        The mean over the pairs; None without a pair, or where nothing can be said of one of them.
    """
    found = []
    for one, other in pairs:
        influences = influences_of_difference(metric, (one[0], other[0]), (one[1], other[1]))
        if not np.isfinite(influences).all():
            return None
        found.append((influences, pseudo_variance(metric, (one[0], other[0]), (one[1], other[1]))))
    if not found:
        return None
    groups = min(len(influences) for influences, _ in found)
    squares = np.mean([np.square(influences).sum() for influences, _ in found])
    fourth = np.mean([np.square(np.square(influences)).sum() for influences, _ in found])
    added = float(np.mean([extra for _, extra in found]))
    return _spread(float(squares), float(fourth), groups, added)


def spread_of_counts(
    counts: Floats, disagreement: float, weights: Floats, *, together: float, least: float, units: float
) -> Spread:
    """From nothing but what groups hold, and how often two equally good models differ.

    Args:
        counts: things by group that a model gets right or wrong, by kind (one label each, say), shape [groups, kinds].
        disagreement: mean square of the difference in what one thing scores: of what is right or wrong, the share that
            only one of the two has right.
        weights: by how much one thing moves the metric, shape [kinds].
        together: correlation of such differences within a group.
        least: as `LEAST` of intervals.
        units: how many things the metric is measured on.
    """
    held = counts[counts.sum(axis=1) > 0]
    many = held.sum(axis=1)
    alone = held @ np.square(weights)
    squares = disagreement * (alone + together * (np.square(held @ weights) - alone))
    # Of a sum of independent terms that are -1, 0 or 1 times their weight, in clumps where they come together.
    single = disagreement * (held @ np.power(weights, 4)) * np.square(1 + together * (many - 1))
    fourth = single + 3 * squares**2 * (1 - disagreement)
    return _spread(float(squares.sum()), float(fourth.sum()), len(many), 2 * least / units**2)


def _spread(squares: float, fourth: float, groups: int, added: float) -> Spread:
    """From the sums over groups of their influences' squares and fourth powers.

    The sum of squares varies by the sum of fourth powers less those that squares would have if all were alike; twice
    the square of its mean over that is its degrees of freedom (Satterthwaite 1946).
    """
    if squares <= 0:
        return Spread(0.0, groups, added, float(groups))
    varies = fourth - squares**2 / groups
    freedom = 2 * squares**2 / varies if varies > 0 else groups
    return Spread(squares, groups, added, float(min(max(freedom, 1.0), groups - 1 if groups > 1 else 1)))


def half_width(spread: Spread, level: float) -> float:
    """Of the interval of the difference between two equal models, one-sided error probability `level`; inf where none
    is given."""
    if spread.groups < MIN_GROUPS:
        return float("inf")
    return quantile(1 - 2 * level, spread.groups) * float(np.sqrt(spread.variance + spread.added))


def passes(spread: Spread, rule: Rule, loss: float = 0.0) -> float:
    """The probability that a candidate which has truly lost `loss` (0: equal) is let by in one look."""
    from scipy.special import gammaincinv, ndtr  # type: ignore[import-untyped]

    if rule.level is None:
        if spread.variance == 0:
            return float(loss <= rule.tolerance)
        return float(ndtr((rule.tolerance - loss) / spread.variance**0.5))
    if spread.groups < MIN_GROUPS:
        return 0.0
    wide = quantile(1 - 2 * rule.level, spread.groups)
    shares = (np.arange(GRID) + 0.5) / GRID
    seen = gammaincinv(spread.freedom / 2, shares) * 2 / spread.freedom * spread.variance
    room = rule.tolerance - loss - wide * np.sqrt(seen + spread.added)
    if spread.variance == 0:
        return float((room >= 0).mean())
    return float(ndtr(room / spread.variance**0.5).mean())


def noticed_loss(spread: Spread, rule: Rule, probability: float = NOTICED) -> float:
    """The smallest true loss that is stopped with that probability; 0 where even no loss at all is."""
    return _least(lambda loss: passes(spread, rule, loss) <= 1 - probability, 0.0, 1e3)


def groups_missing(spread: Spread, rule: Rule, wanted: float) -> int | None:
    """How many more groups make the probability that an equal candidate is let by at least `wanted`; None: no number
    that can be had does."""
    if passes(spread, rule) >= wanted:
        return 0
    most = MOST
    if passes(spread.with_groups(most), rule) < wanted:
        return None
    needed = _least(lambda groups: passes(spread.with_groups(groups), rule) >= wanted, float(spread.groups), most)
    return int(np.ceil(needed)) - spread.groups


def _least(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The smallest number between two at which something holds that goes on holding from there."""
    if holds(low):
        return low
    if not holds(high):
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high

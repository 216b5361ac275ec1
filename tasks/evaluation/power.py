"""What a test set can tell before anything is trained: which losses a gate would stop, and whom it would let by.

Two trainings of one recipe that differ in nothing but the seed are equally good, and still say different things. How
different decides how wide the interval of their difference is, and so whether a gate can ever be passed. All here is
arithmetic on that width; `bench/power.py` compares it with simulations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.evaluation.intervals import MIN_GROUPS, freedom, influences_of_difference, pseudo_variance, quantile
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
    """Of the difference between the two: the sum over groups of the square of what each changes."""
    fourth: float
    """The sum of the fourth powers: how uncertain the variance itself is that an interval estimates."""
    sixth: float
    """The sum of the sixth powers: how the fourth ones go along with the squares."""
    groups: int
    """Independent groups that the metric is about."""
    added: float
    """Variance that the interval adds because models that seldom differ are not known to be alike."""

    def with_groups(self, groups: float) -> Spread:
        """The same two models on more or fewer groups of the same kind."""
        more = groups / self.groups
        return Spread(
            self.variance / more, self.fourth / more**3, self.sixth / more**5, round(groups), self.added / more**2
        )

    def wide(self, level: float, squares: float, fourth: float) -> float:
        """How many standard errors an interval reaches to each side, one-sided error probability `level`."""
        known = freedom(squares + self.added, fourth + self.added**2 / 2, self.groups)
        return quantile(1 - 2 * level, known)

    def seen(self) -> Iterator[tuple[float, float]]:
        """What test sets show instead, each as likely as the others: the sums of squares and of fourth powers.

        The squares vary as a gamma distribution that has their mean, variance and skewness (Pearson's type III); the
        fourth powers go along with them in a straight line, and are never less than if all groups were alike.
        """
        from scipy.special import gammaincinv  # type: ignore[import-untyped]

        mean = self.variance / self.groups
        varies = self.fourth - self.variance * mean
        if varies <= 1e-9 * self.fourth:
            yield self.variance, self.fourth
            return
        skew = self.sixth - 3 * self.fourth * mean + 2 * self.variance * mean**2
        slope = (self.sixth - self.fourth * mean) / varies
        unit = max(skew / varies / 2, varies / self.variance)  # so that none is negative
        shape = varies / unit**2
        for share in gammaincinv(shape, (np.arange(GRID) + 0.5) / GRID) - shape:
            squares = max(float(self.variance + unit * share), 0.0)
            yield squares, max(self.fourth + slope * (squares - self.variance), squares**2 / self.groups)


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
    squares, fourth, sixth = (float(np.mean([np.power(one, power).sum() for one, _ in found])) for power in (2, 4, 6))
    return Spread(squares, fourth, sixth, groups, float(np.mean([added for _, added in found])))


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
    clump = np.square(1 + together * (many - 1))
    fourth = disagreement * (held @ np.power(weights, 4)) * clump
    sixth = disagreement * (held @ np.power(weights, 6)) * clump**2 + 15 * fourth * squares + 15 * squares**3
    fourth += 3 * squares**2 * (1 - disagreement)
    powers = float(squares.sum()), float(fourth.sum()), float(sixth.sum())
    return Spread(*powers, len(many), 2 * least / units**2)


def half_width(spread: Spread, level: float) -> float:
    """Of the interval of the difference between two equal models, one-sided error probability `level`; inf where none
    is given."""
    if spread.groups < MIN_GROUPS:
        return float("inf")
    wide = spread.wide(level, spread.variance, spread.fourth)
    return wide * float(np.sqrt(spread.variance + spread.added))


def passes(spread: Spread, rule: Rule, loss: float = 0.0) -> float:
    """The probability that a candidate which has truly lost `loss` (0: equal) is let by in one look.

    What groups change has no preferred sign between equal models: given its squares, their sum is normal with the sum
    of the squares as variance. That is why an interval that happens to be narrow seldom lies far off.
    """
    from scipy.special import ndtr

    if spread.variance == 0 and rule.level is None:
        return float(loss <= rule.tolerance)
    if rule.level is None:
        return float(ndtr((rule.tolerance - loss) / np.sqrt(spread.variance)))
    if spread.groups < MIN_GROUPS:
        return 0.0
    found = []
    for squares, fourth in spread.seen():
        half = spread.wide(rule.level, squares, fourth) * float(np.sqrt(squares + spread.added))
        room = rule.tolerance - loss - half
        found.append(float(ndtr(room / np.sqrt(squares))) if squares else float(room >= 0))
    return float(np.mean(found))


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

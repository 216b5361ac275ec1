"""Sums of absolute gaps, as the expected calibration error is one: chance alone makes every gap larger than it is.

Where a gap truly is `m` and is measured with a standard error `s`, its absolute value is on average that of a folded
normal distribution (Leone, Nelson & Nottingham 1961), never below `s * sqrt(2 / pi)`. What is measured is therefore
led back to the gaps that would show so on average; the same bias is taken off otherwise by Kumar, Liang & Ma 2019,
"Verified Uncertainty Calibration".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NOTHING = (2 / np.pi) ** 0.5
"""What a gap of zero shows on average, in standard errors."""
HALVINGS = 50


def of_gaps(gaps: Floats, errors: Floats, error: float, factor: float) -> tuple[float, float]:
    """Both ends of the interval of a sum of absolute gaps.

    From zero on, where what is measured is no more than gaps of zero would show.

    Args:
        gaps: with their signs, shape [gaps].
        errors: their standard errors, shape [gaps].
        error: the standard error of the sum.
        factor: how many standard errors make an end.
    """
    found, by_chance = np.abs(gaps).sum(), NOTHING * errors.sum()
    spread = (np.square(errors).sum() * (1 - NOTHING**2)) ** 0.5
    centre = float(true_gaps(np.abs(gaps), errors).sum())
    low = 0.0 if found <= by_chance + factor * spread else centre - factor * error
    return max(0.0, low), centre + factor * error


def true_gaps(shown: Floats, errors: Floats) -> Floats:
    """The gaps that would show like this on average, none below zero: shape [gaps]."""
    low, high = np.zeros_like(shown), shown.copy()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        less = folded_mean(middle, errors) < shown
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    found: Floats = (low + high) / 2
    return np.where(shown > NOTHING * errors, found, 0.0)


def folded_mean(mean: Floats, error: Floats) -> Floats:
    """Mean of the absolute value of a normal variable, elementwise."""
    from scipy.special import ndtr  # type: ignore[import-untyped]

    scaled = np.divide(mean, error, out=np.full_like(mean, np.inf), where=error > 0)
    found: Floats = error * NOTHING * np.exp(-np.square(scaled) / 2) + mean * (1 - 2 * ndtr(-scaled))
    return found

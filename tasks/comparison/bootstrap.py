"""Confidence intervals by resampling whole groups: records of one patient or page are not independent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MIN_GROUPS = 5
"""With fewer groups there are too few different resamples for an interval: none is given."""
MIN_DEFINED = 0.9
"""Share of the resamples in which a metric must be defined for its interval to be given."""
_CELLS = 4_000_000  # counts held at a time: 32 MB


def resampled_sums(sums: Floats, resamples: int, seed: str) -> Floats:
    """Sums over resamples of the groups, drawn with replacement.

    Davison & Hinkley 1997, "Bootstrap Methods and their Application", 3.8: the clustered (case) bootstrap.

    Args:
        sums: statistics summed within each group, shape [groups, statistics].
        resamples: how often to draw as many groups as there are.
        seed: any text; the same text and number of groups draw the same groups, so differences are paired.

    Returns:
        Shape [resamples, statistics].
    """
    drawn = [counts @ sums for counts in _counts(len(sums), resamples, seed)]
    return np.concatenate(drawn)


def _counts(groups: int, resamples: int, seed: str) -> Iterator[Floats]:
    """How often each group was drawn, a block of resamples at a time: shape [block, groups]."""
    chance = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
    block = max(1, _CELLS // groups)
    for first in range(0, resamples, block):
        rows = min(block, resamples - first)
        drawn = chance.integers(groups, size=(rows, groups)) + groups * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)


def interval(values: Floats, groups: int, confidence: float) -> tuple[float, float] | None:
    """Percentile interval of a metric's (or a difference's) values over resamples, shape [resamples].

    None where it would claim more than is known: fewer than `MIN_GROUPS` groups, or the metric is undefined in
    more than a tenth of the resamples.
    """
    defined = values[np.isfinite(values)]
    if groups < MIN_GROUPS or len(defined) < MIN_DEFINED * len(values):
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)

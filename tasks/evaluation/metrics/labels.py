"""Texts with one label each: over all labels, and of one label against the others."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tasks.evaluation.metric import Metric, Sums, f1, precision, ratio, recall, said, said_or_there, there

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 15
"""Confidence bins of the calibration error, as in its paper."""
SURE_STEP, SURE_ENDS = 0.5, (-6.0, 12.0)
"""Bins of confidence by its log-odds, by which the surest texts are found: probabilities crowd near 1, log-odds do not.
Texts of one bin count alike; what lies beyond an end is in the last bin."""


def _macro_f1(sums: Sums) -> Floats:
    hits = sums.matching("tp")
    each = ratio(2 * hits, hits + _there(sums) + sums.matching("fp"))
    return ratio(np.nansum(each, axis=-1), (~np.isnan(each)).sum(-1).astype(np.float64))


def _there(sums: Sums) -> Floats:
    return sums.matching("tp") + sums.matching("fn")


def _calibration_gaps(sums: Sums) -> Floats:
    gaps: Floats = sums.matching("bin-correct") - sums.matching("bin-confidence")
    return gaps / np.asarray(sums["with_confidence"])[..., None]


def _calibration_error(sums: Sums) -> Floats:
    gap = np.abs(sums.matching("bin-correct") - sums.matching("bin-confidence"))
    return ratio(gap.sum(-1), sums["with_confidence"])


def _accuracy_at(coverage: float) -> Callable[[Sums], Floats]:
    """Accuracy among the surest share of the texts (Geifman & El-Yaniv 2017, "Selective Classification for Deep Neural
    Networks"). Of the bin that the share ends in, as many as are needed, with the accuracy of that bin."""

    def value(sums: Sums) -> Floats:
        counts, right = sums.matching("sure")[..., ::-1], sums.matching("sure-correct")[..., ::-1]
        wanted = coverage * np.asarray(sums["with_confidence"])
        before = np.cumsum(counts, axis=-1) - counts
        taken = np.clip(wanted[..., None] - before, 0, counts)
        return ratio(np.nansum(taken * ratio(right, counts), axis=-1), wanted)

    return value


METRICS = (
    Metric(
        "accuracy",
        "text-classification",
        "higher",
        "share of texts with the right label",
        lambda sums: ratio(sums["correct"], sums["records"]),
    ),
    Metric(
        "macro_f1",
        "text-classification",
        "higher",
        "mean F1 over the labels that occur in references or predictions (scikit-learn's macro average)",
        _macro_f1,
        parts=_there,
        usual=True,
    ),
    Metric(
        "calibration_error",
        "text-classification",
        "lower",
        f"expected calibration error, {BINS} equal bins of confidence (Guo et al. 2017, "
        '"On Calibration of Modern Neural Networks")',
        _calibration_error,
        units=lambda sums: sums["with_confidence"],
        gaps=_calibration_gaps,
        scale="graded",
        needs=("bin-correct:", "bin-confidence:"),
    ),
    Metric(
        "brier",
        "text-classification",
        "lower",
        "mean squared error of all labels' probabilities, from 0 to 2 (Brier 1950): calibration and sharpness together",
        lambda sums: ratio(sums["squared_error"], sums["with_confidence"]),
        units=lambda sums: sums["with_confidence"],
        scale="open",
        needs=("squared_error",),
    ),
    *(
        Metric(
            f"accuracy_at_{coverage}",
            "text-classification",
            "higher",
            f"accuracy of the {coverage} % of the texts with the highest confidence: of a model that may abstain",
            _accuracy_at(coverage / 100),
            units=lambda sums: sums["with_confidence"],
            scale="graded",
        )
        for coverage in (80, 50)
    ),
    Metric(
        "f1",
        "text-classification",
        "higher",
        "F1 of one label against all others",
        f1,
        units=said_or_there,
        over="label",
    ),
    Metric(
        "precision",
        "text-classification",
        "higher",
        "share of the texts given this label that have it",
        precision,
        units=said,
        over="label",
    ),
    Metric(
        "recall",
        "text-classification",
        "higher",
        "share of the texts with this label that were given it",
        recall,
        units=there,
        over="label",
    ),
)


def label_statistics(
    predicted: str, reference: str, confidence: float | None, squared_error: float = 0.0
) -> dict[str, float]:
    """A predicted label beside its reference.

    Args:
        predicted: the label given.
        reference: the right one.
        confidence: probability of the predicted label; None where whoever predicts has none (a baseline).
        squared_error: of all labels' probabilities, where there is a confidence.
    """
    correct = predicted == reference
    found = {"records": 1.0, "correct": float(correct)}
    if correct:
        found[f"tp:{reference}"] = 1.0
    else:
        found |= {f"fp:{predicted}": 1.0, f"fn:{reference}": 1.0}
    if confidence is not None:
        # Bins (0, 1/15], (1/15, 2/15]... as in the paper. The error needs no bin sizes: |hits - confidence| per bin.
        place = min(max(int(np.ceil(confidence * BINS)) - 1, 0), BINS - 1)
        sure = _sureness(confidence)
        found |= {
            "with_confidence": 1.0,
            "squared_error": squared_error,
            f"bin-correct:{place:02d}": float(correct),
            f"bin-confidence:{place:02d}": confidence,
            f"sure:{sure:02d}": 1.0,
            f"sure-correct:{sure:02d}": float(correct),
        }
    return found


def _sureness(confidence: float) -> int:
    """The bin of a confidence by its log-odds, from 0."""
    low, high = SURE_ENDS
    odds = math.log(confidence / (1 - confidence)) if 0 < confidence < 1 else math.copysign(math.inf, confidence - 0.5)
    return int((min(max(odds, low), high) - low) / SURE_STEP)

"""Harmful flips: records that a form of a model had right, and the form made from it has wrong.

Two forms may be equally good and still not the same: what one knows that the other does not shows in no mean
(Milani Fard et al. 2016, "Launch and Iterate: Reducing Prediction Churn"; Yan et al. 2021, "Positive-Congruent
Training", who call them negative flips).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.config.words import DatasetTask
from tasks.evaluation.metric import Metric, ratio
from tasks.evaluation.slices import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]

NAMES = ("records", "flipped")


def share_of(task: DatasetTask) -> Metric:
    """The share of a task's records that flipped, from sums of `NAMES`."""
    meaning = "share of the records that the form before had right, or much better"
    return Metric("harmful_flips", task, "lower", meaning, lambda sums: ratio(sums["flipped"], sums["records"]))


def harmful(before: Scores, after: Scores, fall: float) -> Flags:
    """Which records are worse now, shape [records].

    A text whose label was right and is wrong; tokens of which every entity was right and one is not; a closed question
    whose choice was right and is wrong, or an answer whose token F1 falls by more than `fall`.

    Raises:
        NotJudgeable: the two were not judged on the same records.
    """
    after.check_same(before)
    if before.task != "causal-lm":
        return _right(before) & ~_right(after)
    fallen = ~(before.statistic("token_f1") - after.statistic("token_f1") <= fall)  # what is no number has fallen
    lost = before.statistic("closed_correct") > after.statistic("closed_correct")
    return fallen | lost


def _right(scores: Scores) -> Flags:
    if scores.task == "text-classification":
        return scores.statistic("correct") > 0
    wrong = [name for name in scores.names if name.startswith(("fp:", "fn:"))]
    right: Flags = np.all([scores.statistic(name) == 0 for name in wrong], axis=0)
    return right

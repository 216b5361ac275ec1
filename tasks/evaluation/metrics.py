"""Every metric, as a function of sums of per-record statistics.

A record contributes a vector of sufficient statistics (token counts, hits and misses...), and a metric is computed
from the sum of these vectors over some records. So one definition gives the value of a test set, of a slice, and, over
sums of resampled groups, all values of a bootstrap at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tasks.config.words import DatasetTask
from tasks.evaluation.entities import kinds, matches
from tasks.evaluation.text import rouge_l, token_f1, tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BINS = 15
"""Confidence bins of the calibration error, as in its paper."""
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
    """A number that a model is judged by. `of` gives NaN where the metric is not defined: a metric never guesses."""

    name: str
    better: Literal["higher", "lower"]
    meaning: str
    of: Callable[[Sums], Floats]

    @property
    def sign(self) -> int:
        """1 where higher is better, else -1: `sign * (candidate - other)` is what the candidate gains."""
        return 1 if self.better == "higher" else -1


def ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`, NaN where the whole is zero."""
    quotient: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) != 0)
    return quotient


def _precision(sums: Sums) -> Floats:
    hits, wrong, missed = _outcomes(sums)
    return _defined(ratio(hits, hits + wrong), hits + wrong + missed)


def _recall(sums: Sums) -> Floats:
    hits, wrong, missed = _outcomes(sums)
    return _defined(ratio(hits, hits + missed), hits + wrong + missed)


def _f1(sums: Sums) -> Floats:
    hits, wrong, missed = _outcomes(sums)
    return ratio(2 * hits, 2 * hits + wrong + missed)


def _outcomes(sums: Sums) -> tuple[Floats, Floats, Floats]:
    return sums.matching("tp").sum(-1), sums.matching("fp").sum(-1), sums.matching("fn").sum(-1)


def _defined(value: Floats, seen: Floats) -> Floats:
    """As conlleval has it: nothing predicted, or nothing to find, is zero; NaN only where there was neither."""
    filled: Floats = np.where((seen > 0) & np.isnan(value), 0.0, value)
    return filled


def _macro_f1(sums: Sums) -> Floats:
    hits, wrong, missed = sums.matching("tp"), sums.matching("fp"), sums.matching("fn")
    each = ratio(2 * hits, 2 * hits + wrong + missed)
    return ratio(np.nansum(each, axis=-1), (~np.isnan(each)).sum(-1).astype(np.float64))


def _calibration_error(sums: Sums) -> Floats:
    gap = np.abs(sums.matching("bin-correct") - sums.matching("bin-confidence"))
    return ratio(gap.sum(-1), sums["with_confidence"])


def _table(*metrics: Metric) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


METRICS: dict[DatasetTask, dict[str, Metric]] = {
    "causal-lm": _table(
        Metric(
            "perplexity",
            "lower",
            "exp of the mean negative log-likelihood per token of the reference answers, end token included",
            lambda sums: np.exp(ratio(sums["answer_nll"], sums["answer_tokens"])),
        ),
        Metric(
            "bits_per_byte",
            "lower",
            "negative log-likelihood of the reference answers in bits per UTF-8 byte: comparable between tokenizers",
            lambda sums: ratio(sums["answer_nll"] / np.log(2), sums["answer_bytes"]),
        ),
        Metric(
            "token_f1",
            "higher",
            "mean token F1 of generated and reference answers (Rajpurkar et al. 2016), character-wise for Chinese",
            lambda sums: ratio(sums["token_f1"], sums["records"]),
        ),
        Metric(
            "rouge_l",
            "higher",
            "mean ROUGE-L F-measure of generated and reference answers (Lin 2004), character-wise for Chinese",
            lambda sums: ratio(sums["rouge_l"], sums["records"]),
        ),
        Metric(
            "choice_accuracy",
            "higher",
            "share of closed questions whose reference answer is the most likely of the allowed answers",
            lambda sums: ratio(sums["closed_correct"], sums["closed"]),
        ),
    ),
    "text-classification": _table(
        Metric(
            "accuracy",
            "higher",
            "share of texts with the right label",
            lambda sums: ratio(sums["correct"], sums["records"]),
        ),
        Metric(
            "macro_f1",
            "higher",
            "mean F1 over the labels that occur in references or predictions (scikit-learn's macro average)",
            _macro_f1,
        ),
        Metric(
            "calibration_error",
            "lower",
            f"expected calibration error, {BINS} equal bins of confidence (Guo et al. 2017, "
            '"On Calibration of Modern Neural Networks")',
            _calibration_error,
        ),
    ),
    "token-classification": _table(
        Metric("entity_f1", "higher", "F1 of entities: type, start and end all right (conlleval, seqeval)", _f1),
        Metric("entity_precision", "higher", "share of the predicted entities that are right", _precision),
        Metric("entity_recall", "higher", "share of the reference entities that were found", _recall),
    ),
}
"""What a test set, and a slice of its records, is judged by."""

LABEL_METRICS: dict[DatasetTask, dict[str, Metric]] = {
    "causal-lm": {},
    "text-classification": _table(
        Metric("f1", "higher", "F1 of one label against all others", _f1),
        Metric("precision", "higher", "share of the texts given this label that have it", _precision),
        Metric("recall", "higher", "share of the texts with this label that were given it", _recall),
    ),
    "token-classification": METRICS["token-classification"],
}
"""What a slice `label=...` or `entity=...` is judged by: all records, one label's hits and misses."""

LABEL_SLICE: dict[DatasetTask, str | None] = {
    "causal-lm": None,
    "text-classification": "label",
    "token-classification": "entity",
}
"""What slices by label are called."""


def answer_statistics(
    answer: str, reference: str, *, nll: float, scored_tokens: int, scored_bytes: int
) -> dict[str, float]:
    """A generated answer beside its reference (causal-lm).

    Args:
        answer: what the model said.
        reference: what it should have said.
        nll: negative log-likelihood of the reference, in nats.
        scored_tokens: how many tokens `nll` sums over, the end token included.
        scored_bytes: UTF-8 bytes of the reference that these tokens spell.
    """
    said, meant = tokens(answer), tokens(reference)
    return {
        "records": 1.0,
        "answer_nll": nll,
        "answer_tokens": float(scored_tokens),
        "answer_bytes": float(scored_bytes),
        "token_f1": token_f1(said, meant),
        "rouge_l": rouge_l(said, meant),
    }


def choice_statistics(chosen: str | None, reference: str) -> dict[str, float]:
    """The choice made in a closed question; None for an open one."""
    return {"closed": float(chosen is not None), "closed_correct": float(chosen == reference)}


def label_statistics(predicted: str, reference: str, confidence: float | None) -> dict[str, float]:
    """A predicted label beside its reference (text-classification).

    Args:
        predicted: the label given.
        reference: the right one.
        confidence: probability of the predicted label; None where whoever predicts has none (a baseline).
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
        found |= {
            "with_confidence": 1.0,
            f"bin-correct:{place:02d}": float(correct),
            f"bin-confidence:{place:02d}": confidence,
        }
    return found


def tag_statistics(predicted: Sequence[str], reference: Sequence[str]) -> dict[str, float]:
    """Predicted tags beside the reference's, one per word (token-classification)."""
    counts = matches(reference, predicted)
    return {"records": 1.0} | {f"{outcome}:{kind}": float(count) for (outcome, kind), count in counts.items()}


def statistic_names(task: DatasetTask, labels: Sequence[str], found: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """The names of all statistics of a test set, sorted.

    tp, fp and fn are named for every label of the dataset, and every other one that was met, even where none
    occurred: a label slice that is missing and one that was never met are different things.
    """
    names = {name for one in found for name in one}
    known = set(kinds(labels) if task == "token-classification" else labels)
    known |= {name.partition(":")[2] for name in names if name.startswith(("tp:", "fp:", "fn:"))}
    names |= {f"{outcome}:{label}" for outcome in ("tp", "fp", "fn") for label in known}
    return tuple(sorted(names))

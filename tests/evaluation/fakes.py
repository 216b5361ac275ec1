"""Evaluations without a model: what the gates and comparisons look at, with the quality that a test wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.digest import digest_bytes
from tasks.evaluation.evaluate import evaluation_code, evaluation_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.gate import Gate, Protocol
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.predict import Predictions
from tasks.meta.evaluation import SubjectMeta
from tasks.store import Store

SETTINGS: dict[str, dict[str, Any]] = {
    "threshold": {"metric": "token_f1", "slice": "category=*", "min": 0.7},
    "harmful-flips": {"max": 0.5},
    "served-as-judged": {"tolerance": 0.2},
    "train-gap": {"max": 0.5},
    "read-by-a-person": {"min_read": 60},
    "resources": {"size_mib": 8, "latency_ratio": 2},
    "robust": {"metric": "token_f1", "perturbations": ["shuffled-options"], "tolerance": 0.1},
    "better-than-rival": {"metric": "token_f1", "rival": "majority answer"},
    "not-worse-than-rival": {"metric": "token_f1", "rival": "majority answer", "significant": True},
}
"""What each kind of gate that needs more than a metric is made with."""


FEW = EvaluationSettings(resamples=200)
Quality = Callable[[int, Mapping[str, Any]], float]


def digest(name: str) -> str:
    return digest_bytes(name.encode())


def answered(
    store: Store,
    dataset: DatasetVersion,
    right: Quality | float,
    *,
    name: str = "model",
    model: str | None = None,
    form: str = "adapter",
    parent: str | None = None,
    base: str | None = "base",
    nll: float = 1.0,
    settings: EvaluationSettings = FEW,
    split: Split = "test",
) -> Evaluation:
    """An evaluation of a causal model that answers right where `right` (a share, or per record 0 or 1) says so.

    Its digest is made of `name`, where none is given as `model`.
    """

    def run(rows: Sequence[Mapping[str, Any]]) -> Predictions:
        said = []
        for place, row in enumerate(rows):
            good = right(place, row) if callable(right) else place < right * len(rows)
            said.append(row["answer"] if good else "†")
        statistics = [
            answer_statistics(answer, row["answer"], nll=4 * nll, scored_tokens=4, scored_bytes=len(row["answer"]))
            | choice_statistics(answer if row["choices"] else None, row["answer"])
            for answer, row in zip(said, rows, strict=True)
        ]
        return Predictions({"answer": said}, statistics, [False] * len(rows))

    subject = SubjectMeta.model_validate(
        {
            "digest": model or digest(name),
            "form": form,
            "parent": parent and digest(parent),
            "base": None if form == "base" else base and digest(base),
            "nll": str(nll),
            "right": str(right),
        }
    )
    return evaluation_of(store, subject, dataset, settings, split, run, evaluation_code(None, dataset.task))


def protocol(*gates: Gate, settings: EvaluationSettings = FEW, first_release: Any = "approval") -> Protocol:
    return Protocol("causal-lm", "test", gates, settings, first_release)

"""An evaluation: what was measured of a model on one split of a dataset version, read back from its artifact."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask, Split
from tasks.evaluation.estimates import Estimate
from tasks.evaluation.slices import RECORD_SLICES, Scores
from tasks.meta.evaluation import AlteredMeta, EvaluationMeta

METRICS_FILE, PREDICTIONS_FILE = "metrics.json", "predictions.parquet"
STATISTIC = "statistic:"
"""What the columns of predictions.parquet that hold statistics begin with."""
IDENTITY = ("record_id", "group_id", *RECORD_SLICES)


@dataclass(frozen=True)
class Evaluation:
    """A model measured on one split of a dataset version.

    The artifact holds `metrics.json`, and `predictions.parquet` with a row per record: ids, slices, what was
    predicted, and the statistics that every metric can be computed from again. Its digest does not depend on the
    dataset version but on the split: a version with the same test set needs no new evaluation.
    """

    artifact: Artifact
    dataset: str
    """Digest of the dataset version that it was made for."""

    @property
    def digest(self) -> str:
        """Digest of the evaluation."""
        return self.artifact.digest

    @cached_property
    def meta(self) -> EvaluationMeta:
        """What it says about itself: whom it measured, on what, under which settings.

        Raises:
            IntegrityError: not what an evaluation must say.
        """
        return EvaluationMeta.read(self.artifact)

    @property
    def model_digest(self) -> str:
        """Digest of the model, or of the base, that was measured."""
        return self.meta.subject.digest

    @property
    def form(self) -> str:
        """adapter, merged, quantized, base, or baseline."""
        return self.meta.subject.form

    @property
    def parent(self) -> str | None:
        """Digest of the form that the model was made from; None for what training or nobody made."""
        return self.meta.subject.parent

    @property
    def base(self) -> str | None:
        """Digest of the base that the model started from; None for a base itself."""
        return self.meta.subject.base

    @property
    def task(self) -> DatasetTask:
        """What the records hold."""
        return self.meta.task

    @property
    def split(self) -> Split:
        """Which split was measured on."""
        return self.meta.split

    @property
    def test(self) -> str:
        """SHA-256 of the split's file."""
        return self.meta.test

    @property
    def altered(self) -> AlteredMeta | None:
        """What changed the records, where they are not as the split has them."""
        return self.meta.altered

    @property
    def records(self) -> int:
        """How many records were judged."""
        return self.meta.records

    @property
    def groups(self) -> int:
        """How many independent groups they come from."""
        return self.meta.groups

    @property
    def cut(self) -> int:
        """Records that the model could not read, or be scored on, in full. They count all the same."""
        return self.meta.cut

    @property
    def settings(self) -> EvaluationSettings:
        """What was asked."""
        return self.meta.settings

    @cached_property
    def metrics(self) -> dict[str, Estimate]:
        """Metrics over all records; one that is not defined is not there."""
        return _estimates(self._measured["metrics"])

    @cached_property
    def slices(self) -> dict[str, dict[str, Estimate]]:
        """Metrics by slice, `category=...`, `language=...`, `label=...` or `entity=...`."""
        return {name: _estimates(found["metrics"]) for name, found in self._measured["slices"].items()}

    @cached_property
    def slice_sizes(self) -> dict[str, tuple[int, int]]:
        """(records, groups) by slice; of a label or entity type those whose reference has it."""
        return {name: (found["records"], found["groups"]) for name, found in self._measured["slices"].items()}

    def numbers(self) -> dict[str, float]:
        """Every value by a flat name (`token_f1`, `token_f1.language=zh`), for a tracker."""
        found = {name: one.value for name, one in self.metrics.items()}
        for slice_, metrics in self.slices.items():
            found |= {f"{name}.{slice_}": one.value for name, one in metrics.items()}
        return found

    def scores(self) -> Scores:
        """The records' statistics, for comparisons."""
        return self._scores

    @cached_property
    def _measured(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads(self.artifact.file(METRICS_FILE).read_bytes()))

    @cached_property
    def _scores(self) -> Scores:
        return read_scores(self.artifact.file(PREDICTIONS_FILE), self.task, self.test)


def read_scores(file: Path, task: DatasetTask, test: str) -> Scores:
    """The records' statistics from a file that holds them: predictions.parquet, or a copy without the predictions.

    Args:
        file: Parquet.
        task: what the records hold.
        test: SHA-256 of the split's file.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    names = [name for name in table.column_names if name.startswith(STATISTIC)]
    values = np.column_stack([table[name].to_numpy() for name in names])
    columns = {name: table[name].to_pylist() for name in IDENTITY}
    plain = tuple(name.removeprefix(STATISTIC) for name in names)
    return Scores(task, test, columns, plain, values)


def _estimates(plain: Mapping[str, Mapping[str, float | None]]) -> dict[str, Estimate]:
    return {name: Estimate.of(one) for name, one in plain.items()}

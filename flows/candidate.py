"""What a retraining knows: its settings, what it has found so far, and the forms of its candidate."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flows.subject import Subject
from tasks.artifact import Artifact
from tasks.data.version import DatasetVersion
from tasks.evaluation.baselines import Comparison
from tasks.evaluation.gate import Protocol
from tasks.evaluation.judge import Judged
from tasks.lineage.report import FormJudged
from tasks.lineage.waiting import Waiting
from tasks.meta.form import Form as Kind
from tasks.meta.model import TrainingMeta
from tasks.release.register import Version
from tasks.tracking.runs import Run as TrackedRun
from tasks.training.recipe import Recipe


@dataclass
class Found:
    """What a run has come to so far, for its report."""

    dataset: DatasetVersion | None = None
    training: TrainingMeta | None = None
    trained: Artifact | None = None
    judged: list[FormJudged] = field(default_factory=list)
    baselines: list[Comparison] = field(default_factory=list)
    version: Version | None = None
    waiting: Waiting | None = None
    """What it waits for, where it is not promoted."""
    concluded: bool = False
    """Whether its last decision was made: what comes after it is only told."""


@dataclass(frozen=True, kw_only=True)
class Run(Subject):
    """What every step of a retraining needs to know of it."""

    path: Path
    recipe: Recipe
    protocol: Protocol
    inputs: str
    """Digest of everything that the run depends on."""
    tracking: TrackedRun
    found: Found = field(default_factory=Found)


@dataclass(frozen=True)
class Made:
    """A form of the candidate that may be looked at, and the form that it was made from."""

    artifact: Artifact
    parent: Made | None = None


@dataclass(frozen=True)
class Form:
    """A form of the candidate that passed its gates, with the event that says so."""

    judged: Judged
    event: str
    """Digest of the `judged` event."""
    parent: Form | None = None

    @property
    def artifact(self) -> Artifact:
        """The model."""
        return self.judged.artifact

    def ancestor(self, kind: Kind) -> str | None:
        """Digest of the adapter or merged form that this one was made from."""
        form: Form | None = self
        while form is not None and form.artifact.kind != kind:
            form = form.parent
        return form.artifact.digest if form else None

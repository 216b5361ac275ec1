"""What an evaluation says about itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import PlainSerializer

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask, Split
from tasks.meta.form import Form
from tasks.meta.record import ArtifactMeta, OpenRecord


class SubjectMeta(OpenRecord):
    """Who was measured; baselines say more about themselves."""

    digest: str
    form: Form | Literal["base", "baseline"]
    parent: str | None
    base: str | None


class EvaluationMeta(ArtifactMeta):
    """A model, a base or a baseline, measured on a split."""

    kinds = ("evaluation",)
    subject: SubjectMeta
    task: DatasetTask
    labels: list[str]
    split: Split
    test: str
    """SHA-256 of the split's file."""
    settings: Annotated[EvaluationSettings, PlainSerializer(EvaluationSettings.plain)]
    records: int
    groups: int
    cut: int
    """Records that could not be read, or scored, in full."""

"""What an evaluation says about itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import PlainSerializer

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask, Split
from tasks.meta.form import Form
from tasks.meta.record import ArtifactMeta, OpenRecord, Record


class SubjectMeta(OpenRecord):
    """Who was measured; baselines say more about themselves."""

    digest: str
    form: Form | Literal["base", "baseline"]
    parent: str | None
    base: str | None
    labels: list[str] | None = None
    """Of its own, where it has any."""

    def with_labels(self, labels: list[str]) -> Self:
        """The same, with labels."""
        return self.model_copy(update={"labels": labels})

    def with_words(self, pattern: str) -> Self:
        """The same, with how it makes words of a text: what an untrained tagger is told by the dataset."""
        return self.model_copy(update={"words": pattern})

    def as_baseline(self, name: str, **more: Any) -> Self:
        """A baseline that is made of it; `more` is what else decides what the baseline says."""
        return self.model_copy(update={"form": "baseline", "name": name, **more})


class AlteredMeta(Record):
    """Records that were put to a model in other words than the split has them."""

    by: str
    """What changed them, and of how many sampled records: `typing-noise:200`."""
    of: str
    """SHA-256 of the split's file."""


class EvaluationMeta(ArtifactMeta):
    """A model, a base or a baseline, measured on a split."""

    kinds = ("evaluation",)
    what = "an evaluation"
    subject: SubjectMeta
    task: DatasetTask
    labels: list[str]
    split: Split
    test: str
    """SHA-256 of the split's file; of altered records, a digest of them."""
    settings: Annotated[EvaluationSettings, PlainSerializer(EvaluationSettings.plain)]
    records: int
    groups: int
    cut: int
    """Records that could not be read, or scored, in full."""
    altered: AlteredMeta | None = None
    """Where the records are not as the split has them, but as something changed them; only those that it changed."""


class PaceMeta(Record):
    """How fast a model answers: a number for each round."""

    latency: list[float]
    """Seconds."""
    tokens: list[float]
    """In a second."""


class ResourcesMeta(ArtifactMeta):
    """What a candidate needs as it would be served, as it was measured once."""

    kinds = ("resources",)
    what = "a measurement of what a model needs"
    candidate: str
    size: int
    """Bytes."""
    memory: float | None
    """MiB."""
    champion: str | None
    """Digest of the model that took turns with it."""
    paces: tuple[PaceMeta, PaceMeta] | None


class EvidenceMeta(ArtifactMeta):
    """What a verdict rested on."""

    kinds = ("evidence",)
    what = "evidence of a verdict"
    subject: str
    """Digest of the model that was judged."""
    evaluation: str
    """Digest of its evaluation."""
    protocol: str
    """Digest of the gates that judged."""
    verdict: Literal["passed", "failed"]

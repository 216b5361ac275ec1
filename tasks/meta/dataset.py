"""What a dataset version says about itself."""

from __future__ import annotations

from pydantic import Field

from tasks.config.words import DatasetTask, Split
from tasks.meta.record import ArtifactMeta, Counts, Plain, Record


class SourceMeta(Record):
    """What a dataset was read from."""

    digest: str
    format: str
    encoding: str | None = None
    rows: int


class DatasetMeta(ArtifactMeta):
    """A dataset version."""

    kinds = ("dataset",)
    what = "a dataset version"
    name: str
    task: DatasetTask
    labels: list[str]
    """Labels or tags, sorted; empty for causal-lm."""
    counts: dict[Split, int]
    """Records of each split."""
    groups: dict[Split, int]
    slices: dict[str, dict[str, dict[Split, int]]]
    """`category` and `language` -> value -> records of each split."""
    rejected: Counts
    """Rows turned away, by reason."""
    phi: Counts
    """Identifiers that became placeholders, by type."""
    deidentification: str | None = None
    """How they were found."""
    source: SourceMeta
    config: Plain
    """The dataset's entry of params.yaml; of a local source, only the name."""
    twins: Counts = Field(default_factory=dict)
    """Test records that share a part with a train record, by kind; how many were looked at."""
    known: dict[str, float] = Field(default_factory=dict)
    """Share of the test split's answers, labels or mentions that the train split shows."""
    validation: Plain
    augmentation: Counts
    """Derived records, by kind."""
    identified: bool
    """Whether the source may name people; then ids are keyed HMACs."""
    identity_key: str | None = None
    """Fingerprint of their key; not said of versions sealed before fingerprints were kept."""
    licence: str

"""What is stated about data."""

from __future__ import annotations

from tasks.config.words import DatasetTask, Name
from tasks.lineage.overlap import Overlap
from tasks.lineage.statements.statement import Digest, Plain, Statement
from tasks.meta.record import Record


class SourceFacts(Record):
    """What was ingested, as far as it was known."""

    digest: str | None = None
    format: str | None = None
    encoding: str | None = None
    rows: int | None = None


class SplitFacts(Record):
    """One split: SHA-256 of its file, how many records and groups."""

    digest: Digest
    records: int
    groups: int


class DatasetSealed(Statement):
    """A dataset version was sealed (Annex IV 2(d); GMLP 3-5; 45 CFR 164.514(b))."""

    kind = "dataset-sealed"
    identity = ("name", "dataset")
    name: Name
    dataset: Digest
    task: DatasetTask
    labels: list[str]
    source: SourceFacts
    licence: str
    identified: bool
    """Whether the source may name people; then `record_id` and `group_id` are keyed HMACs."""
    deidentification: Plain
    """The method, and how many identifiers of each type became placeholders."""
    config: Plain
    """The dataset's entry of params.yaml."""
    splits: dict[str, SplitFacts]
    slices: Plain
    rejected: dict[str, int]
    """Rows turned away, per reason."""
    augmentation: dict[str, int]
    """Derived records, per kind; each names its parents in the membership table."""
    membership: Digest
    overlap: Overlap
    """Counted again from the sealed splits."""
    validation: Plain
    """Digest of the suite, result, library version."""
    pipeline: Digest | None
    """Digest of the kept dvc.yaml, params.yaml and dvc.lock; None where the version was not built by DVC."""

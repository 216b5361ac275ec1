"""What each data stage found, handed from stage to stage as manifest.json: counts, never the content of a record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import Field, ValidationError

from tasks.config.words import DatasetTask, Split
from tasks.errors import InputError
from tasks.meta.dataset import SourceMeta
from tasks.meta.record import Counts, Plain, Record, first_fault


class Findings(Record):
    """What one stage found."""

    stage: ClassVar[str]
    rejected: Counts = Field(default_factory=dict)
    """Rows turned away by this stage alone, by reason."""
    examples: dict[str, list[str]] = Field(default_factory=dict)
    """Places of the first of them, by reason."""


class IngestSettings(Record):
    """What the next stage depends on. It reads this, not params.yaml: so it stays cached when, say, the seed of the
    split changes."""

    task: DatasetTask
    deidentify: bool
    identified: bool
    other_languages: Literal["refuse", "leave-out"]


class Ingested(Findings):
    """Of stage ingest."""

    stage = "ingest"
    rows: int
    """Of the source."""
    kept: int
    details: dict[str, Counts] = Field(default_factory=dict)
    """Reason -> what exactly -> rows, where a reason alone does not say it."""
    unused: Counts = Field(default_factory=dict)
    """Rows that hold something in a column or key that nothing reads, by its name."""
    noticed: Counts = Field(default_factory=dict)
    """What the reader passed over that is no row: {"header lines repeated": 1}."""
    source: SourceMeta
    settings: IngestSettings
    tags: str = ""
    """The scheme that tags were read as."""
    groups: str = ""
    """What a group is: a column, or the documents that the format knows; empty where each record is its own."""
    identity_key: str | None = None
    """Fingerprint of the key that turned ids into HMACs (tasks/data/identity_key.py)."""


class Deidentified(Findings):
    """Of stage deidentify."""

    stage = "deidentify"
    method: str
    phi: Counts
    """Identifiers that became placeholders, by type."""
    changed: int
    """Records with at least one."""
    languages: Counts = Field(default_factory=dict)
    """Records by the language that they were found to be in."""


class Validated(Findings):
    """Of stage validate."""

    stage = "validate"
    annotators: Counts
    """Rows settled by agreement, and by majority."""
    rare: Counts = Field(default_factory=dict)
    """Categories that are not named, and the records that have one (tasks/data/named.py)."""
    validation: Plain
    """What the manifest of the dataset version keeps."""
    docs: str
    """Great Expectations' page, relative to the checkout."""


class Divided(Findings):
    """Of stage split."""

    stage = "split"
    counts: dict[Split, int]
    groups: dict[Split, int]
    twins: Counts = Field(default_factory=dict)
    """Test records with a twin in train, by kind (tasks/data/twins.py)."""
    known: dict[str, float] = Field(default_factory=dict)
    """Share of the test split's answers, labels or mentions that train shows."""


class Augmented(Findings):
    """Of stage augment."""

    stage = "augment"
    augmentation: Counts
    """Derived records, by kind."""
    dropped: Counts
    """Derived records that were too much like held-out ones, by kind."""
    train: int
    """Records of the train split, derived ones counted."""


class Sealed(Findings):
    """Of stage seal."""

    stage = "seal"
    digest: str


KINDS: dict[str, type[Findings]] = {
    kind.stage: kind for kind in (Ingested, Deidentified, Validated, Divided, Augmented, Sealed)
}
"""Of every stage, in their order."""
F = TypeVar("F", bound=Findings)


@dataclass(frozen=True)
class SoFar:
    """The findings of the stages that ran so far, in their order."""

    found: tuple[Findings, ...] = ()

    @classmethod
    def read(cls, manifest: bytes) -> Self:
        """From a manifest.json.

        Raises:
            InputError: it does not say what the stages say today.
        """
        try:
            plain = json.loads(manifest)
            return cls(tuple(kind.model_validate(plain[stage]) for stage, kind in KINDS.items() if stage in plain))
        except ValidationError as error:
            what = f"the manifest of a data stage {first_fault(error)}"
            raise InputError(what, hint="build the dataset again") from error

    def plain(self) -> dict[str, Plain]:
        """As manifest.json holds it: stage -> its findings."""
        return {one.stage: one.plain() for one in self.found}

    def of(self, kind: type[F]) -> F:
        """What one stage found.

        Raises:
            InputError: it did not run.
        """
        if (found := self.get(kind)) is None:
            raise InputError(f"stage {kind.stage} did not run yet", hint="run the stages in order")
        return found

    def get(self, kind: type[F]) -> F | None:
        """The same, or None where it did not run."""
        return next((one for one in self.found if isinstance(one, kind)), None)

    def rejected(self) -> Counter[str]:
        """Rows turned away by all stages, by reason."""
        total: Counter[str] = Counter()
        for one in self.found:
            total.update(one.rejected)
        return total

    def examples(self) -> dict[str, list[str]]:
        """Places of the first of them, by reason."""
        return {reason: places for one in reversed(self.found) for reason, places in one.examples.items()}

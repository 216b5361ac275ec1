"""A sealed dataset version: what training and judging read, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.config.words import DatasetTask, Split
from tasks.data.records import schema
from tasks.errors import InputError
from tasks.meta.dataset import DatasetMeta
from tasks.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

SPLITS: tuple[Split, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class DatasetVersion:
    """An artifact of kind `dataset`: `train.parquet`, `validation.parquet`, `test.parquet`, `membership.parquet`."""

    artifact: Artifact

    @property
    def digest(self) -> str:
        """Digest of the whole version."""
        return self.artifact.digest

    @cached_property
    def meta(self) -> DatasetMeta:
        """What it says about itself.

        Raises:
            IntegrityError: not what a dataset version must say.
        """
        return DatasetMeta.read(self.artifact)

    @property
    def name(self) -> str:
        """Its entry in params.yaml."""
        return self.meta.name

    @property
    def task(self) -> DatasetTask:
        """What the records hold."""
        return self.meta.task

    @property
    def labels(self) -> list[str]:
        """Labels or tags, sorted; empty for causal-lm."""
        return self.meta.labels

    def split_digest(self, split: Split) -> str:
        """SHA-256 of a split's file: the digest of the test set, say."""
        return self.artifact.files[f"{split}.parquet"]

    def read(self, split: Split, columns: list[str] | None = None) -> pa.Table:
        """The records of a split in their sealed order, with the schema of `tasks.data.records.schema`."""
        import pyarrow.parquet as pq

        table = pq.read_table(self.artifact.file(f"{split}.parquet"), columns=columns)
        return table if columns else table.cast(schema(self.task))

    def rows(self, split: Split) -> list[dict[str, Any]]:
        """The records of a split as dictionaries; for splits that fit in memory."""
        rows: list[dict[str, Any]] = self.read(split).to_pylist()
        return rows


def load_version(store: Store, digest: str) -> DatasetVersion:
    """A sealed version by digest, every file hashed.

    Raises:
        IntegrityError: it is not there, or was changed.
        InputError: the digest is of something else.
    """
    artifact = store.load(digest)
    if artifact.kind != "dataset":
        raise InputError(f"this is the digest of an artifact of kind {artifact.kind}, not of a dataset", value=digest)
    return DatasetVersion(artifact)

"""Data into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.digest import digest_tree
from tasks.lineage.event import Event, Origin
from tasks.lineage.overlap import overlap
from tasks.lineage.statements import DatasetSealed, SourceFacts, SplitFacts
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.data.version import DatasetVersion


def record_sealed(store: Store, version: DatasetVersion, origin: Origin | None = None) -> Event:
    """A dataset version exists; its splits are compared again. Subjects: the version and each split's file."""
    from tasks.data.version import SPLITS

    meta = version.meta
    pipeline = store.root / "datasets" / f"{version.digest}.dvc"
    statement = DatasetSealed(
        name=version.name,
        dataset=version.digest,
        task=version.task,
        labels=version.labels,
        source=SourceFacts.model_validate(meta.source.plain()),
        licence=meta.licence,
        identified=meta.identified,
        deidentification={"method": meta.deidentification, "replaced": meta.phi},
        config=meta.config,
        splits={
            split: SplitFacts(
                digest=version.split_digest(split),
                records=meta.counts[split],
                groups=meta.groups[split],
            )
            for split in SPLITS
        },
        slices=meta.slices,
        rejected=meta.rejected,
        augmentation=meta.augmentation,
        membership=version.artifact.files["membership.parquet"],
        overlap=overlap(version),
        validation=meta.validation,
        pipeline=digest_tree(pipeline) if pipeline.is_dir() else None,
    )
    files = {f"dataset/{version.name}/{split}": version.split_digest(split) for split in SPLITS}
    return statement.record(store, {f"dataset/{version.name}": version.digest} | files, origin)

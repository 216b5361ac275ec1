"""Last stage: the splits become a dataset version, sealed by one digest, which takes its place in the store."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.artifact import MANIFEST as SEALED
from tasks.artifact import Artifact, read, seal, sync, write_atomically
from tasks.config.data import Dataset
from tasks.config.words import DatasetTask, Split
from tasks.data.findings import Augmented, Deidentified, Divided, Ingested, Sealed, Validated
from tasks.data.identity import content_digest
from tasks.data.records import TARGET, copies_schema, membership_schema, schema
from tasks.data.stage import COPIES, STAGES, Stage, built_folder, stage_main
from tasks.data.tables import TableWriter, batches
from tasks.data.version import SPLITS, DatasetVersion
from tasks.digest import files_of
from tasks.errors import InputError, IntegrityError
from tasks.home import CHECKOUT
from tasks.meta.dataset import DatasetMeta
from tasks.store import Store

DECLARATION = ("dvc.yaml", "params.yaml", "dvc.lock")
"""What brings a version back without a git commit (tasks/data/restore.py)."""
LATER = ("labels", "other_languages")
"""Settings that datasets were sealed without, before there were any."""
DATASET = "dataset"
"""Beside them: whose version it is."""


def run(stage: Stage) -> Sealed:
    """Write the splits, the membership table and the validation result, and seal them.

    Raises:
        IntegrityError: a record occurs twice, or a group in two splits.
    """
    count = _Count(stage.dataset.task)
    with TableWriter(stage.output / "membership.parquet", membership_schema()) as members:
        for split in SPLITS:
            with TableWriter(stage.output / f"{split}.parquet", schema(stage.dataset.task)) as records:
                for batch in batches(stage.previous(f"{split}.parquet")):
                    records.write_batch(batch)
                    for record in batch.to_pylist():
                        members.write(count.member(split, record))
    shutil.copyfile(stage.of("validate", "validation.json"), stage.output / "validation.json")
    digest = seal(stage.output, "dataset", _meta(stage, count).plain())
    return Sealed(digest=digest)


class _Count:
    """What the manifest says about the records, gathered while they pass; ids on disk, so that memory stays flat."""

    def __init__(self, task: DatasetTask) -> None:
        self._task = task
        self.records: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()
        self.labels: set[str] = set()
        self.slices: dict[str, dict[str, Counter[str]]] = {"category": {}, "language": {}}
        self._ids = sqlite3.connect("")
        self._ids.execute("PRAGMA journal_mode=OFF")
        self._ids.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, split TEXT) WITHOUT ROWID")

    def member(self, split: Split, record: Mapping[str, Any]) -> dict[str, Any]:
        """Count one record; its line of the membership table."""
        self.records[split] += 1
        for kind, found in self.slices.items():
            found.setdefault(record[kind], Counter())[split] += 1
        if self._task == "text-classification":
            self.labels.add(record["label"])
        elif self._task == "token-classification":
            self.labels.update(record[TARGET[self._task]])
        if self._first_split(f"record {record['record_id']}", split) is not None:
            raise IntegrityError("a record occurs twice in the splits", hint="a fault of Galen: please report it")
        place = self._first_split(f"group {record['group_id']}", split)
        if place is None:
            self.groups[split] += 1
        elif place != split:
            raise IntegrityError(
                f"a group is both in {place} and in {split}", hint="a fault of Galen: please report it"
            )
        return {
            "record_id": record["record_id"],
            "group_id": record["group_id"],
            "split": split,
            "content_digest": content_digest(self._task, record),
            "parents": record["parents"],
        }

    def _first_split(self, key: str, split: str) -> str | None:
        """Where a key was met first; None if that is now."""
        if self._ids.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (key, split)).rowcount:
            return None
        return str(self._ids.execute("SELECT split FROM ids WHERE id = ?", (key,)).fetchone()[0])

    def per_split(self, counter: Counter[str]) -> dict[Split, int]:
        """Numbers for every split, also those with none."""
        return {split: counter[split] for split in SPLITS}


def _meta(stage: Stage, count: _Count) -> DatasetMeta:
    before, dataset = stage.before, stage.dataset
    deidentified = before.of(Deidentified)
    return DatasetMeta(
        name=stage.name,
        task=dataset.task,
        labels=sorted(count.labels),
        counts=count.per_split(count.records),
        groups=count.per_split(count.groups),
        slices={
            kind: {value: count.per_split(counter) for value, counter in sorted(found.items())}
            for kind, found in count.slices.items()
        },
        rejected=dict(sorted(before.rejected().items())),
        phi=deidentified.phi,
        deidentification=deidentified.method,
        source=before.of(Ingested).source,
        config=_portable(dataset),
        twins=before.of(Divided).twins,
        known=before.of(Divided).known,
        validation=before.of(Validated).validation,
        augmentation=before.of(Augmented).augmentation,
        identified=dataset.identified,
        licence=dataset.licence,
        **({"identity_key": key} if (key := before.of(Ingested).identity_key) else {}),
    )


def _portable(dataset: Dataset) -> dict[str, Any]:
    """The settings, with the source by name: where it lay on this machine must not change the digest.

    Settings that came later stand here only where they say something: the same data keeps its digest. What `categories`
    says is said by the slices.
    """
    settings = dataset.plain()
    settings.pop("categories", None)
    for name in LATER:
        if settings[name] == Dataset.model_fields[name].default:
            del settings[name]
    return {**settings, "source": Path(dataset.source).name}


def adopt_version(store: Store, name: str) -> DatasetVersion:
    """Place what the seal stage built in the store, with the snapshot that brings it back.

    Copied, not linked: one bad byte would spoil both, and what DVC keeps, too.

    Raises:
        InputError: the stages have not run.
        IntegrityError: what they built was changed since.
    """
    built = built_folder(name) / "seal"
    if not (built / SEALED).is_file():
        raise InputError("this dataset is not built yet", value=name, hint="run its stages")
    sealed = read(built)
    with store.locked(f"dataset-{sealed.digest[:16]}"):
        artifact = place(store, built)
        _link(store, artifact)
        snapshot = snapshot_folder(store, artifact.digest)
        if not snapshot.exists():
            _keep_declaration(snapshot, name)
        _keep_copies(snapshot / COPIES, built_folder(name) / STAGES[0] / COPIES)
    return DatasetVersion(artifact)


def _link(store: Store, artifact: Artifact) -> None:
    """A version by its digest among the datasets. What else lies there is set aside: a copy of a home that followed
    links, say, which has a folder in the link's place."""
    link, target = store.root / "datasets" / artifact.digest, Path("..") / "artifacts" / artifact.digest
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_symlink() or link.exists():
        store.set_aside(link)
    link.symlink_to(target)


def snapshot_folder(store: Store, digest: str) -> Path:
    """Where the DVC files of a version are kept; outside its digest, since they hold places of this machine."""
    return store.root / "datasets" / f"{digest}.dvc"


def place(store: Store, built: Path) -> Artifact:
    """What a seal stage built, copied into the store.

    Raises:
        IntegrityError: it was changed since.
    """
    sealed = read(built)
    with store.staging(f"dataset-{sealed.digest[:16]}") as staging:
        for file in files_of(built):
            if file.name not in (SEALED, "manifest.json"):
                shutil.copyfile(file, staging / file.relative_to(built))  # no link: one bad byte must not spoil both
        artifact = store.adopt(staging, sealed.kind, sealed.meta)
    if artifact.digest != sealed.digest:
        raise IntegrityError("what the seal stage built was changed since", value=built, hint="build the dataset again")
    return artifact


def _keep_copies(kept: Path, found: Path) -> None:
    """Keep which rows were copies of which record, for `galen trace`: beside the version, whose bytes do not need it.

    Two builds of one version can differ in their copies; each table that is new is added to what is known.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not found.is_file():
        return
    tables = [pq.read_table(path) for path in (kept, found) if path.is_file()]
    table = pa.concat_tables(tables).group_by(copies_schema().names).aggregate([])
    if table.num_rows:
        draft = kept.with_name(f".{kept.name}.{os.getpid()}")
        pq.write_table(table, draft)
        draft.replace(kept)


def _keep_declaration(snapshot: Path, name: str) -> None:
    draft = snapshot.with_name(f".{snapshot.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for file in DECLARATION:
        if (CHECKOUT / file).is_file():
            write_atomically(draft / file, (CHECKOUT / file).read_bytes())
    write_atomically(draft / DATASET, name.encode())
    draft.rename(snapshot)
    sync(snapshot.parent)


if __name__ == "__main__":
    stage_main("seal", run)

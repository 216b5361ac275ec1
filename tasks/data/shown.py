"""What `galen data show` and `galen data rejected` tell about a dataset that was built, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.artifact import MANIFEST as SEALED
from tasks.artifact import read
from tasks.config.words import DatasetTask
from tasks.data.classes import classes_of
from tasks.data.findings import Augmented, Deidentified, Ingested, SoFar, Validated
from tasks.data.label_names import are_names
from tasks.data.named import LONGEST_NAME
from tasks.data.params import one_dataset
from tasks.data.records import Reason
from tasks.data.stage import MANIFEST, REJECTED, STAGES, built_folder, refused_file
from tasks.data.tables import batches
from tasks.data.version import SPLITS, DatasetVersion, load_version
from tasks.errors import InputError
from tasks.meta.dataset import DatasetMeta
from tasks.store import Store


def show(store: Store, name: str) -> dict[str, Any]:
    """Counts of a dataset as it is built now; no content of a record.

    Returns:
        `name`, `task`, `built` (the last stage that is there, or None), `source` (path, format, digest, encoding,
        rows), `rows`, `kept`, `rejected` (reason -> rows), `examples` (reason -> places), `details` (reason -> what
        exactly -> rows), `unused` (column -> rows), `noticed` (what was no row -> number), `rare` (categories
        that are not named, and their records), `phi` (type -> number),
        `labels`, `counts` and `groups` (split -> number), `slices`, `augmentation` and
        `augmentation_dropped` (kind -> derived records), `validation`, `digest`, and
        `refused` (stage -> reason -> rows, of a last build that was refused). What was not reached is empty or None.

    Raises:
        InputError: no such dataset, or not even its source was read; where a build was refused, for which reasons.
    """
    dataset = one_dataset(name)
    found = _found(name)
    refused = {stage: _reasons(file) for stage, file in _refused(store, name).items()}
    if not found.found:
        why = "; ".join(f"{reason}: {rows:,}" for reasons in refused.values() for reason, rows in reasons.items())
        raise InputError(
            "this dataset was refused" if refused else "this dataset is not built yet",
            value=f"{name} ({why})" if refused else name,
            hint=f"`galen data rejected {name}` shows the rows" if refused else f"`galen data build {name}`",
        )
    ingested, deidentified, augmented = found.of(Ingested), found.get(Deidentified), found.get(Augmented)
    validated = found.get(Validated)
    sealed = built_folder(name) / "seal"
    artifact = read(sealed) if (sealed / SEALED).is_file() else None
    meta = DatasetMeta.read(artifact) if artifact else None
    return {
        "name": name,
        "task": dataset.task,
        "built": found.found[-1].stage,
        "source": {"path": dataset.source, "format": dataset.format, **ingested.source.plain()},
        "rows": ingested.rows,
        "kept": ingested.kept,
        "rejected": dict(sorted(found.rejected().items())),
        "examples": ingested.examples,
        "details": ingested.details,
        "unused": ingested.unused,
        "noticed": ingested.noticed,
        "rare": validated.rare if validated else {},
        "phi": deidentified.phi if deidentified else {},
        "counts": meta.counts if meta else {},
        "groups": meta.groups if meta else {},
        "slices": meta.slices if meta else {},
        "twins": meta.twins if meta else {},
        "known": meta.known if meta else {},
        "augmentation": meta.augmentation if meta else {},
        "augmentation_dropped": augmented.dropped if augmented else {},
        "validation": meta.validation if meta else {},
        "labels": meta.labels if meta else [],
        "label_counts": _label_counts(sealed, dataset.task) if meta else {},
        "tags": ingested.tags,
        "by": ingested.groups,
        "digest": artifact.digest if artifact else None,
        "refused": refused,
    }


def sealed_now(store: Store, name: str) -> DatasetVersion:
    """The version of a dataset that is built now, every file hashed.

    Raises:
        InputError: no such dataset, or it is not built to the end.
        IntegrityError: it is not in the store, or a file of it was changed.
    """
    one_dataset(name)
    sealed = built_folder(name) / "seal"
    if not (sealed / SEALED).is_file():
        raise InputError("this dataset is not built yet", value=name, hint=f"`galen data build {name}`")
    return load_version(store, read(sealed).digest)


def left_over(name: str) -> list[str]:
    """What of a dataset's source is in no record, in words; empty where the stages did not run."""
    ingested = _found(name).get(Ingested)
    if ingested is None:
        return []
    lines = [f"{what}: {count:,}" for what, count in ingested.noticed.items()]
    if ingested.unused:
        columns = ", ".join(f"{column} ({rows:,} rows)" for column, rows in ingested.unused.items())
        lines.append(f"columns that no setting of `columns` reads: {columns}")
    return lines


def _label_counts(sealed: Path, task: DatasetTask) -> dict[str, dict[str, int]]:
    """Label, or type of entity -> split -> records; nothing where the values can be no names of classes."""
    if task == "causal-lm":
        return {}
    splits = {split: classes_of(sealed / f"{split}.parquet", task).counts() for split in SPLITS}
    total: Counter[str] = Counter()
    for counts in splits.values():
        total.update(counts)
    if not are_names(total):
        return {}
    return {
        label if len(label) <= LONGEST_NAME else f"(text of {len(label):,} characters)": {
            split: counts.get(label, 0) for split, counts in splits.items()
        }
        for label, _ in sorted(total.items())
    }


def _reasons(file: Path) -> dict[str, int]:
    return dict(sorted(Counter(row["reason"] for row in _rows(file)).items()))


def rejected(store: Store, name: str, reason: str | None = None) -> Iterator[dict[str, Any]]:
    """The quarantined rows of a dataset, with what they hold: for the owner of the data, on this machine.

    Where the last build of a stage was refused, these are the rows that it was refused for.

    Yields:
        `stage`, `reason`, `place`, `record_id`, `raw`.

    Raises:
        InputError: no such dataset or reason, or nothing was built yet.
    """
    one_dataset(name)
    if reason is not None and reason not in set(Reason):
        raise InputError("no such reason", value=reason, hint=f"there are: {', '.join(Reason)}")
    kept = {stage: built_folder(name) / stage / REJECTED for stage in STAGES}
    files = {stage: file for stage, file in (kept | _refused(store, name)).items() if file.is_file()}
    if not files:
        raise InputError("this dataset is not built yet", value=name, hint=f"`galen data build {name}`")
    return (
        {"stage": stage, **row}
        for stage, file in files.items()
        for row in _rows(file)
        if reason is None or row["reason"] == reason
    )


def _refused(store: Store, name: str) -> dict[str, Path]:
    files = {stage: refused_file(store, name, stage) for stage in STAGES}
    return {stage: file for stage, file in files.items() if file.is_file()}


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    for batch in batches(file):
        yield from batch.to_pylist()


def _found(name: str) -> SoFar:
    """What the stages found that are built."""
    for stage in reversed(STAGES):
        try:
            return SoFar.read((built_folder(name) / stage / MANIFEST).read_bytes())
        except FileNotFoundError:
            continue
    return SoFar()

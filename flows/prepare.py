"""What every subject starts from, as steps: the sealed versions of its datasets, and its base models."""

from __future__ import annotations

from flows.console import Row
from flows.inputs import remember_dataset
from flows.subject import Subject, step
from tasks.config.training import BaseModelRef
from tasks.data import dvc
from tasks.data.seal import adopt_version
from tasks.data.shown import left_over
from tasks.data.stage import STAGES
from tasks.data.version import DatasetVersion
from tasks.lineage import recording
from tasks.training.bases import Base
from tasks.training.resolve import resolve_base


def prepared(subject: Subject, name: str) -> DatasetVersion:
    """The sealed version that a dataset's present inputs lead to."""
    for stage in STAGES:
        build_stage(subject, name, stage)
    return seal(subject, name)


@step("data")
def build_stage(subject: Subject, row: Row, name: str, stage: str) -> None:
    """One DVC stage of a dataset."""
    row.stage = f"data: {stage}"
    ran = dvc.build_stage(subject.store, stage, name)
    row.verdict = "done" if ran else "unchanged"
    row.detail = "; ".join(left_over(name)) if stage == STAGES[0] else ""


@step("data: version")
def seal(subject: Subject, row: Row, name: str) -> DatasetVersion:
    """Adopt the sealed dataset version."""
    dataset = adopted(subject, name)
    row.detail = f"{name} {described(dataset)}"
    return dataset


def adopted(subject: Subject, name: str) -> DatasetVersion:
    """The version that a dataset's last stage sealed, remembered for plans and stated in the ledger."""
    dataset = adopt_version(subject.store, name)
    remember_dataset(subject.store, name, dataset)
    recording.record_sealed(subject.store, dataset, subject.origin)
    return dataset


def described(dataset: DatasetVersion) -> str:
    """A version in a few words."""
    counts = ", ".join(f"{count:,} {split}" for split, count in dataset.meta.counts.items())
    return f"{dataset.digest[:12]}: {counts}"


@step("base model")
def base_model(subject: Subject, row: Row, ref: BaseModelRef) -> Base:
    """A base model, made on first use where Galen makes it."""
    base = resolve_base(subject.store, ref)
    row.detail = base.digest[:12]
    return base

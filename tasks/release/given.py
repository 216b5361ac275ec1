"""A model as somebody names it to have it judged: a registered version, a sealed folder, a plain folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.artifact import MANIFEST, Artifact, read, verify
from tasks.config.training import BaseModelRef
from tasks.config.words import DATASET_TASK, GENERATING, Split, Task
from tasks.data.named import name_shown
from tasks.data.records import TARGET
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.evaluation.entities import kinds
from tasks.lineage.roles import RegisteredVersion, roles
from tasks.lineage.roles import models as known_models
from tasks.meta.base import BaseMeta
from tasks.meta.form import FORMS, FormOrBase
from tasks.meta.form import Form as Kind
from tasks.meta.model import ModelMeta
from tasks.release.register import resolve
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.folders import check_folder, load_config
from tasks.training.model_files import model_files
from tasks.training.resolve import resolve_base
from tasks.training.shapes import fresh_modules, task_of
from tasks.training.trial import try_base

EXPORTED = "model"
"""Folder of the model in what `galen export` writes."""
HEADS = {"text-classification": "ForSequenceClassification", "token-classification": "ForTokenClassification"}
"""How transformers ends the name of a class that has the head of a task."""
SHOWN = 5


@dataclass(frozen=True)
class Given:
    """A model to be judged; its bytes are hashed."""

    model: Artifact | Base
    called: str
    """For people: "triage version 3", or the name of the folder."""
    name: str
    """For the ledger: the registered model's, or `folder-` and the first digits of the digest."""
    candidate: str
    """Digest of what training made, as far as it is known: all forms of it are one candidate."""
    version: RegisteredVersion | None = None

    @property
    def said(self) -> ModelMeta | None:
        """What it says about itself; None of a plain folder, as transformers writes it."""
        return ModelMeta.read(self.model) if isinstance(self.model, Artifact) else None

    @property
    def form(self) -> FormOrBase:
        """Which form it is."""
        return Kind(self.model.kind) if isinstance(self.model, Artifact) else "base"


@dataclass(frozen=True)
class Fit:
    """A model that can be judged on a split of a dataset."""

    task: Task
    labels: tuple[str, ...]
    """Names of its outputs, in their order; none where it writes text."""
    unused: tuple[str, ...]
    """Its labels, or types of entities, that no record of the split shows."""


def given(store: Store, named: str) -> Given:
    """The model that `MODEL` (its champion), `MODEL@ROLE`, `MODEL@NUMBER`, a digest or a folder names.

    A folder that is sealed, or holds a sealed `model/`, must have the bytes that its `artifact.json` declares.

    Raises:
        InputError: there is no such model or folder, the version was recalled, or the folder holds no model that opens.
        IntegrityError: a sealed folder, or the version, is not as it was sealed.
    """
    if "/" not in named and named not in ("", ".", "..", "~"):
        if "@" in named or re.fullmatch(r"[0-9a-f]{64}", named):
            return _registered(store, named)
        if named in known_models(store):
            return _registered(store, f"{named}@champion")
    folder = _folder(named)
    if folder is None:
        hint = f"models: {', '.join(known_models(store)) or 'none yet'}; or name a folder that holds a model"
        raise InputError("there is no such model and no such folder", value=named, hint=hint)
    for place in (folder, folder / EXPORTED):
        if (place / MANIFEST).exists():
            return _sealed(store, place, folder.name)
    base = resolve_base(store, BaseModelRef(folder=str(folder)))
    return Given(base, folder.name, _name(base.digest), base.digest)


def _folder(named: str) -> Path | None:
    """A folder of that name; None where there is none, or none can have it."""
    try:
        found = Path(named).expanduser().resolve()
        return found if named and found.is_dir() else None
    except (OSError, RuntimeError, ValueError):
        return None


def _registered(store: Store, reference: str) -> Given:
    version, artifact = resolve(store, reference)
    return _of_version(version, artifact)


def _of_version(version: RegisteredVersion, artifact: Artifact) -> Given:
    return Given(artifact, f"{version.model} version {version.number}", version.model, version.forms[-1], version)


def _sealed(store: Store, place: Path, called: str) -> Given:
    artifact = read(place)
    verify(artifact)
    if artifact.kind in BaseMeta.kinds:
        base = Base(place, artifact.digest, {"base": BaseMeta.read(artifact).name})
        _try(store, artifact)
        return Given(base, called, _name(base.digest), base.digest)
    if artifact.kind not in FORMS:
        raise InputError(f"this is a sealed {artifact.kind}, and no model", value=place)
    for model in known_models(store):
        for version in reversed(roles(store, model).versions):
            if artifact.digest in version.forms:
                if version.recalled:
                    what = f"this is version {version.number} of {model}, which was {version.withdrawal}"
                    raise InputError(what, value=place)
                return _of_version(version, artifact)
    if artifact.kind == Kind.MERGED:
        _try(store, artifact)
    return Given(artifact, called, _name(artifact.digest), _trained(store, artifact))


def _try(store: Store, artifact: Artifact) -> None:
    """See that what others sealed opens within limits, and leads to nothing outside; as for every base.

    Raises:
        InputError: it does not.
    """
    if not store.has(artifact.digest):
        model_files(artifact.path)
        check_folder(artifact.path)
        try_base(artifact.path)


def _name(digest: str) -> str:
    return f"folder-{digest[:12]}"


def _trained(store: Store, artifact: Artifact) -> str:
    """The form that training made of it: the last parent that is known."""
    digest, parent = artifact.digest, ModelMeta.read(artifact).parent
    while parent:
        digest = parent
        parent = ModelMeta.read(store.load(parent)).parent if store.has(parent) else None
    return digest


def fit(one: Given, dataset: DatasetVersion, split: Split) -> Fit:
    """See that a model can be judged on a split: its task, its own head, and a label for every record.

    Labels are matched by name, whatever their order. A model may know labels that the split never shows; a record whose
    label it does not know can never be right.

    Raises:
        InputError: the split is empty, the model is for another task, a part of it was never trained, or records do
            not fit: how many.
    """
    records = dataset.meta.counts[split]
    if not records:
        there = ", ".join(f"{count:,} {name}" for name, count in dataset.meta.counts.items() if count)
        hint = f"this version has {there or 'no record at all'}"
        raise InputError(f"the {split} split has no records to judge", value=dataset.name, hint=hint)
    if said := one.said:
        task, labels = said.task, tuple(said.labels)
        if DATASET_TASK[task] != dataset.task:
            raise InputError(f"the model is for {task}, the dataset for {dataset.task}", value=dataset.name)
    else:
        assert isinstance(one.model, Base)
        task, labels = _of_folder(one.model, dataset)
    if task in GENERATING:
        return Fit(task, (), ())
    shown, without = _shown(dataset, split, labels)
    known = _classes(dataset, labels)
    if strange := sorted(shown.keys() - set(known)):
        names = ", ".join(name_shown(name) for name in strange[:SHOWN])
        what = f"{without:,} of {records:,} records of the {split} split do not fit: the model does not know"
        mine = ", ".join(name_shown(name) for name in known[: 4 * SHOWN]) or "none"
        hint = f"its labels: {mine}; `labels` of the dataset in params.yaml renames what is spelled otherwise"
        raise InputError(what, value=f"{names}{' and others' * (len(strange) > SHOWN)}", hint=hint)
    return Fit(task, labels, tuple(name for name in known if name not in shown))


def _shown(dataset: DatasetVersion, split: Split, labels: Sequence[str]) -> tuple[Counter[str], int]:
    """In how many records of a split each label, or type of entity, stands; records with one that is not known."""
    column = TARGET[dataset.task]
    counts: Counter[str] = Counter()
    known, without = set(_classes(dataset, labels)), 0
    for value in dataset.read(split, [column])[column].to_pylist():
        held = set(kinds(value)) if isinstance(value, list) else {value}
        counts.update(held)
        without += bool(held - known)
    return counts, without


def _classes(dataset: DatasetVersion, labels: Sequence[str]) -> list[str]:
    """What labels tell apart: themselves, or of tags the types of entities."""
    return kinds(labels) if dataset.task == "token-classification" else list(labels)


def _of_folder(base: Base, dataset: DatasetVersion) -> tuple[Task, tuple[str, ...]]:
    """The task and the labels of a folder that says nothing but what transformers needs.

    Raises:
        InputError: it is for another task, has no names for its outputs, or a part that the task needs was never
            trained.
    """
    task, config = task_of(base, dataset.task), load_config(base.path)
    made = [str(name) for name in config.architectures or ()]
    wanted = HEADS.get(task)
    others = tuple(head for head in HEADS.values() if head != wanted)
    if any(name.endswith(others) for name in made):
        raise InputError(f"the folder holds a {made[0]}, and the dataset is for {dataset.task}", value=dataset.name)
    if wanted is None:
        return task, ()
    try:
        named = {int(place): str(label) for place, label in (config.id2label or {}).items()}
    except (TypeError, ValueError):
        named = {}
    labels = tuple(named.get(place, "") for place in range(len(named)))
    if not labels or "" in labels or len(set(labels)) < len(labels):
        hint = "its config.json needs id2label, a name for each output"
        raise InputError("the model does not name its labels", value=base.path, hint=hint)
    if fresh := fresh_modules(base, task, labels):
        hint = "judge a folder that was fine-tuned for this task; galen retrain trains a base"
        what = f"the folder holds no weights for a part that {task} needs, so it was never trained for it"
        raise InputError(what, value=", ".join(fresh), hint=hint)
    return task, labels

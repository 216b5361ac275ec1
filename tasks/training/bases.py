"""Base models: what one is here, and how it is found again by the digest of its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tasks.artifact import Artifact
from tasks.errors import InputError, IntegrityError
from tasks.meta.base import BaseMeta
from tasks.meta.form import Form
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.folders import digest_model


@dataclass(frozen=True)
class Base:
    """A base model on this machine: a Hugging Face folder, its digest, and how the recipe named it.

    Of a folder elsewhere on the machine, `ref` keeps the name alone.
    """

    path: Path
    digest: str
    ref: dict[str, str | None]


def locate_base(store: Store, digest: str) -> Base:
    """The base model of that digest, hashed again.

    Raises:
        IntegrityError: it is not on this machine any more, or was changed.
    """
    if store.has(digest):
        artifact = store.load(digest)
        return Base(artifact.path, digest, {"base": BaseMeta.read(artifact).name})
    folder, ref = base_place(store, digest)
    if not folder.is_dir():
        hint = "put it back there, or run the recipe that names its new place"
        raise IntegrityError("the base model is not there any more", value=folder, hint=hint)
    try:
        whole = digest_model(folder) == digest
    except InputError as error:
        raise IntegrityError("the base model was changed", value=error, hint="put the same files back there") from error
    if not whole:
        raise IntegrityError("the base model was changed", value=folder, hint="put the same files back there")
    return Base(folder, digest, ref)


def base_file(store: Store, digest: str) -> Path:
    """The note of where a base model that was not made here lies."""
    return store.root / "bases" / f"{digest}.json"


def base_place(store: Store, digest: str) -> tuple[Path, dict[str, str | None]]:
    """Where a base model that was not made here lies, and how a recipe named it.

    Raises:
        IntegrityError: no note of it is kept, or the note is damaged.
    """
    file, hint = base_file(store, digest), "run the recipe that used it once more: it is written anew"
    try:
        record = json.loads(file.read_bytes())
        return Path(record["path"]), {str(key): value for key, value in record["ref"].items()}
    except FileNotFoundError as error:
        raise IntegrityError("the location of this base model is not known", value=digest, hint=hint) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError("the note of a base model's place is damaged", value=file, hint=hint) from error


def base_beside(store: Store, model: Artifact | Base) -> Base | None:
    """What a model needs beside it to be opened: the base of an adapter; None for every other form.

    Raises:
        IntegrityError: as `locate_base`.
    """
    if isinstance(model, Artifact) and model.kind == Form.ADAPTER:
        return locate_base(store, ModelMeta.read(model).base.digest)
    return None

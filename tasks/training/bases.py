"""Base models: what one is here, and how it is found again by the digest of its files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tasks.artifact import Artifact
from tasks.errors import IntegrityError
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
    try:
        record = json.loads((store.root / "bases" / f"{digest}.json").read_bytes())
    except (OSError, ValueError) as error:
        hint = "run the recipe that used it once more, or restore GALEN_HOME/bases"
        raise IntegrityError("the location of this base model is not known", value=digest, hint=hint) from error
    folder = Path(record["path"])
    if not folder.is_dir() or digest_model(folder) != digest:
        raise IntegrityError("the base model was moved or changed", value=folder, hint="put the same files back there")
    return Base(folder, digest, record["ref"])


def base_beside(store: Store, model: Artifact | Base) -> Base | None:
    """What a model needs beside it to be opened: the base of an adapter; None for every other form.

    Raises:
        IntegrityError: as `locate_base`.
    """
    if isinstance(model, Artifact) and model.kind == Form.ADAPTER:
        return locate_base(store, ModelMeta.read(model).base.digest)
    return None

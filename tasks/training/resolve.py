"""From what a recipe says under `base_model:` to a base on this machine, made or downloaded where that is needed."""

from __future__ import annotations

from pathlib import Path

from tasks.artifact import write_atomically
from tasks.config.training import BaseModelRef
from tasks.digest import canonical_json
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training.bases import Base, base_file
from tasks.training.folders import check_folder, digest_model, from_hub, in_package
from tasks.training.named_base import base_artifact
from tasks.training.trial import try_base


def resolve_base(store: Store, ref: BaseModelRef) -> Base:
    """The base model that a recipe names, its weights hashed; `locate_base` finds it again by digest.

    A base made here (`base: NAME`) is trained on first use. Its digest is that of its artifact.

    Raises:
        InputError: no such folder or package, no weights, pickle weights only, no readable config, no such hub model.
        Interrupted: the hub cannot be reached.
    """
    plain = {key: value for key, value in ref.plain().items() if value is not None}
    if ref.base is not None:
        artifact = base_artifact(store, ref.base)
        return Base(artifact.path, artifact.digest, plain)
    if ref.folder is not None:
        named = Path(ref.folder).expanduser()
        folder = CHECKOUT / named
        if named.is_absolute():  # artifacts tell how it was named, and hold no absolute path
            plain["folder"] = named.name
    elif ref.package is not None:
        folder = in_package(ref.package)
    else:
        folder = from_hub(str(ref.hub), str(ref.revision))
    base = Base(folder, digest_model(folder), plain)
    file = base_file(store, base.digest)
    record = canonical_json({"path": str(folder.absolute()), "ref": plain})
    if not file.is_file() or file.read_bytes() != record:  # the same bytes in the same place were looked at before
        check_folder(folder)
        try_base(folder)
        write_atomically(file, record)
    return base

"""A dataset version that the store no longer holds, from DVC's cache or remote, by the snapshot that was kept of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from tasks.data.dvc import command
from tasks.data.entries import PARAMS
from tasks.data.kept import CACHE, REMOTE, kept
from tasks.data.seal import DATASET, DECLARATION, place, snapshot_folder
from tasks.data.stage import STAGES
from tasks.data.version import DatasetVersion, load_version
from tasks.errors import InputError, IntegrityError
from tasks.progress import notice
from tasks.settings import load_yaml
from tasks.store import Store

CONFIG = """\
[core]
    no_scm = true
    analytics = false
    remote = local
[cache]
    dir = {home}/dvc-cache
    type = "hardlink,copy"
['remote "local"']
    url = {home}/dvc-remote
"""


def restore(store: Store, digest: str) -> DatasetVersion:
    """A version by digest: from the store, or else brought back into it.

    Works in a folder of its own, so that the checkout's data stays as it is. Looks at the cache and the local remote of
    this `GALEN_HOME`; a remote elsewhere is fetched from with `dvc fetch` first.

    Raises:
        InputError: no snapshot of such a version is on this machine.
        Interrupted: neither DVC's cache nor its remote holds it.
        IntegrityError: what they hold is something else, or the snapshot is damaged.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InputError(
            "this is not the digest of a dataset version", value=digest, hint="64 hex digits: galen data show"
        )
    if store.has(digest):
        try:
            return load_version(store, digest)
        except IntegrityError as error:  # set aside as soon as there is a whole one
            notice(f"{error.what}: another copy is looked for")
    snapshot = snapshot_folder(store, digest)
    if not (snapshot / DATASET).is_file():
        raise InputError("no snapshot of this dataset version", value=digest, hint="restore GALEN_HOME/datasets")
    with store.locked(f"dataset-{digest[:16]}"), store.staging(f"restore-{digest[:16]}") as folder:
        (folder / ".dvc").mkdir()
        (folder / ".dvc" / "config").write_text(CONFIG.format(home=store.root))
        name = _declared(snapshot, folder)
        for where in (CACHE, REMOTE):
            for one in kept(store, folder / "dvc.lock", name, STAGES[-1:], where):
                if one.path.exists() and not one.whole:
                    store.set_aside(one.path)
        command(store, folder, "pull", f"seal@{name}")
        found = place(store, folder / "data" / "built" / name / "seal")
    if found.digest != digest:
        raise IntegrityError("DVC holds another version under this snapshot", value=digest, hint="build it again")
    return load_version(store, digest)


def _declared(snapshot: Path, folder: Path) -> str:
    """Declare in a folder what a snapshot declares of its own dataset; returns that one's name."""
    try:
        name = (snapshot / DATASET).read_text()
        for file in DECLARATION:
            shutil.copyfile(snapshot / file, folder / file)
        load_yaml(folder / "dvc.lock")
        # DVC reads every entry here, and one bad one would stop it.
        entry = load_yaml(folder / PARAMS)["datasets"][name]
    except (OSError, ValueError, KeyError, TypeError, InputError) as error:
        hint = "restore GALEN_HOME/datasets from a backup, or build the dataset again (same rows, same version)"
        raise IntegrityError("the snapshot of a dataset version is damaged", value=snapshot, hint=hint) from error
    (folder / PARAMS).write_text(json.dumps({"datasets": {name: entry}}))
    return name

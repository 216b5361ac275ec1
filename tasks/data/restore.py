"""A dataset version that the store no longer holds, from DVC's cache or remote, by the snapshot that was kept of it."""

from __future__ import annotations

import json
import re
import shutil

from tasks.data.dvc import command
from tasks.data.entries import PARAMS
from tasks.data.seal import DATASET, DECLARATION, place, snapshot_folder
from tasks.data.version import DatasetVersion, load_version
from tasks.errors import InputError, IntegrityError
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
        IntegrityError: what they hold is something else.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise InputError(
            "this is not the digest of a dataset version", value=digest, hint="64 hex digits: galen data show"
        )
    if store.has(digest):
        return load_version(store, digest)
    snapshot = snapshot_folder(store, digest)
    if not (snapshot / DATASET).is_file():
        raise InputError("no snapshot of this dataset version", value=digest, hint="restore GALEN_HOME/datasets")
    name = (snapshot / DATASET).read_text()
    with store.locked(f"dataset-{digest[:16]}"), store.staging(f"restore-{digest[:16]}") as folder:
        (folder / ".dvc").mkdir()
        (folder / ".dvc" / "config").write_text(CONFIG.format(home=store.root))
        for file in DECLARATION:
            shutil.copyfile(snapshot / file, folder / file)
        # DVC reads every entry here, and one bad one would stop it.
        entry = load_yaml(snapshot / PARAMS)["datasets"][name]
        (folder / PARAMS).write_text(json.dumps({"datasets": {name: entry}}))
        command(store, folder, "pull", f"seal@{name}")
        found = place(store, folder / "data" / "built" / name / "seal")
    if found.digest != digest:
        raise IntegrityError("DVC holds another version under this snapshot", value=digest, hint="build it again")
    return load_version(store, digest)

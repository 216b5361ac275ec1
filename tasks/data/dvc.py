"""Runs a data stage through DVC, in a process that cannot outlive us. Nothing else starts a single stage."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tasks import process
from tasks.data.identity_key import built_with, key_to_build
from tasks.data.kept import mend
from tasks.data.params import one_dataset
from tasks.data.reading import source_path
from tasks.data.stage import ERROR_FILE, PARENT, STAGES, built_folder
from tasks.errors import InputError, Interrupted
from tasks.home import CHECKOUT
from tasks.private import BUILT, DVC_OWN, DVC_SITE, private_folder
from tasks.store import Store
from tasks.stuck import watched

LOCK_PATIENCE = 600.0
"""Seconds to wait for another DVC command in this checkout."""
DVC_PATIENCE = 900.0
"""Seconds that DVC may compute without a sign where it only copies."""
BUSY = 75
"""Exit code of `tasks.data.dvc_process` when DVC's lock was held all the time (EX_TEMPFAIL)."""


def build_stage(store: Store, stage: str, name: str) -> bool:
    """Bring one stage of one dataset up to date: `dvc repro --single-item STAGE@NAME`.

    DVC looks only at this stage here, so call the stages in order.

    Returns:
        Whether it ran; False where DVC found nothing changed.

    Raises:
        GalenError: what the stage said, as it said it.
        IntegrityError: the identity key is missing, or is another one.
        Interrupted: another DVC command would not end.
        Stopped: the stage made no progress, and was ended.
    """
    if stage not in STAGES:
        raise InputError("no such stage", value=stage, hint=f"there are: {', '.join(STAGES)}")
    dataset = one_dataset(name)
    source_path(dataset)  # DVC's own words for a missing source help nobody
    # DVC does not know the key, which is no file of the checkout: another key is another ingest.
    rekeyed = dataset.identified and key_to_build(store, name) != built_with(name)
    forced = ["--force"] if stage == STAGES[0] and rekeyed else []
    configure(store)
    if stage == STAGES[0]:
        mend(store, name, STAGES)
    before = _made(stage, name)
    with tempfile.TemporaryDirectory(prefix="galen-stage-") as folder:
        error_file = Path(folder) / "error.json"
        child = process.start(
            [sys.executable, "-m", "tasks.data.dvc_process", f"{stage}@{name}", str(LOCK_PATIENCE), *forced],
            cwd=CHECKOUT,
            env=environment(store) | {ERROR_FILE: str(error_file), PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            with watched(child, f"stage {stage} of {name}", (store.root, CHECKOUT)):
                code = child.wait()
        finally:
            process.stop(child)
        if code == BUSY:
            raise Interrupted("another DVC command holds this checkout", hint="wait for it to end, then run again")
        if code != 0:
            raise process.error_in(error_file) or Interrupted(
                f"stage {stage} of {name} ended without an error message",
                hint="killed, out of memory, or DVC failed (see above): run again",
            )
    return _made(stage, name) != before


def push(store: Store, name: str) -> None:
    """Copy the sealed version that a dataset has now to DVC's remote (`var/dvc-remote`, unless `.dvc/config` says
    another). What ingest wrote is never pushed.

    Raises:
        Interrupted: the remote cannot be reached; in DVC's words.
    """
    one_dataset(name)
    configure(store)
    command(store, CHECKOUT, "push", f"seal@{name}")


def command(store: Store, folder: Path, *arguments: str) -> None:
    """Run a DVC command in a folder, quietly.

    Raises:
        Interrupted: it failed; with the last line that it said.
    """
    child = process.start(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=environment(store),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        with watched(child, f"dvc {arguments[0]}", (store.root, folder), DVC_PATIENCE):
            _, said = child.communicate()
    finally:
        process.stop(child)
    if child.returncode:
        lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.startswith("ERROR")]
        raise Interrupted(f"dvc {arguments[0]} failed", value=lines[-1] if lines else child.returncode)


def environment(store: Store) -> dict[str, str]:
    """What a DVC process of ours sees: this interpreter first, nothing that calls home, its own place for locks."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(CHECKOUT),
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(store.root / DVC_SITE),
        "GALEN_HOME": str(store.root),
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "SHELL": "/bin/sh",
    }


def configure(store: Store) -> None:
    """Tell DVC where this store is, in the git-ignored `.dvc/config.local`; what else stands there stays.

    `.dvc/config` says `var/`. DVC takes neither place from the environment.
    """
    import configparser

    site = store.root / DVC_SITE
    for folder in (store.root, site, site / "repo", BUILT, *DVC_OWN):  # DVC makes its site's for everyone to write
        private_folder(folder)
    wanted = {
        ("cache", "dir"): str(store.root / "dvc-cache"),
        ("'remote \"local\"'", "url"): str(store.root / "dvc-remote"),
        ("core", "no_scm"): "false" if (CHECKOUT / ".git").exists() else "true",
    }
    path = CHECKOUT / ".dvc" / "config.local"
    found = configparser.ConfigParser(interpolation=None)
    found.read(path, encoding="utf-8")
    changed = False
    for (section, option), value in wanted.items():
        if found.get(section, option, fallback=None) != value:
            if not found.has_section(section):
                found.add_section(section)
            found.set(section, option, value)
            changed = True
    if changed:
        draft = path.with_name(f".config.local.{os.getpid()}")
        with draft.open("w", encoding="utf-8") as file:
            found.write(file)
        draft.replace(path)


def _made(stage: str, name: str) -> tuple[int, int] | None:
    """When the folder of a stage was made: a stage that runs always makes a new one."""
    try:
        status = built_folder(name).joinpath(stage).stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns

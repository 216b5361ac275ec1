"""Who works on a store now; and what killed processes left there, removed when nobody does."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tasks.errors import GalenError, Interrupted
from tasks.private import BUILT, private_folder
from tasks.store import Store

DRAFT = re.compile(r"\..+\.([0-9]+|[0-9a-f]{16})|.+\.draft|.+\.new(-journal)?")
"""Names of what is half written (`tasks.artifact.write_atomically` and its kin)."""
KEPT_BY_OTHERS = ("artifacts", "dvc-cache", "dvc-remote", "dvc-site", "mlartifacts", "prefect", "running", "locks")
"""Folders of the store where no draft of ours lies."""
LONGEST = 70  # characters of a temporary folder's path: names of sockets in it must not exceed 107


@contextmanager
def working(store: Store, *, make: bool = True) -> Iterator[None]:
    """Be known as somebody who works on a store, until the block ends or the process dies, however it dies.

    Every such process holds a lock on a folder of its own in `running/`, which the kernel frees. Whoever comes and
    finds only folders that nobody holds knows that all others were killed, and removes what they left: folders and
    files that were being filled, temporary files, runs that MLflow believes to be going on.

    Args:
        make: whether to make the store's root where there is none; without one nobody is known, and nothing is left.

    Raises:
        InputError: the root cannot be written, or is somebody else's.
    """
    if not make and not os.access(store.root, os.W_OK):
        yield
        return
    with ExitStack() as held:
        with store.locked("running"):
            running = store.root / "running"
            private_folder(running)
            dead = _abandoned(running)
            if dead and len(dead) == len(list(running.iterdir())) and _clean(store):
                for folder in dead:
                    shutil.rmtree(folder, ignore_errors=True)
            own = running / os.urandom(4).hex()
            own.mkdir(mode=0o700)
            handle = os.open(own, os.O_RDONLY | os.O_CLOEXEC)
            held.callback(os.close, handle)
            fcntl.flock(handle, fcntl.LOCK_EX)
        held.callback(shutil.rmtree, own, ignore_errors=True)
        held.enter_context(_temporary_files_in(own))
        yield


def _abandoned(running: Path) -> list[Path]:
    """Folders of processes that are no more."""
    found = []
    for folder in running.iterdir():
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(folder)
            finally:
                os.close(handle)
    return found


def _clean(store: Store) -> bool:
    """Remove what processes left that were killed; whether all of it went."""
    for folder in [*(store.root / "staging").glob("*"), *BUILT.glob("*/.*.*")]:
        shutil.rmtree(folder, ignore_errors=True)
    for file in (store.root / "dvc-cache" / "files" / "md5").glob("*/.*.tmp"):
        file.unlink(missing_ok=True)
    for place, folders, files in os.walk(store.root):
        if Path(place) == store.root:
            folders[:] = [name for name in folders if name not in KEPT_BY_OTHERS]
        for name in files:
            if DRAFT.fullmatch(name):
                Path(place, name).unlink(missing_ok=True)
        for name in [name for name in folders if DRAFT.fullmatch(name)]:
            shutil.rmtree(Path(place, name), ignore_errors=True)
    for file in (BUILT.parents[1] / ".dvc").glob(".config.local.*"):
        file.unlink(missing_ok=True)
    try:
        from tasks.tracking.runs import close_abandoned

        close_abandoned(store, alone=True)
    except (Interrupted, GalenError):
        return False  # MLflow is away: the next command tries again
    return True


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Temporary files of all libraries lie in `folder`, unless the user has set a place, or its path is too long."""
    if os.environ.get("TMPDIR") or len(str(folder)) > LONGEST:
        yield
        return
    import tempfile

    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    try:
        yield
    finally:
        del os.environ["TMPDIR"]
        tempfile.tempdir = None

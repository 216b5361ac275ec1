"""What Galen makes belongs to its owner alone: nobody else reads it, or puts anything there that Galen would believe.

The folders themselves are the gate (0700): what libraries make inside may have any mode. The file mode mask is the
second: what is made anywhere else (sockets, temporary files) is closed, too.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.errors import InputError
from tasks.home import CHECKOUT

MASK = 0o077
BUILT = CHECKOUT / "data" / "built"
DVC_OWN = (CHECKOUT / ".dvc" / "tmp", CHECKOUT / ".dvc" / "cache")
DVC_SITE = "dvc-site"
"""In the home: what DVC remembers of a checkout."""
_given: int | None = None


def close_new_files() -> None:
    """Whatever this process and its children make from now on is closed to others (`for_its_user` opens it again)."""
    global _given
    mask = os.umask(MASK)
    _given = mask if _given is None else _given


@contextmanager
def for_its_user() -> Iterator[None]:
    """For what a person asked for at a place of their own (an export, a recipe): the mode that they are used to."""
    if _given is None:
        yield
        return
    before = os.umask(_given)
    try:
        yield
    finally:
        os.umask(before)


def check_private(home: Path, said: Callable[[str], None], ours: Iterable[Path] = (BUILT, *DVC_OWN)) -> None:
    """See that nobody else reads or writes what lies in `home` and the folders `ours`, where they exist.

    A folder of ours that is open is closed, with all that it holds, and that is said.

    Raises:
        InputError: it belongs to somebody else, or somebody else could put another folder in its place, or it cannot be
            closed.
    """
    for folder in (home, *ours):
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        if found.st_uid != os.geteuid():
            hint = f"run Galen as {_name(found.st_uid)}, or: chown -R {_name(os.geteuid())} {folder}"
            raise InputError(f"this folder belongs to {_name(found.st_uid)}", value=folder, hint=hint)
        if found.st_mode & MASK:
            _close(folder)
            for cache in (home / DVC_SITE, DVC_OWN[0]):  # DVC unpickles rows of them: nothing in them is needed
                shutil.rmtree(cache, ignore_errors=True)
            if folder.stat().st_mode & MASK:
                hint = "its file system keeps no modes, or not these: set GALEN_HOME to a folder elsewhere"
                raise InputError("this folder cannot be closed to other users", value=folder, hint=hint)
            said(f"{folder} was open to other users of this machine: it is closed now (mode 0700)")
    _check_way(home)


def private_folder(path: Path) -> None:
    """Make a folder that is its owner's alone, before a library makes it as it likes.

    Raises:
        InputError: it is there, and somebody else's.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.stat()
    if found.st_uid != os.geteuid():
        raise InputError(
            f"this folder belongs to {_name(found.st_uid)}", value=path, hint="remove it, or ask its owner"
        )
    if found.st_mode & MASK:
        _close(path)


def _close(folder: Path) -> None:
    """The folder first; then all below, since whoever stands in one of its folders already can still work there.

    A link is not followed, and a file that others may have written to keeps its content: what counts has a digest.
    """
    folder.chmod(0o700)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            with suppress(OSError):  # gone meanwhile, or somebody else's
                mode = path.lstat().st_mode
                if mode & MASK and not stat.S_ISLNK(mode):
                    path.chmod(stat.S_IMODE(mode) & ~MASK)


def _check_way(home: Path) -> None:
    """See that the folders above are nobody's who could swap what lies in them."""
    for folder in home.parents:
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        others = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _own_group(found.st_gid))
        if others and not found.st_mode & stat.S_ISVTX:
            hint = f"chmod go-w {folder}, or set GALEN_HOME to a folder elsewhere"
            raise InputError(
                "others can replace GALEN_HOME: they may write to a folder above it", value=folder, hint=hint
            )
        if found.st_uid not in (0, os.geteuid()):
            hint = "set GALEN_HOME to a folder of yours, or run Galen as that user"
            what = f"{_name(found.st_uid)} can replace GALEN_HOME: a folder above belongs to them"
            raise InputError(what, value=folder, hint=hint)


def _own_group(gid: int) -> bool:
    """Whether a group is root's, or the one that, by the custom of most systems, a user has alone: of their name."""
    import grp

    try:
        return gid == 0 or grp.getgrgid(gid).gr_name == _name(os.geteuid())
    except KeyError:
        return False


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

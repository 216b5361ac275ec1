"""What DVC keeps of a dataset, in its cache and in the remote on this machine: looked at, and damaged copies replaced.

DVC believes every file of its cache that is read-only, and the folders in `data/built/` are links to the same bytes:
one that goes bad would be sealed into the next version. So each build looks at what DVC keeps of its dataset first.
What was not touched since it was last hashed costs no hashing (as with `Store.check`).
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.artifact import write_atomically
from tasks.digest import CHUNK
from tasks.errors import masked
from tasks.home import CHECKOUT
from tasks.progress import notice
from tasks.settings import load_yaml
from tasks.store import Store, mark

CACHE, REMOTE = "dvc-cache", "dvc-remote"
"""Below the store's root: DVC's cache, and the remote unless `.dvc/config` names another."""


@dataclass(frozen=True)
class Elsewhere:
    """A remote that `.dvc/config` or `.dvc/config.local` names beside the one in the home."""

    name: str
    folder: Path | None
    """Where it is a folder of this machine; None: a service, which is not looked at."""
    address: str
    """Without a password, for people."""


def elsewhere() -> list[Elsewhere]:
    """The remotes of this checkout that do not lie in the home; of DVC's settings of a user or a machine nothing is
    read."""
    config, found = CHECKOUT / ".dvc", configparser.ConfigParser(interpolation=None)
    with suppress(configparser.Error, UnicodeDecodeError):
        found.read([config / "config", config / "config.local"], encoding="utf-8")
    remotes = []
    for section in found.sections():
        named = re.fullmatch(r"'?remote \"(.+)\"'?", section)
        address = found.get(section, "url", fallback="").strip()
        if named is None or named[1] == "local" or not address:
            continue
        parts = urlsplit(address)
        here = parts.scheme in ("", "file", "local")
        folder = Path(os.path.normpath(config / parts.path)) if here else None
        remotes.append(Elsewhere(named[1], folder, masked(address)))
    return remotes


@dataclass(frozen=True)
class Kept:
    """One object that DVC keeps, or would keep if it is gone."""

    path: Path
    md5: str
    name: str
    """The file that it is, relative to the checkout; of a folder's listing the folder."""

    @property
    def whole(self) -> bool:
        """Whether it is there, with the bytes that its name says."""
        return _md5(self.path) == self.md5.removesuffix(".dir")


def kept(store: Store, lock: Path, name: str, stages: Sequence[str], place: str | Path) -> Iterator[Kept]:
    """The objects of a dataset's stages in `CACHE`, `REMOTE` or another folder, by a lock file; a listing stands before
    what it lists.

    A listing that is damaged or gone lists nothing.

    Raises:
        InputError: the lock file cannot be read.
    """
    known: dict[str, Any] = load_yaml(lock).get("stages") or {}
    for stage in stages:
        for output in (known.get(f"{stage}@{name}") or {}).get("outs") or ():
            md5 = str(output["md5"])
            listing = Kept(_object(store, place, md5), md5, str(output["path"]))
            yield listing
            if md5.endswith(".dir") and listing.whole:
                for one in json.loads(listing.path.read_bytes()):
                    found = str(one["md5"])
                    yield Kept(_object(store, place, found), found, f"{listing.name}/{one['relpath']}")


def mend(store: Store, name: str, stages: Sequence[str]) -> None:
    """Set aside what is damaged of a dataset in DVC's cache and remote, and put a good copy in its place.

    Where there is none, the built folder that shares the damaged bytes goes, too: DVC then runs the stage again, from
    what the stage before it made.
    """
    lock, note = CHECKOUT / "dvc.lock", store.root / "checked" / f"dvc-{name}.json"
    if not lock.is_file():
        return
    noted = _noted(note)
    for place, other in ((CACHE, REMOTE), (REMOTE, CACHE)):
        for one in kept(store, lock, name, stages, place):
            if not one.path.exists() or noted.get(str(one.path)) == mark(one.path) or one.whole:
                continue
            store.set_aside(one.path)
            good = Kept(_object(store, other, one.md5), one.md5, one.name)
            if good.whole:
                _replace(one.path, good.path)
                notice(f"{one.name} was damaged in {place}: taken from {other}")
            if place == CACHE:
                _mend_built(CHECKOUT / one.name, one.path if good.whole else None)
    present = (one.path for place in (CACHE, REMOTE) for one in kept(store, lock, name, stages, place))
    write_atomically(note, json.dumps({str(path): mark(path) for path in present if path.exists()}).encode())


def _mend_built(built: Path, good: Path | None) -> None:
    """What lies in the checkout was a link to the damaged bytes."""
    if good is not None and built.is_file():
        built.unlink()
        os.link(good, built)
        return
    if good is not None:  # a listing, which has no copy there
        return
    folder = built if built.is_dir() else built.parent
    if folder.parent.parent == CHECKOUT / "data" / "built":  # data/built/NAME/STAGE
        shutil.rmtree(folder, ignore_errors=True)
        notice(f"no good copy of {built.relative_to(CHECKOUT)} is left: the stage is run again")
    else:
        built.unlink(missing_ok=True)
        notice(f"no good copy of {built.relative_to(CHECKOUT)} is left: it is made anew")


def _replace(path: Path, good: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.copyfile(good, draft)
    draft.chmod(0o444)  # as DVC keeps its objects
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(path)


def _object(store: Store, place: str | Path, md5: str) -> Path:
    return store.root / place / "files" / "md5" / md5[:2] / md5[2:]


def _md5(path: Path) -> str | None:
    found = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                found.update(piece)
    except OSError:
        return None
    return found.hexdigest()


def _noted(note: Path) -> dict[str, Any]:
    try:
        found = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

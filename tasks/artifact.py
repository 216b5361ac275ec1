"""Sealed artifacts: the only cache, and what every record of Galen points at.

An artifact is a folder that holds an `artifact.json`: its kind, its metadata and the SHA-256 of every other file, in
canonical JSON. The digest of the artifact is the SHA-256 of that file, so `sha256sum artifact.json` is the whole proof.
Nothing in it depends on a place or a time; a store (tasks/store.py) keeps it as `artifacts/<digest>/`.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.digest import canonical_json, digest_bytes, digest_data, digest_file
from tasks.errors import InputError, IntegrityError

MANIFEST = "artifact.json"
FILE = "a file"
_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
MOST_SHOWN = 5
"""Differences that a message names."""
REMEDY = "run `galen retrain` of its recipe: it makes a whole one, and sets the damaged one aside"
Meta = dict[str, Any]


@dataclass(frozen=True)
class Artifact:
    """A sealed folder. `meta` is what its maker declared; `files` maps POSIX paths to SHA-256."""

    digest: str
    kind: str
    path: Path
    meta: Meta = field(repr=False)
    files: dict[str, str] = field(repr=False)
    reused: bool = field(default=False, compare=False)
    """Whether `make` found it rather than built it."""

    def file(self, name: str) -> Path:
        """The path of one of its files.

        Raises:
            IntegrityError: the artifact has no such file.
        """
        if name not in self.files:
            raise IntegrityError(f"{self.kind} {self.digest[:12]} holds no {name}", hint="it was made by other code")
        return self.path / name


def seal(folder: Path, kind: str, meta: Mapping[str, Any]) -> str:
    """Write `artifact.json` into a folder and return the digest; the same content always gives the same digest.

    Raises:
        InputError: the folder holds a link, a pipe or the like: what it leads to could change without a trace.
    """
    (folder / MANIFEST).unlink(missing_ok=True)
    _drop_empty(folder)
    present = entries_of(folder)
    if odd := next(((name, kind) for name, kind in present.items() if kind != FILE), None):
        raise InputError(f"{odd[1]} cannot be sealed", value=folder / odd[0], hint="copy what it leads to")
    files = {name: digest_file(folder / name) for name in present}
    data = canonical_json({"kind": kind, "meta": dict(meta), "files": files})
    write_atomically(folder / MANIFEST, data)
    return digest_bytes(data)


def read(folder: Path) -> Artifact:
    """The artifact that a folder declares to be; its other files are not looked at (`verify` does that).

    Raises:
        IntegrityError: no readable `artifact.json`.
    """
    try:
        if not (folder / MANIFEST).is_file():  # nobody may ever write into a pipe
            raise FileNotFoundError(MANIFEST)
        data = (folder / MANIFEST).read_bytes()
        manifest = json.loads(data)
        kind, meta, files = manifest["kind"], manifest["meta"], manifest["files"]
        if not (isinstance(kind, str) and isinstance(meta, dict) and isinstance(files, dict)):
            raise TypeError("kind, meta, files")
        if not all(isinstance(digest, str) for digest in files.values()):
            raise TypeError("a digest")
        return Artifact(digest_bytes(data), kind, folder, meta, files)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            "not a sealed artifact", value=folder, hint="it was changed or only half copied"
        ) from error


def verify(artifact: Artifact) -> None:
    """Hash every file again.

    Raises:
        IntegrityError: a file is missing, changed or was added; the message names every one (of many the first).
    """
    if found := differences(artifact):
        shown = "; ".join(found[:MOST_SHOWN]) + (f"; and {len(found) - MOST_SHOWN} more" * (len(found) > MOST_SHOWN))
        raise IntegrityError(f"{shown} in {artifact.kind} {artifact.digest[:12]}", value=artifact.path, hint=REMEDY)


def differences(artifact: Artifact) -> list[str]:
    """What of an artifact's folder is not as it was sealed, one line for each; empty where it is intact.

    Whatever lies there is looked at: a link, a pipe or an empty folder is a difference, even where the bytes
    behind a link are the sealed ones: they can change without a trace.
    """
    try:
        again = read(artifact.path)
    except IntegrityError:
        return [f"{MANIFEST} is missing or cannot be read"]
    if again.digest != artifact.digest:
        return [f"{MANIFEST} was changed"]
    present, found = entries_of(artifact.path), []
    present.pop(MANIFEST, None)
    for name in sorted(again.files.keys() | present.keys()):
        if name not in present:
            found.append(f"{name} is missing")
        elif present[name] != FILE:
            found.append(f"{name} is {present[name]}")
        elif name not in again.files:
            found.append(f"{name} was added after sealing")
        elif _digest_of(artifact.path / name) != again.files[name]:
            found.append(f"{name} was changed")
    return found


def entries_of(folder: Path) -> dict[str, str]:
    """Everything below a folder by its POSIX path, and what it is (`FILE`, a link, ...); of folders only empty ones.

    Nothing is followed and nothing is opened.
    """
    found: dict[str, str] = {}
    for top, inner, names in os.walk(folder):
        place = Path(top)
        links = [name for name in inner if (place / name).is_symlink()]
        for name in (*names, *links):
            mode = (place / name).lstat().st_mode
            found[(place / name).relative_to(folder).as_posix()] = _KINDS.get(stat.S_IFMT(mode), "no file")
        if not names and not inner and place != folder:
            found[place.relative_to(folder).as_posix()] = "an empty folder"
    return found


def _drop_empty(folder: Path) -> None:
    """Folders without a file in them are no content, and would not be copied everywhere."""
    for top, _, _ in os.walk(folder, topdown=False):
        if Path(top) != folder and not any(Path(top).iterdir()):
            Path(top).rmdir()


def _digest_of(file: Path) -> str | None:
    try:
        return digest_file(file)
    except OSError:  # gone meanwhile, or a bad sector
        return None


def key_of(kind: str, inputs: Mapping[str, Any], code: str) -> str:
    """The cache key of a step: its kind, every config and digest that it depends on, the code that decides."""
    return digest_data({"kind": kind, "inputs": dict(inputs), "code": code})


def sync(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk: a rename must never outlive what it names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, also one after a crash, sees the old bytes or the new ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)

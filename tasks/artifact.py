"""Sealed artifacts: the only cache, and what every record of Galen points at.

An artifact is a folder that holds an `artifact.json`: its kind, its metadata and the SHA-256 of every other file, in
canonical JSON. The digest of the artifact is the SHA-256 of that file, so `sha256sum artifact.json` is the whole proof.
Nothing in it depends on a place or a time; a store (tasks/store.py) keeps it as `artifacts/<digest>/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.digest import canonical_json, digest_bytes, digest_data, digest_file, files_of
from tasks.errors import IntegrityError

MANIFEST = "artifact.json"
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
    """Write `artifact.json` into a folder and return the digest; the same content always gives the same digest."""
    (folder / MANIFEST).unlink(missing_ok=True)
    files = {file.relative_to(folder).as_posix(): digest_file(file) for file in files_of(folder)}
    data = canonical_json({"kind": kind, "meta": dict(meta), "files": files})
    write_atomically(folder / MANIFEST, data)
    return digest_bytes(data)


def read(folder: Path) -> Artifact:
    """The artifact that a folder declares to be; its other files are not looked at (`verify` does that).

    Raises:
        IntegrityError: no readable `artifact.json`.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest = json.loads(data)
        return Artifact(digest_bytes(data), manifest["kind"], folder, manifest["meta"], manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            "not a sealed artifact", value=folder, hint="it was changed or only half copied"
        ) from error


def verify(artifact: Artifact) -> None:
    """Hash every file again.

    Raises:
        IntegrityError: a file is missing, changed or was added; the message names it.
    """
    again = read(artifact.path)
    if again.digest != artifact.digest:
        raise IntegrityError(f"{MANIFEST} was changed", value=artifact.path, hint="restore it from a copy you trust")
    present = {file.relative_to(artifact.path).as_posix(): file for file in files_of(artifact.path)}
    present.pop(MANIFEST, None)
    for name in sorted(again.files.keys() | present.keys()):
        if name not in present:
            fault = "is missing"
        elif name not in again.files:
            fault = "was added after sealing"
        elif digest_file(present[name]) != again.files[name]:
            fault = "was changed"
        else:
            continue
        raise IntegrityError(f"{name} {fault} in {artifact.kind} {artifact.digest[:12]}", value=artifact.path)


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

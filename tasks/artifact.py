"""Sealed artifacts: the only cache, and what every record of Galen points at.

An artifact is a folder under `GALEN_HOME/artifacts/<digest>/` that holds an `artifact.json`: its kind, its metadata
and the SHA-256 of every other file, in canonical JSON. The digest of the artifact is the SHA-256 of that file, so
`sha256sum artifact.json` is the whole proof. Nothing in it depends on a place or a time.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tasks.digest import canonical_json, code_digest, digest_bytes, digest_data, digest_file, files_of
from tasks.errors import InputError, IntegrityError, Interrupted
from tasks.home import home

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


def artifacts() -> Path:
    """The folder that holds sealed artifacts."""
    return home() / "artifacts"


def load(digest: str) -> Artifact:
    """A sealed artifact by digest, every file hashed.

    Raises:
        IntegrityError: it is not there, or does not match its digest.
    """
    folder = artifacts() / digest
    if not folder.is_dir():
        raise IntegrityError("this artifact is not on this machine", value=digest, hint="restore GALEN_HOME/artifacts")
    artifact = read(folder)
    if artifact.digest != digest:
        raise IntegrityError(f"{MANIFEST} was changed", value=folder, hint="restore it from a copy you trust")
    verify(artifact)
    return artifact


def key_of(kind: str, inputs: Mapping[str, Any], code: str | None = None) -> str:
    """The cache key of a step: its kind, every config and digest it depends on, and the digest of the code."""
    return digest_data({"kind": kind, "inputs": dict(inputs), "code": code or code_digest()})


def find(kind: str, inputs: Mapping[str, Any], code: str | None = None) -> Artifact | None:
    """What the same step made before from the same inputs by the same code, verified; None where there is nothing.

    Raises:
        IntegrityError: it is there, and does not match its digest.
    """
    try:
        digest = _index(kind, key_of(kind, inputs, code)).read_text().strip()
    except FileNotFoundError:
        return None
    return replace(load(digest), reused=True) if (artifacts() / digest).is_dir() else None


def make(
    kind: str, inputs: Mapping[str, Any], build: Callable[[Path], Mapping[str, Any]], code: str | None = None
) -> Artifact:
    """The artifact of a step: found, or built once.

    Args:
        kind: what it is: "adapter", "merged", "evaluation"...
        inputs: plain data, everything that the content depends on: config and digests, never paths.
        build: fills an empty folder and returns the metadata to seal with it.
        code: digest of the code that matters, where the whole of flows/ and tasks/ is too much.
    """
    key = key_of(kind, inputs, code)
    with locked(f"{kind}-{key[:16]}"):
        if found := find(kind, inputs, code):
            return found
        staging = home() / "staging" / f"{kind}-{key[:16]}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            artifact = adopt(staging, kind, build(staging))
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        write_atomically(_index(kind, key), artifact.digest.encode())
        return artifact


def adopt(staging: Path, kind: str, meta: Mapping[str, Any]) -> Artifact:
    """Seal a folder on the same disk and move it into the store in one rename; content already stored is kept."""
    digest = seal(staging, kind, meta)
    final = artifacts() / digest
    final.parent.mkdir(parents=True, exist_ok=True)
    if not final.is_dir():
        for file in files_of(staging):
            sync(file)
        staging.rename(final)
        sync(final.parent)
    return load(digest)


def _index(kind: str, key: str) -> Path:
    return home() / "index" / kind / key


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


@contextmanager
def locked(name: str, *, wait: bool = True) -> Iterator[None]:
    """Hold a named lock of this `GALEN_HOME`; the kernel frees it when the process dies, however it dies.

    Raises:
        Interrupted: another process holds it and `wait` is false.
        InputError: `GALEN_HOME` cannot be written.
    """
    path = home() / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in (28, 122):  # no space, over quota: the top of the command says so
            raise
        raise InputError(
            "GALEN_HOME cannot be written", value=home(), hint="set GALEN_HOME to a folder of yours"
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise Interrupted(f"another run holds {name}", hint="wait for it to end, then run again") from error
        yield
    finally:
        os.close(handle)

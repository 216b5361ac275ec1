"""Where sealed artifacts lie: under one root, found again by digest, or by the step that made them.

Whoever reads or makes artifacts is handed a `Store`; a command line makes the one of `GALEN_HOME`. Two stores in one
process know nothing of each other. Everything else that is made at run time lies under the same root.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks import signatures
from tasks.artifact import MANIFEST, REMEDY, Artifact, key_of, read, seal, sync, verify, write_atomically
from tasks.digest import canonical_json, files_of
from tasks.errors import NO_SPACE, InputError, IntegrityError
from tasks.home import home
from tasks.locks import take
from tasks.progress import notice

MADE = "application/vnd.galen.made+json"
"""Type of the signed statement which artifact a step made of which inputs."""


@dataclass(frozen=True)
class Store:
    """Everything made at run time below one folder; making a `Store` creates nothing."""

    root: Path
    """Absolute; need not exist."""

    @classmethod
    def of_environment(cls) -> Store:
        """The store of `GALEN_HOME`. For command lines: whatever they call is handed a store."""
        return cls(home())

    def folder(self, digest: str) -> Path:
        """Where the artifact of a digest lies, if it is here."""
        return self.root / "artifacts" / digest

    def has(self, digest: str) -> bool:
        """Whether an artifact is here; its bytes are not looked at."""
        return self.folder(digest).is_dir()

    def load(self, digest: str) -> Artifact:
        """A sealed artifact by digest, every file hashed.

        Raises:
            IntegrityError: it is not there, or does not match its digest.
        """
        if not self.has(digest):
            hint = "restore GALEN_HOME/artifacts"
            raise IntegrityError("this artifact is not on this machine", value=digest, hint=hint)
        folder = self.folder(digest)
        artifact = read(folder)
        if artifact.digest != digest:
            raise IntegrityError(f"{MANIFEST} was changed", value=folder, hint=REMEDY)
        verify(artifact)
        return artifact

    def all(self, kind: str) -> list[Artifact]:
        """Every artifact of a kind, in the order of their digests; what they declare is read, nothing is hashed.

        Raises:
            IntegrityError: one of the store's artifacts has no readable `artifact.json`.
        """
        folders = sorted(path.parent for path in (self.root / "artifacts").glob(f"*/{MANIFEST}"))
        return [artifact for artifact in map(read, folders) if artifact.kind == kind]

    def find(self, kind: str, inputs: Mapping[str, Any], code: str) -> Artifact | None:
        """What the same step made before from the same inputs by the same code, verified; None where there is nothing.

        It counts only with this machine's signature under the statement that it was made of these inputs: whoever can
        write into the root, without its key, can offer nothing. What is damaged is nothing, too: `make` makes it again.
        """
        digest = self._stated(kind, key_of(kind, inputs, code))
        if digest is None or not self.has(digest):
            return None
        try:
            return replace(self.load(digest), reused=True)
        except IntegrityError:
            return None

    def made(self, kind: str) -> Iterator[tuple[str, Artifact]]:
        """What this machine's key says steps made of a kind, each with the key of its step, in the order of the keys.

        Only what is here, as it declares itself; its other files are not hashed (`load` does that).
        """
        for path in sorted((self.root / "index" / kind).glob("*")):
            digest = self._stated(kind, path.name)
            if digest is None or not self.has(digest):
                continue
            with suppress(IntegrityError):
                artifact = read(self.folder(digest))
                if artifact.digest == digest:
                    yield path.name, artifact

    def make(
        self,
        kind: str,
        inputs: Mapping[str, Any],
        build: Callable[[Path], Mapping[str, Any]],
        code: str,
    ) -> Artifact:
        """The artifact of a step: found, or built once.

        Args:
            kind: what it is: "adapter", "merged", "evaluation"...
            inputs: plain data, everything that the content depends on: config and digests, never paths.
            build: fills an empty folder and returns the metadata to seal with it.
            code: digest of the code that decides the content (`tasks.code.code_of`).
        """
        key = key_of(kind, inputs, code)
        name = f"{kind}-{key[:16]}"
        with self.locked(name):
            if found := self.find(kind, inputs, code):
                return found
            if self._index(kind, key).exists():
                notice(self._why_again(kind, key))
            with self.staging(name) as folder:
                artifact = self.adopt(folder, kind, build(folder))
            self._state(kind, key, artifact.digest)
            return artifact

    def adopt(self, staging: Path, kind: str, meta: Mapping[str, Any]) -> Artifact:
        """Seal a folder on the same disk and move it in with one rename; content already stored is kept.

        A damaged copy that lies in its place is set aside, now that there is a whole one.
        """
        digest = seal(staging, kind, meta)
        final = self.folder(digest)
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.is_dir():
            try:
                return self.load(digest)
            except IntegrityError:
                self.set_aside(final)
        if not final.is_dir():
            for file in files_of(staging):
                sync(file)
            staging.rename(final)
            sync(final.parent)
        return self.load(digest)

    def set_aside(self, path: Path) -> Path:
        """Move a damaged file or folder to `damaged/`, under its own name and a number; says so aloud."""
        place = self.root / "damaged"
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1
        while (kept := place / f"{path.name}.{number}").exists():
            number += 1
        path.rename(kept)
        notice(f"a damaged {path.parent.name} entry was set aside: {kept}")
        return kept

    def check(self, digest: str) -> None:
        """See that an artifact is here and was not touched since it was last hashed; then it costs no hashing.

        Touched: a file's size, inode, or time of change differs from the note that the last hashing left. Bits that rot
        below the file system leave no such trace: `galen audit` hashes always.

        Raises:
            IntegrityError: it is not here, or was touched and does not match its digest.
        """
        if self.touched(digest, self.folder(digest)):
            self.load(digest)
            self.seen(digest, self.folder(digest))

    def touched(self, name: str, folder: Path) -> bool:
        """Whether a folder below the root is not as it was when `seen` noted it under a name; True where nothing is."""
        now = self._marks(folder)
        try:
            return not now or json.loads((self.root / "checked" / name).read_bytes()) != now
        except (OSError, ValueError):
            return True

    def seen(self, name: str, folder: Path) -> None:
        """Note under a name how a folder is that was hashed just now."""
        write_atomically(self.root / "checked" / name, json.dumps(self._marks(folder)).encode())

    def _marks(self, folder: Path) -> dict[str, list[int]]:
        found = {}
        for top, inner, names in os.walk(folder):
            for path in (Path(top), *(Path(top) / name for name in (*inner, *names))):
                found[path.relative_to(self.root).as_posix()] = mark(path)
        return found

    def remove(self, digest: str) -> bool:
        """Take an artifact out with one rename, so that nobody finds half of it; whether it was there."""
        with self.staging(f"removed-{digest}") as away:
            try:
                self.folder(digest).rename(away)
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def staging(self, name: str) -> Iterator[Path]:
        """An empty folder on the same disk, for `adopt` to take; what is left of it goes, also after a failure."""
        folder = self.root / "staging" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[None]:
        """Hold a named lock of this store; the kernel frees it when the process dies. A long wait is said aloud.

        Raises:
            Interrupted: another process holds it and `wait` is false.
            InputError: the root cannot be written.
        """
        path = self.root / "locks" / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno in NO_SPACE:  # the top of the command says so
                raise
            hint = "set GALEN_HOME to a folder of yours"
            raise InputError("GALEN_HOME cannot be written", value=self.root, hint=hint) from error
        try:
            take(handle, name, wait=wait)
            yield
        finally:
            os.close(handle)

    def _index(self, kind: str, key: str) -> Path:
        return self.root / "index" / kind / key

    def _state(self, kind: str, key: str, digest: str) -> None:
        """State, signed, that an artifact was made here of the inputs that a key names."""
        said = canonical_json({"kind": kind, "key": key, "artifact": digest})
        write_atomically(self._index(kind, key), signatures.sign(MADE, said, signatures.signer(self)))

    def _stated(self, kind: str, key: str) -> str | None:
        """The artifact that this machine's key says was made of these inputs; None where it says nothing."""
        try:
            data = self._index(kind, key).read_bytes()
        except OSError:
            return None
        by = signatures.signer(self)
        try:
            envelope = signatures.check(data, {by.id: by.private.public_key()})
            said = json.loads(envelope.payload)
        except ValueError:
            return None
        if envelope.payload_type != MADE or (said.get("kind"), said.get("key")) != (kind, key):
            return None
        return str(said["artifact"])

    def _why_again(self, kind: str, key: str) -> str:
        digest = self._stated(kind, key)
        if digest is None:
            return f"what the index names as this {kind} bears no signature of this machine's key: it is made again"
        state = "is damaged" if self.has(digest) else "is not here any more"
        return f"{kind} {digest[:12]} {state}: it is made again"


def mark(path: Path) -> list[int]:
    """What changes when a file is touched: its size, inode and times. The time of change can be set by nobody."""
    status = path.lstat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]

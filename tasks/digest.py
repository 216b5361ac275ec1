"""SHA-256 over bytes, files, plain data (canonical JSON, RFC 8785) and all that a run is declared by."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from tasks.errors import InputError
from tasks.home import CHECKOUT

CHUNK = 1 << 20  # bytes
DECLARED = ("flows", "tasks", "recipes", "policies", "requirements.lock")


def canonical_json(data: Any) -> bytes:
    """Plain data (dict, list, str, int, float, bool, None) as RFC 8785 bytes: one form for one meaning."""
    import rfc8785

    return rfc8785.dumps(data)


def digest_bytes(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest_data(data: Any) -> str:
    """SHA-256 of the canonical JSON of plain data."""
    return digest_bytes(canonical_json(data))


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            sha.update(piece)
    return sha.hexdigest()


def files_of(folder: Path) -> list[Path]:
    """Every file below a folder, sorted by its POSIX path.

    Raises:
        InputError: the folder holds a symbolic link: what it points to could change without a trace.
    """
    found = []
    for path in folder.rglob("*"):
        if path.is_symlink() and path.is_dir():
            raise InputError("a symbolic link to a folder cannot be sealed", value=path, hint="copy what it points to")
        if path.is_file():
            found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def digest_tree(path: Path) -> str:
    """One digest for a file, or for a folder's POSIX paths and bytes; times, owners and location do not count."""
    if path.is_file():
        return digest_file(path)
    return digest_data({file.relative_to(path).as_posix(): digest_file(file) for file in files_of(path)})


def declared_digest() -> str:
    """Digest of everything a run is declared by: code, lock, recipes and policies. Recorded with each training."""
    found: dict[str, str] = {}
    for root in DECLARED:
        top = CHECKOUT / root
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                found[file.relative_to(CHECKOUT).as_posix()] = digest_file(file)
    return digest_data(found)


def code_version() -> dict[str, str | bool | None]:
    """The git commit, whether what is declared differs from it, and the declared digest.

    Without git, `commit` is None and `dirty` is True: nothing vouches for the files but their digest.
    """
    commit = _git("rev-parse", "HEAD")
    dirty = _git("status", "--porcelain", "--", *DECLARED)
    return {"commit": commit, "dirty": commit is None or dirty != "", "declared_digest": declared_digest()}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

"""Who a record is: ids that name nobody, and digests of content."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from tasks.artifact import write_atomically
from tasks.config.words import DatasetTask
from tasks.data.records import CONTENT
from tasks.errors import IntegrityError
from tasks.store import Store

KEY_BYTES = 32
_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
Kind = Literal["record", "group"]


class Identity:
    """Turns the source's ids into a record's.

    Of an identified source they become HMAC-SHA256 under a key that never leaves this machine: whoever holds only a
    dataset can neither read an id nor try out candidates. Of an unidentified source they stay as they are.
    """

    def __init__(self, store: Store, identified: bool) -> None:
        self._key = identity_key(store) if identified else None

    def of(self, kind: Kind, own: str) -> str:
        """The id (64 hexadecimal digits where identified) for one of the source's own."""
        return own if self._key is None else pseudonym(self._key, kind, own)


def pseudonym(key: bytes, kind: Kind, own: str) -> str:
    """HMAC-SHA256 in hexadecimal. Records and groups are told apart, so that equal numbers of both stay unlinked."""
    return hmac.digest(key, f"{kind}\0{own}".encode("utf-8", "surrogatepass"), "sha256").hex()


def aliases(store: Store, own: str) -> list[str]:
    """Every form under which a dataset of this machine may hold an id, or the id that it already is."""
    if not key_file(store).exists():
        return [own]
    key = identity_key(store)
    return [own, pseudonym(key, "record", own), pseudonym(key, "group", own)]


def key_file(store: Store) -> Path:
    """Where the key lies; back it up with GALEN_HOME: without it nobody can be found again."""
    return store.root / "keys" / "identity.key"


def identity_key(store: Store) -> bytes:
    """The key of this GALEN_HOME, made at first use; only its owner may read it.

    Raises:
        IntegrityError: the file does not hold a key.
    """
    path = key_file(store)
    with store.locked("identity-key"):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            before = os.umask(0o077)
            try:
                write_atomically(path, secrets.token_bytes(KEY_BYTES))
            finally:
                os.umask(before)
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise IntegrityError("this is no identity key", value=path, hint="restore it from a backup of GALEN_HOME")
    return key


def content_digest(task: DatasetTask, record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's content columns, as RFC 8785 JSON (what `json` writes for text and lists of text)."""
    return hashlib.sha256(_CANONICAL([record[name] for name in CONTENT[task]]).encode()).hexdigest()

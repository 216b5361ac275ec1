"""Who a record is: ids that name nobody, and digests of content."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Literal

from tasks.config.words import DatasetTask
from tasks.data.identity_key import fingerprint, held_keys, identity_key
from tasks.data.normal import forms_of_id
from tasks.data.records import CONTENT
from tasks.store import Store

_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
Kind = Literal["record", "group"]


class Identity:
    """Turns the source's ids into a record's.

    Of an identified source they become HMAC-SHA256 under a key that never leaves this machine: whoever holds only a
    dataset can neither read an id nor try out candidates. Of an unidentified source they stay as they are.
    """

    def __init__(self, store: Store, identified: bool) -> None:
        self._key = identity_key(store) if identified else None
        self.fingerprint = None if self._key is None else fingerprint(self._key)
        """Names the key; None where there is none."""

    def of(self, kind: Kind, own: str) -> str:
        """The id (64 hexadecimal digits where identified) for one of the source's own."""
        return own if self._key is None else pseudonym(self._key, kind, own)


def pseudonym(key: bytes, kind: Kind, own: str) -> str:
    """HMAC-SHA256 in hexadecimal. Records and groups are told apart, so that equal numbers of both stay unlinked."""
    return hmac.digest(key, f"{kind}\0{own}".encode("utf-8", "surrogatepass"), "sha256").hex()


def aliases(store: Store, own: str) -> list[str]:
    """Every form under which a dataset of this machine may hold an id, or the id that it already is.

    Raises:
        IntegrityError: a key that data here was built with is missing (`tasks.data.identity_key`).
    """
    kinds: tuple[Kind, ...] = ("record", "group")
    forms = forms_of_id(own)
    return [*forms, *(pseudonym(key, kind, form) for key in held_keys(store) for kind in kinds for form in forms)]


def content_digest(task: DatasetTask, record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's content columns, as RFC 8785 JSON (what `json` writes for text and lists of text)."""
    return hashlib.sha256(_CANONICAL([record[name] for name in CONTENT[task]]).encode()).hexdigest()

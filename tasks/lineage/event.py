"""One event of the ledger: an in-toto Statement v1 in a DSSE envelope that names the envelope before it.

The bytes of the envelope (canonical JSON, RFC 8785) are the event; their SHA-256 is its digest.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tasks.digest import canonical_json, code_version, digest_bytes
from tasks.signatures import Keys, Signer, check, sign, unwrap

STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
GENESIS = "0" * 64  # the digest that the first event names as its predecessor's
_PREDICATE = re.compile(r"urn:galen:([a-z]+(?:-[a-z]+)*):v(\d+)")
_DIGEST = re.compile(r"[0-9a-f]{64}")

Code = Mapping[str, str | bool | None]


def user() -> str:
    """The person at the keyboard, as the system knows them: `user:NAME`, or `user:uid-N` where the uid has no name."""
    try:
        return f"user:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"user:uid-{os.getuid()}"


@dataclass(frozen=True)
class Origin:
    """Who or what caused an event, in which run, with which code. Made once per run, so that its events agree.

    `actor` is `user:NAME` or `schedule:NAME`; `code` is what `tasks.digest.code_version` returns.
    """

    actor: str = field(default_factory=user)
    run: str | None = None
    code: Code = field(default_factory=code_version)


@dataclass(frozen=True)
class Event:
    """One event. `subjects` maps a name to a SHA-256; `facts` is what the event states (`statements/`)."""

    sequence: int
    digest: str
    kind: str
    version: int
    """Of the shape of `facts`."""
    subjects: dict[str, str]
    facts: dict[str, Any] = field(repr=False)
    time: datetime
    actor: str
    run: str | None
    code: dict[str, Any] = field(repr=False)
    previous: str
    """Digest of the event before it."""
    key: str
    """Id of the key that signed it."""
    envelope: bytes = field(repr=False)


def seal_event(
    kind: str,
    subjects: Mapping[str, str],
    facts: Mapping[str, Any],
    *,
    version: int = 1,
    sequence: int,
    previous: str,
    time: datetime,
    origin: Origin,
    by: Signer,
) -> bytes:
    """The envelope of a new event; the same arguments always give the same bytes. `version` is of the facts' shape.

    Raises:
        ValueError: an argument cannot be recorded: no subject, a digest that is none, a number that is not finite.
    """
    if not subjects:
        raise ValueError("an event needs a subject")
    if wrong := [name for name, digest in subjects.items() if not _DIGEST.fullmatch(digest)]:
        raise ValueError(f"not a SHA-256 in hexadecimal: {', '.join(wrong)}")
    kind_uri = f"urn:galen:{kind}:v{version}"
    if not _PREDICATE.fullmatch(kind_uri):
        raise ValueError(f"not a kind of event: {kind}")
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": subjects[name]}} for name in sorted(subjects)],
        "predicateType": kind_uri,
        "predicate": {
            "sequence": sequence,
            "previous": previous,
            "time": time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "actor": origin.actor,
            "run": origin.run,
            "code": dict(origin.code),
            "facts": dict(facts),
        },
    }
    return sign(PAYLOAD_TYPE, canonical_json(statement), by)


def open_event(data: bytes, trusted: Keys | None) -> Event:
    """The event that an envelope holds.

    Args:
        data: the envelope.
        trusted: keys to verify its signature with; None where a signature over a later event vouches for it already.

    Raises:
        ValueError: it is no event, or does not verify; the message says why, in words that follow the name of a thing.
    """
    envelope = unwrap(data) if trusted is None else check(data, trusted)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ValueError(f"is of type {envelope.payload_type}, not {PAYLOAD_TYPE}")
    try:
        statement = json.loads(envelope.payload)
        predicate = statement["predicate"]
        named = _PREDICATE.fullmatch(statement["predicateType"])
        if statement["_type"] != STATEMENT or named is None:
            raise ValueError("is not an in-toto statement of Galen's")
        return Event(
            sequence=int(predicate["sequence"]),
            digest=digest_bytes(data),
            kind=named[1],
            version=int(named[2]),
            subjects={one["name"]: one["digest"]["sha256"] for one in statement["subject"]},
            facts=predicate["facts"],
            time=datetime.fromisoformat(predicate["time"]),
            actor=predicate["actor"],
            run=predicate["run"],
            code=predicate["code"],
            previous=predicate["previous"],
            key=envelope.signatures[0][0],
            envelope=data,
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("is not an event of Galen's") from error

"""The ledger: every decision and its evidence, in order, signed, each event naming the digest of the one before it.

`GALEN_HOME/ledger.sqlite` holds the envelopes, `ledger.head` a signed note of how many there are and of the last
one's digest: a tail that was cut off is missed. The triggers only keep honest hands from slipping; the proof is the
chain and its signatures. What a signature of the head vouches for reaches back over every digest in the chain, so
`events` reads fast; `verify_chain` checks each signature too.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from tasks.artifact import sync, write_atomically
from tasks.digest import canonical_json, digest_bytes
from tasks.errors import IntegrityError, Interrupted
from tasks.lineage.event import GENESIS, Event, Origin, open_event, seal_event
from tasks.locks import patiently
from tasks.signatures import Keys, Signer, check, sign, signer, trusted_keys
from tasks.store import Store

HEAD_TYPE = "application/vnd.galen.ledger-head+json"
PATIENCE = 60.0  # seconds to wait for another process that writes
RESTORE = "restore GALEN_HOME/ledger.sqlite, ledger.head and keys/ together, from a backup that you trust"

_ALL = "SELECT sequence, digest, envelope FROM events ORDER BY sequence"
_TABLE = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    envelope BLOB NOT NULL
);
CREATE TRIGGER no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


@dataclass(frozen=True)
class Head:
    """How many events there are, and the digest of the last one."""

    sequence: int
    digest: str


@dataclass(frozen=True)
class Chain:
    """What a full verification found: how many events, the head, events per key id, first and last time."""

    head: Head
    keys: dict[str, int]
    first: datetime | None
    last: datetime | None
    backwards: tuple[int, ...] = ()
    """Numbers of the events that are dated before the one that they follow."""


def database(store: Store) -> Path:
    """Where the events are."""
    return store.root / "ledger.sqlite"


def head_file(store: Store) -> Path:
    """Where the signed note of the last event is."""
    return store.root / "ledger.head"


def append(
    store: Store,
    kind: str,
    subjects: Mapping[str, str],
    facts: Mapping[str, Any],
    origin: Origin | None = None,
    *,
    version: int = 1,
) -> Event:
    """Add an event, on disk when this returns; `version` is that of the shape of its facts.

    `statements/` has a class for each kind and version, `recording/` a function that fills it in and records it.

    Raises:
        IntegrityError: the end of the ledger does not verify: nothing is added to a broken chain.
        Interrupted: another process kept the ledger locked for a minute.
    """
    origin = origin or Origin()
    by = signer(store)
    with store.locked("ledger"):  # the head below is written after the commit, in the same order as the commits
        if not database(store).exists():
            _begin(store, by)
        with _connection(store) as connection:
            patiently(connection, "BEGIN IMMEDIATE", database(store), PATIENCE)
            last = _verified_end(store, connection)
            envelope = seal_event(
                kind,
                subjects,
                facts,
                version=version,
                sequence=last.sequence + 1,
                previous=last.digest,
                time=datetime.now(UTC),
                origin=origin,
                by=by,
            )
            event = open_event(envelope, None)
            connection.execute("INSERT INTO events VALUES (?, ?, ?)", (event.sequence, event.digest, envelope))
            connection.execute("COMMIT")
        # After the commit: a crash in between leaves a head that lags, which is harmless; one that leads is a loss.
        _write_head(store, Head(event.sequence, event.digest), by)
    return event


def events(store: Store, kind: str | None = None, *, model: str | None = None) -> list[Event]:
    """The events in order, of one kind or about one model, the whole chain checked up to its signed head.

    Raises:
        IntegrityError: an event was changed, removed or moved, or the tail was cut off; names the first such event.
    """
    return [
        event
        for event in _read(store, trusted_keys(store), every_signature=False)
        if kind in (None, event.kind) and (model is None or event.facts.get("model") == model)
    ]


def find(store: Store, digest: str) -> Event:
    """The event with a digest.

    Whatever keeps the digest of an event elsewhere (MLflow, an exported folder, a report) anchors it: a ledger that was
    rolled back to an older copy no longer holds that event.

    Raises:
        IntegrityError: the ledger does not hold it, or does not verify.
    """
    for event in events(store):
        if event.digest == digest:
            return event
    raise IntegrityError("the ledger holds no such event: it was cut off, or is another ledger", value=digest)


def head(store: Store) -> Head:
    """How many events there are and the digest of the last, the end of the chain verified.

    Raises:
        IntegrityError: the end of the ledger does not verify.
    """
    if not database(store).exists():
        _refuse_lost_database(store)
        return Head(0, GENESIS)
    with _connection(store) as connection:
        return _verified_end(store, connection)


def verify_chain(store: Store, trusted: Keys | None = None) -> Chain:
    """Verify every event: signature, canonical form, order, links, and the signed head.

    Args:
        trusted: keys that may have signed; default: every public key in the keys folder. Someone who holds the
            key's id from elsewhere passes just that one.

    Raises:
        IntegrityError: names the first event that was changed, is missing or was moved, and why.
    """
    found = list(_read(store, trusted_keys(store) if trusted is None else trusted, every_signature=True))
    last = found[-1] if found else None
    return Chain(
        Head(last.sequence, last.digest) if last else Head(0, GENESIS),
        dict(Counter(event.key for event in found)),
        found[0].time if found else None,
        last.time if last else None,
        tuple(two.sequence for one, two in pairwise(found) if two.time < one.time),
    )


def _read(store: Store, trusted: Keys, *, every_signature: bool) -> Iterator[Event]:
    if not database(store).exists():
        _refuse_lost_database(store)
        return
    signed = _read_head(store, trusted)  # before the events: others may append meanwhile, and a head must never lead
    with _connection(store) as connection:
        rows = patiently(connection, _ALL, database(store), PATIENCE).fetchall()
    last = Head(0, GENESIS)
    for sequence, digest, envelope in rows:
        beyond = sequence > signed.sequence  # not covered by the head: a crash came before it was written
        event = _linked(last, sequence, digest, envelope, trusted if every_signature or beyond else None)
        last = Head(event.sequence, event.digest)
        if last.sequence == signed.sequence and last.digest != signed.digest:
            raise IntegrityError(f"event {sequence} is not the one that ledger.head names", hint=RESTORE)
        yield event
    if last.sequence < signed.sequence:
        fault = f"event {last.sequence + 1} is missing: the ledger ends before event {signed.sequence}"
        raise IntegrityError(fault, hint=RESTORE)


@lru_cache(maxsize=1 << 14)
def _parsed(envelope: bytes) -> Event:
    """Once per process, as a run reads the ledger dozens of times; the bytes on disk are the key."""
    return open_event(envelope, None)


def _linked(last: Head, sequence: int, digest: str, envelope: bytes, trusted: Keys | None) -> Event:
    """The event of a row, checked against the event before it."""
    expected = last.sequence + 1
    if sequence != expected:
        raise IntegrityError(f"event {expected} is missing (the next one there is {sequence})", hint=RESTORE)
    try:
        event = _parsed(envelope) if trusted is None else open_event(envelope, trusted)
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"event {sequence} {error}", hint=RESTORE) from error
    if event.digest != digest:
        raise IntegrityError(f"event {sequence} was changed", hint=RESTORE)
    if event.sequence != sequence:
        raise IntegrityError(f"event {sequence} was moved: it is event {event.sequence}", hint=RESTORE)
    if event.previous != last.digest:
        raise IntegrityError(f"event {sequence} does not follow event {last.sequence}: one was replaced", hint=RESTORE)
    return event


def _verified_end(store: Store, connection: sqlite3.Connection) -> Head:
    """The last event, having checked that the signed head and what follows it belong together."""
    trusted = trusted_keys(store)
    signed = last = _read_head(store, trusted)
    if signed.sequence:
        row = connection.execute("SELECT envelope FROM events WHERE sequence = ?", (signed.sequence,)).fetchone()
        if row is None:
            raise IntegrityError(f"event {signed.sequence} is missing: the end of the ledger was cut off", hint=RESTORE)
        if digest_bytes(row[0]) != signed.digest:
            raise IntegrityError(f"event {signed.sequence} is not the one that ledger.head names", hint=RESTORE)
    query = "SELECT sequence, digest, envelope FROM events WHERE sequence > ? ORDER BY sequence"
    for sequence, digest, envelope in connection.execute(query, (signed.sequence,)).fetchall():
        event = _linked(last, sequence, digest, envelope, trusted)
        last = Head(event.sequence, event.digest)
    return last


def _begin(store: Store, by: Signer) -> None:
    """An empty ledger. Its head ("no events yet") comes first: a ledger with no head at all has lost it."""
    if head_file(store).exists():
        _refuse_lost_database(store)
    else:
        _write_head(store, Head(0, GENESIS), by)
    draft = database(store).with_suffix(".new")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft)) as connection:
        connection.executescript(_TABLE)
    draft.replace(database(store))
    sync(store.root)


def _refuse_lost_database(store: Store) -> None:
    """There is no database; that is fine only where no event was ever appended."""
    if head_file(store).exists() and (signed := _read_head(store, trusted_keys(store))).sequence:
        raise IntegrityError(f"event 1 is missing: the ledger is gone, it had {signed.sequence} events", hint=RESTORE)


def _write_head(store: Store, head: Head, by: Signer) -> None:
    data = canonical_json({"sequence": head.sequence, "digest": head.digest})
    write_atomically(head_file(store), sign(HEAD_TYPE, data, by))


def _read_head(store: Store, trusted: Keys) -> Head:
    try:
        envelope = check(head_file(store).read_bytes(), trusted)
        if envelope.payload_type != HEAD_TYPE:
            raise ValueError(f"is of type {envelope.payload_type}")
        said = json.loads(envelope.payload)
        return Head(int(said["sequence"]), str(said["digest"]))
    except FileNotFoundError as error:
        raise IntegrityError("ledger.head is missing: the end of the ledger may be too", hint=RESTORE) from error
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"ledger.head {error}", hint=RESTORE) from error


@contextmanager
def _connection(store: Store) -> Iterator[sqlite3.Connection]:
    """The database, which must exist. Opened for writing to read, too: a reader rolls back what a crash left."""
    try:
        with closing(sqlite3.connect(f"{database(store).as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
            connection.isolation_level = None  # transactions are written out
            # EXTRA also syncs the folder when the journal goes: a power cut must undo no commit that the head names.
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Interrupted("the ledger is locked by another process", hint="wait for it, then run again") from error
        raise IntegrityError(f"the ledger cannot be read ({error})", value=database(store), hint=RESTORE) from error
    except sqlite3.DatabaseError as error:
        raise IntegrityError(f"the ledger is damaged ({error})", value=database(store), hint=RESTORE) from error

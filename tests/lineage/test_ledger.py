from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tasks import signatures
from tasks.digest import canonical_json, digest_bytes
from tasks.errors import IntegrityError
from tasks.lineage import ledger
from tasks.lineage.event import Event, Origin
from tasks.store import Store

ORIGIN = Origin(actor="user:test", run="run-1", code={"commit": None, "dirty": True, "declared_digest": "c" * 64})


def add(store: Store, number: int) -> Event:
    return ledger.append(store, "judged", {"model/m": "a" * 64}, {"model": "m", "number": number}, ORIGIN)


@pytest.fixture
def five(store: Store) -> list[Event]:
    return [add(store, number) for number in range(5)]


def unguarded(store: Store, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Someone with access to the file, whom triggers do not stop."""
    with closing(sqlite3.connect(ledger.database(store))) as connection:
        for trigger in ("no_update", "no_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement, values in statements:
            connection.execute(statement, values)
        connection.commit()


def test_events_come_back_in_order_as_they_were_written(store: Store, five: list[Event]) -> None:
    found = ledger.events(store)
    assert found == five
    assert [event.facts["number"] for event in found] == [0, 1, 2, 3, 4]
    assert [event.previous for event in found] == ["0" * 64, *[event.digest for event in five[:4]]]
    assert (found[0].kind, found[0].actor, found[0].run, found[0].subjects) == (
        "judged",
        "user:test",
        "run-1",
        {"model/m": "a" * 64},
    )
    assert ledger.head(store) == ledger.Head(5, five[-1].digest)
    assert ledger.find(store, five[2].digest) == five[2]


def test_an_empty_ledger_is_no_fault(store: Store) -> None:
    assert ledger.events(store) == []
    assert ledger.verify_chain(store).head == ledger.head(store) == ledger.Head(0, "0" * 64)


def test_reading_creates_nothing(store: Store) -> None:
    ledger.events(store)
    ledger.verify_chain(store)
    assert not store.root.exists()


def test_events_of_one_kind_or_model(store: Store, five: list[Event]) -> None:
    other = ledger.append(store, "promoted", {"model/n": "b" * 64}, {"model": "n"}, ORIGIN)
    assert ledger.events(store, "promoted") == [other]
    assert ledger.events(store, model="m") == five
    assert ledger.events(store, "judged", model="n") == []


def test_full_verification_says_who_signed(store: Store, five: list[Event]) -> None:
    chain = ledger.verify_chain(store)
    assert chain.keys == {signatures.signer(store).id: 5}
    assert (chain.first, chain.last) == (five[0].time, five[-1].time)


def test_a_guard_stops_honest_hands(store: Store, five: list[Event]) -> None:
    with closing(sqlite3.connect(ledger.database(store))) as connection:
        for statement in ("UPDATE events SET digest = 'x'", "DELETE FROM events WHERE sequence = 5"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def leaves(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(data, dict | list):
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        return [leaf for key, value in pairs for leaf in leaves(value, (*path, key))]
    return [path]


def other(value: Any) -> Any:
    """Another value of the same type and shape, so that only the chain can tell."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "something"
    return value[:-1] + ("b" if value[-1] != "b" else "c")


def test_a_change_of_any_field_is_found(store: Store, five: list[Event]) -> None:
    """Whether or not the liar also fixes the digest in the row, reading finds it, and names event 3 or the next."""
    outer = json.loads(five[2].envelope)
    statement = json.loads(base64.b64decode(outer["payload"]))
    forged = []
    for path in leaves(statement):
        changed = json.loads(json.dumps(statement))
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = other(place[path[-1]])
        forged.append(outer | {"payload": base64.b64encode(canonical_json(changed)).decode()})
    signature = outer["signatures"][0]
    forged.append(outer | {"payloadType": "application/vnd.in-toto+jsom"})
    forged.append(outer | {"signatures": [signature | {"sig": base64.b64encode(b"\0" * 64).decode()}]})
    forged.append(outer | {"signatures": [signature | {"keyid": "0" * 64}]})
    forged.append(outer | {"note": "an extra field"})
    assert len(forged) > 15
    unguarded(store)
    for one in forged:
        envelope = canonical_json(one)
        for digest in (five[2].digest, digest_bytes(envelope)):
            with closing(sqlite3.connect(ledger.database(store))) as connection:
                values = (digest, envelope)
                connection.execute("UPDATE events SET digest = ?, envelope = ? WHERE sequence = 3", values)
                connection.commit()
            for read in (ledger.events, ledger.verify_chain):
                with pytest.raises(IntegrityError, match=r"event (3|4) ") as caught:
                    read(store)
                assert caught.value.exit_code == 6
    with closing(sqlite3.connect(ledger.database(store))) as connection:
        values = (five[2].digest, five[2].envelope)
        connection.execute("UPDATE events SET digest = ?, envelope = ? WHERE sequence = 3", values)
        connection.commit()
    assert ledger.events(store) == five


Read = Callable[[Store], object]
READERS: list[Read] = [ledger.events, ledger.verify_chain]


@pytest.mark.parametrize("read", READERS)
def test_a_removed_event_is_named(store: Store, five: list[Event], read: Read) -> None:
    unguarded(store, ("DELETE FROM events WHERE sequence = 2", ()))
    with pytest.raises(IntegrityError, match="event 2 is missing"):
        read(store)


@pytest.mark.parametrize("read", READERS)
def test_closing_the_gap_does_not_hide_a_removed_event(
    store: Store,
    five: list[Event],
    read: Read,
) -> None:
    unguarded(
        store,
        ("DELETE FROM events WHERE sequence = 2", ()),
        ("UPDATE events SET sequence = sequence - 1 WHERE sequence > 2", ()),
    )
    with pytest.raises(IntegrityError, match="event 2 was moved: it is event 3"):
        read(store)


@pytest.mark.parametrize("read", READERS)
def test_swapped_events_are_found(store: Store, five: list[Event], read: Read) -> None:
    swap = "UPDATE events SET sequence = ? WHERE sequence = ?"
    unguarded(store, (swap, (99, 2)), (swap, (2, 3)), (swap, (3, 99)))
    with pytest.raises(IntegrityError, match="event 2 was moved: it is event 3"):
        read(store)


@pytest.mark.parametrize("read", [*READERS, ledger.head, lambda store: add(store, 9)])
@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_tail_that_was_cut_off_is_missed(store: Store, five: list[Event], read: Read, kept: int) -> None:
    unguarded(store, ("DELETE FROM events WHERE sequence > ?", (kept,)))
    with pytest.raises(IntegrityError, match="is missing"):
        read(store)


@pytest.mark.parametrize("read", [*READERS, ledger.head, lambda store: add(store, 9)])
def test_a_ledger_without_its_database_is_not_empty(
    store: Store,
    five: list[Event],
    read: Read,
) -> None:
    ledger.database(store).unlink()
    with pytest.raises(IntegrityError, match="it had 5 events"):
        read(store)


@pytest.mark.parametrize("read", [*READERS, ledger.head, lambda store: add(store, 9)])
def test_a_lost_or_changed_head_is_an_error(store: Store, five: list[Event], read: Read) -> None:
    kept = ledger.head_file(store).read_bytes()
    ledger.head_file(store).write_bytes(kept.replace(b'"sig":"', b'"sig":"AAAA'))
    with pytest.raises(IntegrityError, match=r"ledger\.head"):
        read(store)
    ledger.head_file(store).unlink()
    with pytest.raises(IntegrityError, match=r"ledger\.head is missing"):
        read(store)


def test_an_older_head_hides_no_event_but_an_older_copy_of_everything_needs_an_anchor(store: Store) -> None:
    add(store, 0)
    old_head, old_ledger = ledger.head_file(store).read_bytes(), ledger.database(store).read_bytes()
    last = add(store, 1)
    ledger.head_file(store).write_bytes(old_head)
    assert ledger.events(store)[-1] == last
    ledger.database(store).write_bytes(old_ledger)
    assert len(ledger.events(store)) == 1  # nothing in this folder can tell
    with pytest.raises(IntegrityError, match="no such event"):
        ledger.find(store, last.digest)  # whoever kept the digest can


def test_a_foreign_key_is_refused(store: Store, five: list[Event], tmp_path: Path) -> None:
    """A whole ledger that verifies in itself, by someone else."""
    forger = Store(tmp_path / "forger")
    for number in range(5):
        add(forger, number)
    for path in (ledger.database(forger), ledger.head_file(forger)):
        (store.root / path.name).write_bytes(path.read_bytes())
    for read in READERS:
        with pytest.raises(IntegrityError, match="unknown key"):
            read(store)


def test_an_event_appended_behind_the_head_by_a_foreign_key_is_refused(
    store: Store, five: list[Event], tmp_path: Path
) -> None:
    from tasks.lineage.event import open_event, seal_event

    forger = signatures.signer(Store(tmp_path / "forger"))
    facts = {"model": "m"}
    link = {"sequence": 6, "previous": five[-1].digest, "time": five[-1].time}
    envelope = seal_event("promoted", {"x": "a" * 64}, facts, **link, origin=ORIGIN, by=forger)  # type: ignore[arg-type]
    digest = open_event(envelope, None).digest
    unguarded(store, ("INSERT INTO events VALUES (6, ?, ?)", (digest, envelope)))
    appending: Read = lambda store: add(store, 9)  # noqa: E731
    for read in [*READERS, ledger.head, appending]:
        with pytest.raises(IntegrityError, match="event 6 is signed by an unknown key"):
            read(store)


def test_an_auditor_may_trust_one_key_only(store: Store, five: list[Event]) -> None:
    old = signatures.signer(store).id
    (store.root / "keys" / "signing.key").unlink()
    add(store, 5)
    assert ledger.verify_chain(store).keys == {old: 5, signatures.signer(store).id: 1}
    with pytest.raises(IntegrityError, match="unknown key"):
        ledger.verify_chain(store, {old: signatures.trusted_keys(store)[old]})


def test_a_file_that_is_no_database_is_an_integrity_error(store: Store, five: list[Event]) -> None:
    ledger.database(store).write_bytes(b"not a database, " * 100)
    with pytest.raises(IntegrityError, match="damaged"):
        ledger.events(store)


@pytest.mark.parametrize(
    "facts", [{"loss": float("nan")}, {"loss": float("inf")}, {"tokens": 2**60}, {"what": object()}]
)
def test_what_cannot_be_written_the_same_way_forever_is_not_written(store: Store, facts: dict[str, Any]) -> None:
    with pytest.raises(Exception):  # noqa: B017 - rfc8785 has an error for each
        ledger.append(store, "judged", {"m": "a" * 64}, facts, ORIGIN)
    assert ledger.events(store) == []
    assert add(store, 0).sequence == 1


@pytest.mark.parametrize("subjects", [{}, {"m": "short"}, {"m": "A" * 64}])
def test_a_subject_is_a_digest(store: Store, subjects: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"subject|SHA-256"):
        ledger.append(store, "judged", subjects, {}, ORIGIN)

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tasks.digest import canonical_json, digest_bytes
from tasks.errors import IntegrityError
from tasks.lineage import ledger, signatures
from tasks.lineage.event import Event, Origin

ORIGIN = Origin(actor="user:test", run="run-1", code={"commit": None, "dirty": True, "declared_digest": "c" * 64})


def add(number: int) -> Event:
    return ledger.append("judged", {"model/m": "a" * 64}, {"model": "m", "number": number}, ORIGIN)


@pytest.fixture
def five() -> list[Event]:
    return [add(number) for number in range(5)]


def unguarded(*statements: tuple[str, tuple[Any, ...]]) -> None:
    """Someone with access to the file, whom triggers do not stop."""
    with closing(sqlite3.connect(ledger.database())) as connection:
        for trigger in ("no_update", "no_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement, values in statements:
            connection.execute(statement, values)
        connection.commit()


def test_events_come_back_in_order_as_they_were_written(five: list[Event]) -> None:
    found = ledger.events()
    assert found == five
    assert [event.facts["number"] for event in found] == [0, 1, 2, 3, 4]
    assert [event.previous for event in found] == ["0" * 64, *[event.digest for event in five[:4]]]
    assert (found[0].kind, found[0].actor, found[0].run, found[0].subjects) == (
        "judged",
        "user:test",
        "run-1",
        {"model/m": "a" * 64},
    )
    assert ledger.head() == ledger.Head(5, five[-1].digest)
    assert ledger.find(five[2].digest) == five[2]


def test_an_empty_ledger_is_no_fault() -> None:
    assert ledger.events() == []
    assert ledger.verify_chain().head == ledger.head() == ledger.Head(0, "0" * 64)


def test_reading_creates_nothing(galen_home: Path) -> None:
    ledger.events()
    ledger.verify_chain()
    assert not galen_home.exists()


def test_events_of_one_kind_or_model(five: list[Event]) -> None:
    other = ledger.append("promoted", {"model/n": "b" * 64}, {"model": "n"}, ORIGIN)
    assert ledger.events("promoted") == [other]
    assert ledger.events(model="m") == five
    assert ledger.events("judged", model="n") == []


def test_full_verification_says_who_signed(five: list[Event]) -> None:
    chain = ledger.verify_chain()
    assert chain.keys == {signatures.signer().id: 5}
    assert (chain.first, chain.last) == (five[0].time, five[-1].time)


def test_a_guard_stops_honest_hands(five: list[Event]) -> None:
    with closing(sqlite3.connect(ledger.database())) as connection:
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


def test_a_change_of_any_field_is_found(five: list[Event]) -> None:
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
    unguarded()
    for one in forged:
        envelope = canonical_json(one)
        for digest in (five[2].digest, digest_bytes(envelope)):
            with closing(sqlite3.connect(ledger.database())) as connection:
                values = (digest, envelope)
                connection.execute("UPDATE events SET digest = ?, envelope = ? WHERE sequence = 3", values)
                connection.commit()
            for read in (ledger.events, ledger.verify_chain):
                with pytest.raises(IntegrityError, match=r"event (3|4) ") as caught:
                    read()
                assert caught.value.exit_code == 6
    with closing(sqlite3.connect(ledger.database())) as connection:
        values = (five[2].digest, five[2].envelope)
        connection.execute("UPDATE events SET digest = ?, envelope = ? WHERE sequence = 3", values)
        connection.commit()
    assert ledger.events() == five


READERS: list[Callable[[], object]] = [ledger.events, ledger.verify_chain]


@pytest.mark.parametrize("read", READERS)
def test_a_removed_event_is_named(five: list[Event], read: Callable[[], object]) -> None:
    unguarded(("DELETE FROM events WHERE sequence = 2", ()))
    with pytest.raises(IntegrityError, match="event 2 is missing"):
        read()


@pytest.mark.parametrize("read", READERS)
def test_closing_the_gap_does_not_hide_a_removed_event(five: list[Event], read: Callable[[], object]) -> None:
    unguarded(
        ("DELETE FROM events WHERE sequence = 2", ()),
        ("UPDATE events SET sequence = sequence - 1 WHERE sequence > 2", ()),
    )
    with pytest.raises(IntegrityError, match="event 2 was moved: it says that it is event 3"):
        read()


@pytest.mark.parametrize("read", READERS)
def test_swapped_events_are_found(five: list[Event], read: Callable[[], object]) -> None:
    swap = "UPDATE events SET sequence = ? WHERE sequence = ?"
    unguarded((swap, (99, 2)), (swap, (2, 3)), (swap, (3, 99)))
    with pytest.raises(IntegrityError, match="event 2 was moved: it says that it is event 3"):
        read()


@pytest.mark.parametrize("read", [*READERS, ledger.head, lambda: add(9)])
@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_tail_that_was_cut_off_is_missed(five: list[Event], read: Callable[[], object], kept: int) -> None:
    unguarded(("DELETE FROM events WHERE sequence > ?", (kept,)))
    with pytest.raises(IntegrityError, match="is missing"):
        read()


@pytest.mark.parametrize("read", [*READERS, ledger.head, lambda: add(9)])
def test_a_ledger_without_its_database_is_not_empty(five: list[Event], read: Callable[[], object]) -> None:
    ledger.database().unlink()
    with pytest.raises(IntegrityError, match="it had 5 events"):
        read()


@pytest.mark.parametrize("read", [*READERS, ledger.head, lambda: add(9)])
def test_a_lost_or_changed_head_is_an_error(five: list[Event], read: Callable[[], object]) -> None:
    kept = ledger.head_file().read_bytes()
    ledger.head_file().write_bytes(kept.replace(b'"sig":"', b'"sig":"AAAA'))
    with pytest.raises(IntegrityError, match=r"ledger\.head"):
        read()
    ledger.head_file().unlink()
    with pytest.raises(IntegrityError, match=r"ledger\.head is missing"):
        read()


def test_an_older_head_hides_no_event_but_an_older_copy_of_everything_needs_an_anchor(galen_home: Path) -> None:
    add(0)
    old_head, old_ledger = ledger.head_file().read_bytes(), ledger.database().read_bytes()
    last = add(1)
    ledger.head_file().write_bytes(old_head)
    assert ledger.events()[-1] == last
    ledger.database().write_bytes(old_ledger)
    assert len(ledger.events()) == 1  # nothing in this folder can tell
    with pytest.raises(IntegrityError, match="no such event"):
        ledger.find(last.digest)  # whoever kept the digest can


def test_a_foreign_key_is_refused(five: list[Event], galen_home: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """A whole ledger that verifies in itself, by someone else."""
    monkeypatch.setenv("GALEN_HOME", str(tmp_path / "forger"))
    for number in range(5):
        add(number)
    forged = {path: path.read_bytes() for path in (ledger.database(), ledger.head_file())}
    monkeypatch.setenv("GALEN_HOME", str(galen_home))
    for path, data in forged.items():
        (galen_home / path.name).write_bytes(data)
    for read in READERS:
        with pytest.raises(IntegrityError, match="unknown key"):
            read()


def test_an_event_appended_behind_the_head_by_a_foreign_key_is_refused(
    five: list[Event], galen_home: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    from tasks.lineage.event import open_event, seal_event

    monkeypatch.setenv("GALEN_HOME", str(tmp_path / "forger"))
    forger = signatures.signer()
    monkeypatch.setenv("GALEN_HOME", str(galen_home))
    facts = {"model": "m"}
    link = {"sequence": 6, "previous": five[-1].digest, "time": five[-1].time}
    envelope = seal_event("promoted", {"x": "a" * 64}, facts, **link, origin=ORIGIN, by=forger)  # type: ignore[arg-type]
    digest = open_event(envelope, None).digest
    unguarded(("INSERT INTO events VALUES (6, ?, ?)", (digest, envelope)))
    for read in [*READERS, ledger.head, lambda: add(9)]:
        with pytest.raises(IntegrityError, match="event 6 is signed by an unknown key"):
            read()


def test_an_auditor_may_trust_one_key_only(five: list[Event], galen_home: Path) -> None:
    old = signatures.signer().id
    (galen_home / "keys" / "signing.key").unlink()
    add(5)
    assert ledger.verify_chain().keys == {old: 5, signatures.signer().id: 1}
    with pytest.raises(IntegrityError, match="unknown key"):
        ledger.verify_chain({old: signatures.trusted_keys()[old]})


def test_a_file_that_is_no_database_is_an_integrity_error(five: list[Event]) -> None:
    ledger.database().write_bytes(b"not a database, " * 100)
    with pytest.raises(IntegrityError, match="damaged"):
        ledger.events()


def _append_many(count: int) -> None:
    for number in range(count):
        add(number)
    os._exit(0)  # without the farewells that libraries of the forked parent (Prefect, where a flow ran) registered


def test_two_processes_append_without_losing_an_event() -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(100,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        ledger.events()  # a reader meanwhile never sees a fault
        time.sleep(0.05)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert ledger.verify_chain().head.sequence == 200


def test_writers_that_are_killed_leave_a_chain_that_goes_on() -> None:
    context = multiprocessing.get_context("fork")
    for delay in (0.15, 0.2, 0.25, 0.3):
        writer = context.Process(target=_append_many, args=(10_000,))
        writer.start()
        time.sleep(delay)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        before = ledger.head()
        assert ledger.verify_chain().head == before
        assert add(0).sequence == before.sequence + 1
    assert ledger.head().sequence > 4


def test_a_crash_between_the_event_and_the_head_loses_nothing(five: list[Event], monkeypatch: Any) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_write_head", crash)
        with pytest.raises(KeyboardInterrupt):
            add(5)
    assert [event.facts["number"] for event in ledger.events()] == [0, 1, 2, 3, 4, 5]
    assert add(6).sequence == 7
    assert ledger.verify_chain().head.sequence == 7


@pytest.mark.parametrize(
    "facts", [{"loss": float("nan")}, {"loss": float("inf")}, {"tokens": 2**60}, {"what": object()}]
)
def test_what_cannot_be_written_the_same_way_forever_is_not_written(facts: dict[str, Any]) -> None:
    with pytest.raises(Exception):  # noqa: B017 - rfc8785 has an error for each
        ledger.append("judged", {"m": "a" * 64}, facts, ORIGIN)
    assert ledger.events() == []
    assert add(0).sequence == 1


@pytest.mark.parametrize("subjects", [{}, {"m": "short"}, {"m": "A" * 64}])
def test_a_subject_is_a_digest(subjects: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"subject|SHA-256"):
        ledger.append("judged", subjects, {}, ORIGIN)

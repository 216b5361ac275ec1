"""Several processes write one ledger, and some are killed while they do."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from typing import Any

import pytest

from tasks.lineage import ledger
from tasks.store import Store
from tests.lineage.test_ledger import add


def _append_many(store: Store, count: int) -> None:
    for number in range(count):
        add(store, number)
    os._exit(0)  # without the farewells that libraries of the forked parent (Prefect, where a flow ran) registered


def test_two_processes_append_without_losing_an_event(store: Store) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(store, 100)) for _ in range(2)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        ledger.events(store)  # a reader meanwhile never sees a fault
        time.sleep(0.05)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert ledger.verify_chain(store).head.sequence == 200


def test_writers_that_are_killed_leave_a_chain_that_goes_on(store: Store) -> None:
    context = multiprocessing.get_context("fork")
    for delay in (0.15, 0.2, 0.25, 0.3):
        writer = context.Process(target=_append_many, args=(store, 10_000))
        writer.start()
        time.sleep(delay)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        before = ledger.head(store)
        assert ledger.verify_chain(store).head == before
        assert add(store, 0).sequence == before.sequence + 1
    assert ledger.head(store).sequence > 4


def test_a_crash_between_the_event_and_the_head_loses_nothing(store: Store, monkeypatch: Any) -> None:
    for number in range(5):
        add(store, number)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_write_head", crash)
        with pytest.raises(KeyboardInterrupt):
            add(store, 5)
    assert [event.facts["number"] for event in ledger.events(store)] == [0, 1, 2, 3, 4, 5]
    assert add(store, 6).sequence == 7
    assert ledger.verify_chain(store).head.sequence == 7

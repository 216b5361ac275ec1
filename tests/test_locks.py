"""Whoever waits for another process says so, and names it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from time import sleep

import pytest

from tasks import locks
from tasks.store import Store


def test_a_long_wait_for_a_lock_is_said_aloud(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "SILENT", 0.05)
    asked: list[float] = []
    pause = sleep

    def sleeps(seconds: float) -> None:
        asked.append(seconds)
        pause(0.01)
        if len(asked) > 12:
            held.close()

    with ExitStack() as held:
        held.enter_context(store.locked("ledger"))
        monkeypatch.setattr("tasks.locks.time.sleep", sleeps)
        with store.locked("ledger"):
            pass
    said = capsys.readouterr().err
    assert said.count("waiting for ledger") == 1 and f"process {os.getpid()} holds it since" in said


def test_a_database_that_another_program_holds_is_waited_for_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "SILENT", 0.05)
    file = tmp_path / "ledger.sqlite"
    held = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('BEGIN EXCLUSIVE'); "
    held += "print(1, flush=True); input()"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        other = subprocess.Popen(
            [sys.executable, "-c", held, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout and other.stdout.readline()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            locks.patiently(connection, "SELECT * FROM t", file, 0.1)
        other.communicate("\n")
        assert locks.patiently(connection, "BEGIN IMMEDIATE", file, 0.1)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            locks.patiently(connection, "SELECT * FROM absent", file, 0.1)
    said = capsys.readouterr().err
    assert said.count("waiting for ledger.sqlite") == 1 and f"process {other.pid} holds it" in said

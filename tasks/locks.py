"""Named locks between processes. The kernel frees one when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tasks.errors import Interrupted
from tasks.progress import notice

SILENT = 2.0
"""Seconds after which a wait is said aloud."""


def take(handle: int, name: str, *, wait: bool) -> None:
    """Take the lock of an open file, and note there who holds it, for those who wait.

    Args:
        handle: the file; the lock goes with it.
        name: of the lock, for people.
        wait: whether to wait for it.

    Raises:
        Interrupted: another process holds it and `wait` is false; says which, and since when.
    """
    started, told = time.monotonic(), False
    while not _taken(handle):
        if not wait:
            hint = "wait for it to end, then run again"
            raise Interrupted(f"another run holds {name}", value=_holder(handle), hint=hint)
        if not told and time.monotonic() - started >= SILENT:
            notice(f"waiting for {name}: {_holder(handle)}")
            told = True
        time.sleep(0.2 if told else 0.01)
    with suppress(OSError):  # the note is a courtesy: a full disk must not cost the lock
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} holds it since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC".encode(), 0)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def _holder(handle: int) -> str:
    return os.pread(handle, 200, 0).decode("utf-8", "replace") or "a process that left no note holds it"


def patiently(connection: sqlite3.Connection, statement: str, file: Path, patience: float) -> sqlite3.Cursor:
    """Execute a statement that needs a lock of SQLite's; a long wait for it is said aloud.

    Args:
        connection: in autocommit.
        file: its database.
        patience: seconds to wait in all, in rounds of `SILENT`.

    Raises:
        sqlite3.OperationalError: another process held it all the time; or anything else is wrong.
    """
    connection.execute(f"PRAGMA busy_timeout = {SILENT * 1000:.0f}")
    try:
        return connection.execute(statement)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise
    notice(f"waiting for {file.name}, for at most {patience:.0f} s: {_owner(file)} holds it")
    connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")
    return connection.execute(statement)


def _owner(file: Path) -> str:
    """The process that holds a lock of the system on a file, as far as the system says it."""
    with suppress(OSError):
        inode = f":{file.stat().st_ino}"
        lines = [line.split() for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines()]
        found = {parts[-4] for parts in lines if parts[-3].endswith(inode) and "->" not in parts}
        if found - {str(os.getpid())}:
            return f"process {', '.join(sorted(found - {str(os.getpid())}))}"
    return "another program"

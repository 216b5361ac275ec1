"""Ends a child that makes no progress: one that turns in a circle would otherwise be waited for, for ever.

Progress of a child and all that it started is any of: a byte written (a file, or a line of progress), `READ` bytes read
within `EVERY` seconds (hashing), or leaving the processor alone for most of that time (waiting for a disk, a lock, the
network). What makes none for its `patience` is ended; at once, nearly, where the disk has no more room, since that is
what SQLite's users repeat for ever.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.errors import GalenError, Stopped
from tasks.process import stop

EVERY = 10.0  # seconds between two looks
READ = 20_000_000  # bytes
BUSY = 0.2  # of one core
PATIENCE = 2 * 3600.0  # seconds of pure computing that a stage may need; DVC by itself needs none
FULL_PATIENCE = 20.0  # seconds, where nothing can be written any more
FEW = 8  # files that can still be made: as good as none
LITTLE = 1 << 20  # bytes


@dataclass(frozen=True)
class _Look:
    at: float
    written: int
    read: int
    cpu: float
    """Seconds."""


class Watch:
    """Looks at a child now and then, and ends it where it makes no progress."""

    def __init__(self, child: subprocess.Popen[bytes], what: str, places: Sequence[Path], patience: float) -> None:
        """`places`: where it writes; `patience`: seconds that it may compute without a sign."""
        self.child, self.what, self.places, self.patience = child, what, places, patience
        self.every, self.full_patience = EVERY, FULL_PATIENCE
        self.fault: GalenError | None = None
        """Why it was ended, if it was."""
        self._last: _Look | None = None
        self._progress = time.monotonic()

    def look(self) -> GalenError | None:
        """Whether it is stuck now, in words."""
        now = _look(self.child.pid)
        if now is None or self._last is None or _advanced(self._last, now):
            self._last, self._progress = now, time.monotonic()
            return None
        self._last = now
        silent = time.monotonic() - self._progress
        if silent >= self.full_patience and (full := next((one for one in self.places if no_room(one)), None)):
            hint = "free space or files there (df -i shows files) and run the same command again: it continues"
            return Stopped(f"the disk is full: {self.what} only turned in a circle", value=full, hint=hint)
        if silent >= self.patience:
            hint = "run the same command again; if that ends here too, report it with the size of the data"
            return Stopped(f"{self.what} computed for {silent:.0f} s without any progress, and was ended", hint=hint)
        return None

    def run(self, ended: threading.Event) -> None:
        """Look until it has ended."""
        while not ended.wait(self.every):
            self.fault = self.look()
            if self.fault:
                stop(self.child)
                return


@contextmanager
def watched(
    child: subprocess.Popen[bytes], what: str, places: Sequence[Path], patience: float = PATIENCE
) -> Iterator[None]:
    """While the block waits for a child, end it where it makes no progress.

    Args:
        child: in a process group of its own (`tasks.process.start`).
        what: its name, for people.
        places: folders that it writes to.
        patience: seconds that it may compute without a sign.

    Raises:
        Stopped: it was ended; the message says why.
    """
    ended, watch = threading.Event(), Watch(child, what, places, patience)
    thread = threading.Thread(target=watch.run, args=(ended,), name="stuck-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
    if watch.fault:
        raise watch.fault


def no_room(folder: Path) -> bool:
    """Whether nearly no file, or no byte, can be added where a folder lies (or will lie)."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return (found.f_files > 0 and found.f_favail < FEW) or found.f_bavail * found.f_frsize < LITTLE


def _advanced(before: _Look, now: _Look) -> bool:
    idle = now.cpu - before.cpu < BUSY * (now.at - before.at)  # also where a child that had used much has ended
    return idle or now.written != before.written or now.read - before.read >= READ


def _look(pid: int) -> _Look | None:
    """None where the system does not say, or the child is gone."""
    import psutil

    at, written, read, cpu = time.monotonic(), 0, 0, 0.0
    try:
        root = psutil.Process(pid)
        for one in (root, *root.children(recursive=True)):
            io, times = one.io_counters(), one.cpu_times()
            written, read, cpu = written + io.write_chars, read + io.read_chars, cpu + times.user + times.system
    except (psutil.Error, AttributeError, OSError):
        return None
    return _Look(at, written, read, cpu)

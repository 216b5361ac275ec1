"""A child that makes no progress is ended, with the reason; one that works, reads or waits is not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tasks import stuck
from tasks.errors import GalenError, Stopped
from tasks.process import start, stop
from tasks.stuck import Watch, no_room
from tests.stranger import as_root

SPINS = "while True: pass"
WRITES = "import os\nwhile True: os.write(1, b'.')"
READS = "while True: open('/dev/zero', 'rb').read(1 << 20)"
WAITS = "import time; time.sleep(60)"
GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"


def ended(code: str, places: list[Path], full: float = 60.0, limit: float = 2.5) -> GalenError | None:
    """Why a child that does this was ended within `limit` seconds; None where it was not."""
    child = start([sys.executable, "-c", code], cwd=Path("/"), stdout=subprocess.DEVNULL)
    watch = Watch(child, "stage x", places, 0.5)
    watch.every, watch.full_patience = 0.1, full
    over = threading.Event()
    thread = threading.Thread(target=watch.run, args=(over,))
    thread.start()
    deadline = time.monotonic() + limit
    while watch.fault is None and time.monotonic() < deadline:
        time.sleep(0.05)
    over.set()
    thread.join()
    if watch.fault:
        assert child.poll() is not None, "it was said and not done"
    stop(child)
    return watch.fault


@pytest.mark.parametrize("code", [SPINS, GRANDCHILD])
def test_what_turns_in_a_circle_is_ended(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "BUSY", 0.02)
    fault = ended(code, [tmp_path], limit=20)
    assert isinstance(fault, Stopped) and fault.exit_code == 5
    assert "stage x computed for" in str(fault) and "without any progress" in str(fault)


@pytest.mark.parametrize("code", [WRITES, READS, WAITS])
def test_what_writes_reads_or_waits_goes_on(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "READ", 1 << 20)
    assert ended(code, [tmp_path], limit=1.2) is None


@as_root
def test_without_room_for_files_it_is_ended_soon_and_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stuck, "BUSY", 0.02)
    small = tmp_path / "small"
    small.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", "size=2m,nr_inodes=12", "tmpfs", str(small)]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert not no_room(small / "not" / "there")
        for number in range(6):
            (small / f"{number}").touch()
        assert no_room(small) and no_room(small / "not" / "there")
        fault = ended(SPINS, [tmp_path, small], full=0.3, limit=20)
        assert "the disk is full" in str(fault) and str(small) in str(fault)
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert not no_room(Path(os.curdir))

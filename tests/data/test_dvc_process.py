"""DVC writes some of its files in place: what a kill leaves of them must not stop every later run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tasks.data.dvc_process import free_dead, set_aside

LOCK = {"schema": "2.0", "stages": {"ingest@x": {"cmd": "true", "outs": [{"path": "a", "md5": "0" * 32}]}}}


@pytest.mark.parametrize("left", ["", '{"write": {"/a', "[]", '{"write": {"/a": 3}}', "\0\0\0"])
def test_half_a_note_of_who_uses_what_goes(left: str, tmp_path: Path) -> None:
    note = tmp_path / "rwlock"
    note.write_text(left)
    free_dead(note)
    assert not note.exists()
    free_dead(note)


def test_processes_that_are_no_dvc_hold_nothing(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    sleeps = "import time; print(flush=True); time.sleep(30)"
    alive = subprocess.Popen([sys.executable, "-c", sleeps, "dvc"], stdout=subprocess.PIPE)
    try:
        assert alive.stdout and alive.stdout.readline()  # until it runs, the system does not tell what it is
        dvc, reused, gone = ({"pid": pid, "cmd": "x"} for pid in (alive.pid, 1, ended.pid))
        note = tmp_path / "rwlock"
        note.write_text(json.dumps({"write": {"/a": reused, "/b": dvc}, "read": {"/c": [gone, dvc], "/d": [gone]}}))
        free_dead(note)
        assert json.loads(note.read_text()) == {"write": {"/b": dvc}, "read": {"/c": [dvc]}}
        before = note.stat().st_ino
        free_dead(note)
        assert note.stat().st_ino == before, "nothing to change, nothing written"
    finally:
        alive.kill()
        alive.communicate()


def test_half_a_dvc_lock_is_set_aside_and_a_whole_one_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "dvc.lock"
    assert not set_aside(file)
    whole = yaml.safe_dump(LOCK)
    file.write_text(whole)
    assert not set_aside(file)
    for half in ("", whole[:60], whole[: whole.index("schema")], "<<<<<<< HEAD\n"):
        file.write_text(half)
        assert set_aside(file) and not file.exists()
        assert file.with_name("dvc.lock.broken").read_text() == half
    assert "made again" in capsys.readouterr().err

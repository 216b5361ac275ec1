"""What a child fails with reaches its parent through a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.errors import GateRejected, Interrupted, Unforeseen
from tasks.process import error_in, failing_into, raise_if_killed


def test_an_error_comes_back_as_it_was_and_ends_the_child_with_its_code(tmp_path: Path) -> None:
    file = tmp_path / "error.json"
    with failing_into(file):
        pass
    assert error_in(file) is None
    with pytest.raises(SystemExit) as ended, failing_into(file):
        raise GateRejected("no", value=3, hint="mend it")
    assert ended.value.code == 3
    found = error_in(file)
    assert isinstance(found, GateRejected)
    assert (found.what, found.value, found.hint) == ("no", "3", "mend it")


def test_a_foreign_exception_crosses_without_its_message(tmp_path: Path) -> None:
    file = tmp_path / "error.json"
    with pytest.raises(SystemExit) as ended, failing_into(file):
        raise ValueError("Jane Roe has a cough")
    assert ended.value.code == 1
    assert isinstance(error_in(file), Unforeseen)
    assert "Jane" not in file.read_text()


def test_what_another_process_has_said_already_is_not_said_again(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended, failing_into(tmp_path / "error.json", lambda _: None):
        raise ConnectionError("lost the others")
    assert ended.value.code == 1
    assert not list(tmp_path.iterdir())


def test_without_a_file_a_person_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), failing_into(None):
        raise GateRejected("no", hint="mend it")
    assert "no\n  -> mend it" in capsys.readouterr().err


@pytest.mark.parametrize(
    "said", ['{"error": "Stopped", "wh', "{}", '{"error": "Nonsense", "what": "", "value": null, "hint": null}']
)
def test_half_a_word_is_no_word(said: str, tmp_path: Path) -> None:
    file = tmp_path / "error.json"
    file.write_text(said)
    assert error_in(file) is None


@pytest.mark.parametrize(("how", "killed"), [("SIGTERM", True), ("SIGKILL", True), ("SIGSEGV", False), ("", False)])
def test_a_kill_is_told_from_a_fault_of_its_own(how: str, killed: bool) -> None:
    script = f"import os, signal; os.kill(os.getpid(), signal.{how})" if how else "raise SystemExit(3)"
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode != 0
    if not killed:
        raise_if_killed(done.returncode, "it")
        return
    with pytest.raises(Interrupted, match=f"it was killed: {how}"):
        raise_if_killed(done.returncode, "it")

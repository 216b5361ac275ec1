"""Mistakes at the command: a clear sentence, the right exit code, nothing written, no traceback."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows import cli
from tasks.errors import GalenError, GateRejected, InputError, Interrupted, Stopped, Unforeseen
from tasks.home import CHECKOUT
from tasks.store import Store


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(cli.galen, list(arguments))
    assert isinstance(result.exception, GalenError), result.output
    assert result.exception.exit_code == 2
    return str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retrain", "recipes/none.yaml"), "medqa-sample.yaml"),
        (("retrain", "recipes"), "a folder"),
        (("data", "build", "none"), "medqa-sample"),
        (("data", "build", "../etc"), "../etc"),
        (("data", "add", "../etc", "x.csv", "--format", "csv", "--licence", "MIT"), "../etc"),
        (
            ("data", "add", "fine", "no-such.csv", "--format", "csv", "--licence", "MIT", "--task", "causal-lm"),
            "no-such.csv",
        ),
        (("data", "add", "fine", "README.md", "--format", "csv", "--licence", "MIT", "--set", "columns"), "KEY=VALUE"),
        (("data", "add", "fine", "x", "--format", "csv", "--licence", "MIT", "--set", "columns.text={["), "not YAML"),
        (
            (
                *("data", "add", "fine", "x", "--format", "csv", "--licence", "MIT"),
                "--set",
                "columns=3",
                "--set",
                "columns.a=b",
            ),
            "contradict",
        ),
        (("ask", "none@champion", "x"), "none"),
        (("ask", "none", "x"), "MODEL@champion"),
        (("base", "train", "none"), "none.yaml"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(arguments: tuple[str, ...], said: str, galen_home: Path) -> None:
    assert said in refused(*arguments)


def test_an_unreachable_tracking_server_is_wrong_input(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    from tasks.tracking import address

    with pytest.raises(InputError, match=r"127\.0\.0\.1:9"):
        address.check_reachable(store)


def test_a_tracking_database_that_cannot_be_written_is_wrong_input(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from tasks.tracking import address

    (tmp_path / "file").write_text("not a database, long enough to look like one" * 10)
    for place in (tmp_path / "file" / "x.db", tmp_path / "file", tmp_path):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}")
        with pytest.raises(InputError, match="database cannot be written"):
            address.check_reachable(store)


def test_an_unreachable_prefect_server_is_wrong_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    from flows import server

    monkeypatch.setattr(server, "NAMED_LIMIT", 0.5)
    with server.prefect_server(Store(tmp_path)) as named, pytest.raises(InputError, match="PREFECT_API_URL"):
        named.ready()


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Interrupted("gone"), True),
        (Stopped("by a person"), False),
        (InputError("x"), False),
        (GateRejected("x"), False),
    ],
)
def test_only_a_service_that_was_gone_is_asked_again(error: GalenError, again: bool) -> None:
    from prefect.states import Failed

    from flows.subject import worth_retrying

    nobody: Any = None  # neither the task nor the run is looked at
    assert worth_retrying(nobody, nobody, Failed(data=error)) is again


def test_init_writes_nothing_when_an_answer_is_wrong(tmp_path: Path) -> None:
    before = (CHECKOUT / "params.yaml").read_bytes()
    said = refused(
        *("init", "--yes", "--name", "my-test-notes", "--source", str(tmp_path / "no.csv"), "--format", "csv"),
        *("--task", "text-classification", "--licence", "MIT"),
    )
    assert "no.csv" in said
    assert (CHECKOUT / "params.yaml").read_bytes() == before
    assert not (CHECKOUT / "recipes" / "my-test-notes.yaml").exists()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("InputError('x')", 2),
        ("PermissionError(13, 'no', 'here')", 2),
        ("OSError(28, 'full')", 5),
        ("RuntimeError('I/O error: No space left on device (os error 28)')", 5),
        ("KeyError('Jane')", 1),
    ],
)
def test_the_exit_code_tells_the_kind_of_fault(fault: str, code: int, tmp_path: Path) -> None:
    script = f"""
import flows.cli as cli
from tasks.errors import InputError
def broken(**_): raise {fault}
cli.galen.commands["models"].callback = broken
import sys; sys.argv = ["galen", "models"]
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Jane" not in done.stderr, "the message of a foreign exception may quote a record"
    if code == 5:
        assert "disk is full" in done.stderr


def test_what_prefect_keeps_of_a_fault_quotes_no_record(
    store: Store, server: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from prefect import flow

    from flows.console import Console, Row
    from flows.server import _send_what_is_queued
    from flows.subject import Subject, new_id, step
    from tasks.lineage.event import Origin

    @step("broken")
    def broken(subject: Subject, row: Row) -> None:
        raise ValueError("could not convert 'Jane Doe MRN 4711'")

    @flow(name="leak", validate_parameters=False)
    def leak() -> None:
        broken(Subject(store=store, id=new_id(), origin=Origin(), console=Console()))

    with pytest.raises(Unforeseen, match="an unforeseen ValueError at test_cli"):
        leak()
    _send_what_is_queued()
    kept = [file.read_bytes() for file in tmp_path_factory.getbasetemp().glob("prefect*/prefect/*.db*")]
    assert any(b"unforeseen ValueError" in one for one in kept), "else it was looked for in the wrong place"
    assert not any(b"Jane" in one for one in kept)


def test_galen_serve_says_its_new_name_and_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import schedule

    ran: list[list[Path]] = []
    monkeypatch.setattr(schedule, "run_schedules", lambda _store, recipes: ran.append(recipes))
    old = CliRunner().invoke(cli.galen, ["serve", "recipes/triage-sample.yaml"])
    new = CliRunner().invoke(cli.galen, ["schedule", "recipes/triage-sample.yaml"])
    assert (old.exit_code, old.stderr) == (0, "`galen serve` is now `galen schedule`\n")
    assert (new.exit_code, new.stderr) == (0, "")
    assert ran == [[Path("recipes/triage-sample.yaml")]] * 2
    assert "  schedule " in (said := CliRunner().invoke(cli.galen, ["--help"]).output) and "  serve " not in said


SIGNALLED = """
import os, signal, sys
import click
import flows.cli as cli
from tasks.errors import GateRejected, InputError
from flows.console import Console

def caught(then):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        then()

def refuse(): raise InputError("no such file")
def reject(): raise GateRejected("no")
def broken(): raise ValueError("a Token was created in a different Context")
def swallowed():
    with Console().stage("the next"):
        print("begun")
def abort(): raise click.Abort
def cancelled():
    import asyncio
    raise asyncio.CancelledError

ended = []
for then in (broken, swallowed, abort, cancelled, reject, refuse):
    cli.galen.commands["models"].callback = lambda then=then, **_: caught(then)
    cli.console.STOPPED.clear()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)
    sys.argv = ["galen", "models"]
    try:
        cli.main()
    except SystemExit as end:
        ended.append(end.code)
print(ended, flush=True)
os.kill(os.getpid(), signal.SIGTERM)  # when all is told
"""
HANGS = """
import atexit, sys, time
import flows.cli as cli
cli.LEAVE_WITHIN = 0.2
atexit.register(time.sleep, 60)
sys.argv = ["galen", "data", "show", "no-such"]
cli.main()
"""


def test_a_signal_ends_with_5_whatever_a_library_makes_of_it() -> None:
    done = subprocess.run([sys.executable, "-c", SIGNALLED], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.stdout == "[5, 5, 5, 5, 3, 2]\n", done.stderr
    assert done.returncode == 2, "the last outcome that was told"
    assert "Traceback" not in done.stderr and "different Context" not in done.stderr


def test_libraries_cannot_hold_a_command_at_its_exit() -> None:
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HANGS], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 2 and "no-such" in done.stderr
    assert time.monotonic() - started < 30

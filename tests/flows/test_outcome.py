"""How a run ends, for those who look at Prefect, MLflow or the report instead of the console."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType

from flows import outcome, scheduled
from flows import run as running
from tasks.errors import ApprovalNeeded, GalenError, GateRejected, InputError, Interrupted
from tasks.lineage.not_started import NotStarted, report_of
from tasks.lineage.waiting import Waiting, approve_command
from tasks.store import Store


@pytest.mark.parametrize(
    ("error", "kind", "name"),
    [
        (ApprovalNeeded("version 1 waits", hint="galen approve m@1"), StateType.COMPLETED, "Waiting for approval"),
        (GateRejected("no"), StateType.FAILED, "Rejected"),
        (None, StateType.COMPLETED, "Completed"),
    ],
)
def test_a_scheduled_run_that_waits_is_no_failure(
    error: GalenError | None, kind: StateType, name: str, monkeypatch: pytest.MonkeyPatch, galen_home: Path
) -> None:
    def ends(*_: Any, **__: Any) -> str:
        if error:
            raise error
        return "promoted"

    monkeypatch.setattr(running, "run_recipe", ends)
    monkeypatch.setattr(scheduled, "die_with_parent", lambda: None)
    monkeypatch.setattr(scheduled, "set_up_environment", lambda _: None)
    state = scheduled.scheduled_retrain.fn("medqa-sample")
    assert (state.type, state.name, state.message) == (kind, name, str(error) if error else "promoted")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("no recipe <b>here</b>", hint="name it"), "no recipe &lt;b&gt;here&lt;/b&gt;"),
        (Interrupted("another build is running"), "another build is running"),
        (ValueError("a record's words"), "an unforeseen ValueError"),
    ],
)
def test_an_error_before_the_chain_leaves_a_report(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, galen_home: Path
) -> None:
    def ends(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(running, "run_recipe", ends)
    monkeypatch.setattr(scheduled, "die_with_parent", lambda: None)
    monkeypatch.setattr(scheduled, "set_up_environment", lambda _: None)
    with pytest.raises(type(error)):
        scheduled.scheduled_retrain.fn("medqa-sample")
    (report,) = (galen_home / "reports").glob("*/report.html")
    page = report.read_text()
    assert words in page and "medqa-sample" in page and "schedule:medqa-sample" in page
    assert "a record's words" not in page


def test_the_report_of_a_chain_is_not_written_over(galen_home: Path) -> None:
    store = Store(galen_home)
    begun = NotStarted("20260101T000000Z-0000", "medqa-sample", datetime.now(UTC), "schedule:medqa-sample")
    report_of(store, begun.run).parent.mkdir(parents=True)
    report_of(store, begun.run).write_text("the chain's own")
    with pytest.raises(InputError), scheduled.left_behind(store, begun):
        raise InputError("later")
    assert report_of(store, begun.run).read_text() == "the chain's own"


@pytest.mark.parametrize(
    ("error", "verdict", "reason"),
    [
        (InputError("no column for text", hint="name it"), "error", "no column for text\n  -> name it"),
        (Interrupted("the server was lost", hint="run again"), "interrupted", "the server was lost\n  -> run again"),
        (ValueError("a record's words"), "error", "an unforeseen ValueError"),
        (GateRejected("no"), "rejected", None),
        (ApprovalNeeded("version 1 waits"), "waiting", None),
    ],
)
def test_the_words_of_an_error_are_kept_for_the_report(
    error: Exception, verdict: str, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[outcome.Outcome] = []
    monkeypatch.setattr(outcome, "_leave", lambda _run, ended, _seconds: left.append(ended))
    given: Any = None
    with pytest.raises(type(error)), outcome.conclude(given, 0.0):
        raise error
    (ended,) = left
    assert ended.verdict == verdict
    assert (ended.reason or "").startswith(reason) if reason else ended.reason is None
    assert "record's words" not in str(ended)


@pytest.mark.parametrize(("steps", "said"), [(12, True), (500, False)])
def test_a_rejected_run_says_what_to_try(steps: int, said: bool) -> None:
    recipe = SimpleNamespace(model="m", dataset="d", task="text-classification")
    found = SimpleNamespace(version=None, judged=[object()], training=SimpleNamespace(steps=steps))
    run: Any = SimpleNamespace(recipe=recipe, found=found, path=Path("recipes/m.yaml"))
    lines = outcome._next(run, outcome.Outcome(verdict="rejected"))
    assert any(line.startswith("galen tune recipes/m.yaml") for line in lines)
    assert any("only 12 steps were made: raise training.epochs" in line for line in lines) == said


def test_a_waiting_run_names_its_version_and_no_champion() -> None:
    recipe = SimpleNamespace(model="m", dataset="d", task="text-classification")
    waiting = Waiting("it needs a person", approve_command("m", 3))
    found = SimpleNamespace(version=SimpleNamespace(number=3), waiting=waiting, judged=[object()], training=None)
    run: Any = SimpleNamespace(recipe=recipe, found=found, path=Path("recipes/m.yaml"))
    lines = outcome._next(run, outcome.Outcome(verdict="waiting"))
    assert lines[0].startswith("galen approve m@3") and lines[1].startswith("galen reject m@3")
    assert not any("champion" in line for line in lines)

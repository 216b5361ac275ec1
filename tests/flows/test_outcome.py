"""How a run ends, for those who look at Prefect, MLflow or the report instead of the console."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType

from flows import outcome, scheduled
from flows import run as running
from tasks.errors import ApprovalNeeded, GalenError, GateRejected, InputError, Interrupted


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
    lines = outcome._next(run, outcome.Outcome(verdict="rejected"), Path("report.html"))
    assert any(line.startswith("galen tune recipes/m.yaml") for line in lines)
    assert any("only 12 steps were made: raise training.epochs" in line for line in lines) == said


def test_a_waiting_run_names_its_version_and_no_champion() -> None:
    recipe = SimpleNamespace(model="m", dataset="d", task="text-classification")
    found = SimpleNamespace(version=SimpleNamespace(number=3), judged=[object()], training=None)
    run: Any = SimpleNamespace(recipe=recipe, found=found, path=Path("recipes/m.yaml"))
    lines = outcome._next(run, outcome.Outcome(verdict="waiting"), Path("report.html"))
    assert lines[0].startswith("galen approve m@3") and lines[1] == "galen audit m@3"
    assert not any("champion" in line for line in lines)

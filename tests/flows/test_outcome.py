"""How a run ends, for those who look at Prefect, MLflow or the report instead of the console."""

from __future__ import annotations

from pathlib import Path
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
    state = scheduled.scheduled_retrain.fn("recipes/m.yaml")
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

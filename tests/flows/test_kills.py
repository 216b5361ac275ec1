"""Kills at random moments of real chains, as `python -m bench.kills` does them; a few, and with a fixed seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.aftermath import differences
from bench.kills import Ground, Trial, disturbed, summary

pytestmark = pytest.mark.slow
KILLS = 12
EACH = 4


def test_after_any_kill_the_chain_ends_as_if_nobody_had_disturbed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    ground, rng = Ground(tmp_path), random.Random(7)
    trials: list[Trial] = []
    while sum(len(trial.kills) for trial in trials) < KILLS:
        trials.append(disturbed(ground, len(trials) + 1, EACH, rng))
    faults = [fault for trial in trials for fault in trial.faults]
    faults += [fault for trial in trials for kill in trial.kills for fault in kill.faults]
    assert not faults, "\n".join([summary(trials), *faults])


def test_a_difference_would_be_found() -> None:
    expected = {"decisions": {"promoted": 1}, "artifacts": ["a"]}
    assert differences(expected, dict(expected)) == ""
    doubled = {**expected, "decisions": {"promoted": 2}}
    assert differences(expected, doubled) == "decisions: {'promoted': 2} instead of {'promoted': 1}"

"""What gates ask of a served form beside its answers to the test records: changed texts, memory, and its pace."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.config.words import Task
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate
from tasks.evaluation.gates.resources import MIB
from tasks.evaluation.judge import judge
from tasks.evaluation.pace import ALONE, ROUNDS, TOGETHER, Server, taking_turns, texts_of
from tasks.evaluation.perturb import PERTURBATIONS
from tasks.evaluation.replay import keep, replay
from tasks.evaluation.resources import resources
from tasks.evaluation.robustness import probed
from tasks.store import Store
from tests.evaluation.fakes import protocol
from tests.evaluation.test_gates import gate
from tests.release.conftest import ANSWERS, Candidates


def robust(task: Task, metric: str, **settings: object) -> Gate:
    fitting = [name for name, one in PERTURBATIONS.items() if task in one.tasks]
    given = {"metric": metric, "perturbations": fitting, "tolerance": 1.0, "records": 8, "min_groups": 1}
    return gate("robust", **(given | {"small": "report"} | settings))


@pytest.mark.parametrize(
    ("task", "metric"),
    [("text-classification", "accuracy"), ("token-classification", "entity_f1"), ("causal-lm", "token_f1")],
)
def test_a_served_form_answers_changed_texts_and_is_judged_by_that(
    store: Store, candidate: Candidates, task: Task, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = candidate(task)
    dataset = DatasetVersion(made.dataset)
    asked = [robust(task, metric), robust(task, metric, name="again", tolerance=0.0)]
    found = probed(store, made.quantized, dataset, ANSWERS, asked)
    names = {probe.name for probe in asked[0].probes}
    assert set(found.evaluations) | found.unaltered == names and "typing-noise:8" in found.evaluations
    sealed = {name: one.digest for name, one in found.evaluations.items()}
    monkeypatch.setattr("tasks.training.opening.open_model", None)
    again = probed(store, made.quantized, dataset, ANSWERS, asked)
    assert {name: one.digest for name, one in again.evaluations.items()} == sealed, "asked once"
    monkeypatch.undo()
    judged = evaluate(store, made.quantized, dataset, ANSWERS)
    evidence = Evidence(judged, altered=found.evaluations, unaltered=found.unaltered)
    results = judge(protocol(*asked, settings=ANSWERS), evidence).results
    assert len(results) == 2 * len(names)
    assert {one.outcome for one in results[: len(names)]} == {"passed", "reported"}
    assert probed(store, made.quantized, dataset, ANSWERS, [gate("train-gap", max=1)]).evaluations == {}


def test_memory_and_pace_are_measured_once_and_judged_from_files(
    store: Store, candidate: Candidates, tmp_path: Path
) -> None:
    made = candidate("text-classification")
    dataset = DatasetVersion(made.dataset)
    bounds = gate("resources", size_mib=64, peak_memory_mib=64_000, latency_ratio=100, tokens_per_second_ratio=0.01)
    judged = evaluate(store, made.quantized, dataset, ANSWERS)
    assert resources(store, made.quantized, judged, dataset, ANSWERS, [gate("train-gap", max=1)]) is None
    found = resources(store, made.quantized, judged, dataset, ANSWERS, [bounds])
    assert found and found.paces and found.memory and 50 < found.memory < 64_000
    assert found.size == sum(made.quantized.file(name).stat().st_size for name in made.quantized.files) < 64 * MIB
    assert [len(pace.latency) for pace in found.paces] == [len(pace.tokens) for pace in found.paces] == [ROUNDS] * 2
    assert resources(store, made.quantized, judged, dataset, ANSWERS, [bounds]) == found, "not measured again"
    alone = resources(store, made.quantized, None, dataset, ANSWERS, [gate("resources", size_mib=64, latency_ratio=2)])
    assert alone and (alone.size, alone.memory, alone.paces) == (found.size, None, None)
    by = protocol(bounds, settings=ANSWERS)
    evidence = Evidence(judged, champion=judged, resources=found)
    verdict = judge(by, evidence)
    assert [one.outcome for one in verdict.results] == ["passed"] * 4
    shutil.copytree(keep(store, by, evidence, verdict).path, tmp_path / "evidence")
    assert replay(tmp_path / "evidence").verdict == verdict


def test_models_take_turns(store: Store, candidate: Candidates) -> None:
    made = candidate("causal-lm")
    rows = texts_of(DatasetVersion(made.dataset).rows("test"), "prompt")
    assert 0 < len(rows) <= TOGETHER and rows == texts_of(rows[::-1], "prompt"), "always the same"
    server, turns = Server(store, made.quantized, 4), list[int]()

    class Noted:
        def __init__(self, number: int) -> None:
            self.number = number

        def answered(self, texts: object) -> int:
            turns.append(self.number)
            return 5

    paces = taking_turns([Noted(0), Noted(1)], rows)  # type: ignore[list-item]
    assert [len(one["latency"]) for one in paces] == [ROUNDS] * 2
    assert len(turns) == 2 * (ROUNDS + 1) * (ALONE + 1)
    assert turns[: 2 * ALONE] == [1, 0, 0, 1] * (ALONE // 2), "text by text, and who begins changes"
    assert len(rows) < server.answered(rows) <= 5 * len(rows), "tokens that were written, the end token included"

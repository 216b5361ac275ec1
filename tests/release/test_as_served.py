"""What is judged is what is served: by MLflow's own loading of the folder, and by the code that an export shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasks.config.words import Task
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evidence import AsServed, Evidence, Way
from tasks.evaluation.gates.served_as_judged import ServedAsJudged
from tasks.evaluation.judge import judge
from tasks.release import package, plain
from tasks.release.as_served import as_served
from tasks.store import Store
from tests.evaluation.fakes import answered, digest, protocol
from tests.factories import dataset_version
from tests.release.conftest import ANSWERS, Candidates


def tried(store: Store, candidate: Candidates, task: Task, method: str = "lora") -> AsServed:
    made = candidate(task, method)
    dataset = DatasetVersion(made.dataset)
    return as_served(store, made.quantized, evaluate(store, made.quantized, dataset, ANSWERS), dataset)


@pytest.mark.usefixtures("mlflow_store")
@pytest.mark.parametrize(
    ("task", "method", "ways"),
    [
        ("text-classification", "lora", 2),
        ("token-classification", "lora", 2),
        ("causal-lm", "lora", 2),
        ("causal-lm", "qlora", 2),
        ("seq2seq-lm", "lora", 2),
    ],
)
def test_what_is_served_is_what_was_judged(
    store: Store, candidate: Candidates, task: Task, method: str, ways: int
) -> None:
    found = tried(store, candidate, task, method)
    assert [(way.name, way.differing, way.error) for way in found.ways] == [
        ("MLflow's predict", (), None),
        ("the README's code", (), None),
    ][:ways]
    assert found.records == 8


@pytest.mark.usefixtures("mlflow_store")
def test_an_adapter_beside_its_base_is_served_as_judged(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float32: what a model of random weights says is all near ties, which 16 bits decide by the batch."""
    monkeypatch.setattr("tasks.training.opening.native_dtype", lambda: torch.float32)
    found = tried(store, candidate, "causal-lm", "prompt")
    assert [(way.name, way.differing, way.error) for way in found.ways] == [("MLflow's predict", (), None)]


@pytest.mark.usefixtures("mlflow_store")
def test_another_answer_or_none_is_told(
    store: Store, candidate: Candidates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = package.SERVED.read_text()
    assert text.count("self.said.max_length)") == 2
    monkeypatch.setattr(package, "SERVED", tmp_path / "served.py")
    package.SERVED.write_text(text.replace("self.said.max_length)", "2)"))  # reads nothing of the text
    monkeypatch.setattr(plain, "LABEL", "\n\ndef answer(text):\n    raise ValueError(text)\n")
    mlflow, readme = tried(store, candidate, "text-classification").ways
    assert len(mlflow.differing) >= 2 and mlflow.error is None, "one label for all"
    assert readme == Way("the README's code", tuple(range(8)), "ValueError"), "no text of a record"


def verdict(store: Store, *ways: Way, form: str = "quantized", of: str = "model", tolerance: float = 0.1) -> str:
    evaluation = answered(store, dataset_version(store, "causal-lm", 20), 1.0, form=form, parent="merged")
    served = AsServed(digest(of), 10, ways) if ways else None
    gate = ServedAsJudged(name="served", kind="served-as-judged", tolerance=tolerance)
    [result] = judge(protocol(gate), Evidence(evaluation, served=served)).results or [None]
    return f"{result.outcome}: {result.reason}" if result else "says nothing"


def test_the_gate_says_what_differs_and_where(store: Store) -> None:
    one, many = Way("MLflow's predict", (3,)), Way("the README's code", tuple(range(7)))
    said = "1 get another answer from MLflow's predict than was judged (rows 4 of predictions.parquet)"
    assert verdict(store, one) == f"passed: of 10 raw test texts, {said}; at most a share of 0.1 may differ"
    assert verdict(store, one, tolerance=0.0).startswith("failed")
    assert "failed" in verdict(store, one, many) and "(rows 1, 2, 3, 4, 5, ... of" in verdict(store, one, many)
    assert "answers none (ValueError)" in verdict(store, Way("the README's code", tuple(range(10)), "ValueError"))


def test_the_gate_judges_the_served_form_alone_and_not_by_what_another_one_said(store: Store) -> None:
    assert verdict(store, form="merged") == "says nothing"
    assert verdict(store).startswith("not-judged")
    assert verdict(store, Way("MLflow's predict", ()), of="another").startswith("not-judged")
    gates = [ServedAsJudged(name="served", kind="served-as-judged", tolerance=one) for one in (0.1, 0.2)]
    assert list(gates[1].weaker_than(gates[0])) == ["tolerance"] and not list(gates[0].weaker_than(gates[1]))

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import load, verify
from tasks.config import DATASET_TASKS, Task
from tasks.training.models import open_model
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.recipes import METHODS, base_of, recipe

pytestmark = pytest.mark.filterwarnings("ignore")


PAIRS = [
    (tiny_llama, "causal-lm"),
    *((make, task) for make in (tiny_llama, tiny_bert) for task in DATASET_TASKS if task != "causal-lm"),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("make", "task"), PAIRS)
def test_every_method_learns_every_task_and_opens_again(make: Any, task: Task, method: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "base")
    dataset = dataset_version(task, n=40)
    artifact = finetune(recipe(task, folder, method), dataset, base_of(folder))
    verify(artifact)
    curve = json.loads(artifact.file("history.json").read_text())["train"]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    assert artifact.kind == ("merged" if method == "full" else "adapter")
    assert finetune(recipe(task, folder, method), dataset, base_of(folder)).digest == artifact.digest
    model, tokenizer = open_model(load(artifact.digest), task, dataset.labels)
    assert not model.training
    assert tokenizer("asthma")["input_ids"]

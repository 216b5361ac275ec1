from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.artifact import load, verify
from tasks.config import TASKS, Task
from tasks.training.models import open_model
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.recipes import METHODS, base_of, recipe

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=["llama", "bert"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tiny_llama(tmp_path / "base") if request.param == "llama" else tiny_bert(tmp_path / "base")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_every_method_learns_every_task_and_opens_again(task: Task, method: str, folder: Path) -> None:
    if task == "causal-lm" and (folder / "vocab.txt").exists() | ("bert" in (folder / "config.json").read_text()):
        pytest.skip("an encoder does not generate")
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

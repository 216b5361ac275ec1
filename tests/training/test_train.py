from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import load, verify
from tasks.config import TASKS, BaseModelRef, Recipe, Task
from tasks.training.models import Base, open_model, resolve_base
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_bert, tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")
METHODS = {"full": 5e-3, "lora": 1e-2, "qlora": 1e-2}


def recipe(task: Task, folder: Path, method: str | dict[str, Any] = "lora", **training: Any) -> Recipe:
    options = {"name": method, "rank": 8} if method in ("lora", "qlora") else method
    options = {"name": options} if isinstance(options, str) else options
    settings = {"epochs": 10, "batch_tokens": 128, "learning_rate": METHODS[options["name"]], "evaluations": 2}
    return Recipe.model_validate(
        {
            "model": "tiny",
            "task": task,
            "intended_use": "to be trained in a test",
            "base_model": {"folder": str(folder)},
            "dataset": "factory",
            "method": options,
            "training": settings | training,
            "policy": "none",
        }
    )


@pytest.fixture(params=["llama", "bert"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tiny_llama(tmp_path / "base") if request.param == "llama" else tiny_bert(tmp_path / "base")


def base_of(folder: Path) -> Base:
    return resolve_base(BaseModelRef(folder=str(folder)))


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

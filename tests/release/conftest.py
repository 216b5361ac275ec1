"""Tiny candidates in all their forms, trained once per session, then copied into each test's `GALEN_HOME`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef, Training
from tasks.config.words import Task
from tasks.store import Store
from tasks.training.recipe import Recipe
from tests.factories import dataset_version, tiny_bert, tiny_llama, tiny_model


@dataclass(frozen=True)
class Candidate:
    recipe: Recipe
    dataset: Artifact
    adapter: Artifact
    quantized: Artifact
    merged_form: Artifact | None = None

    @property
    def merged(self) -> Artifact:
        """The merged form of a method that can merge."""
        assert self.merged_form
        return self.merged_form


Candidates = Callable[..., Candidate]
METHODS = {
    "adapter": {"reduction": 4},
    "prefix": {"length": 4},
    "prompt": {"length": 4},
    "adalora": {"initial_rank": 6, "target_rank": 4},
    "ia3": {},
}
"""Settings of methods beside LoRA's."""
ANSWERS = EvaluationSettings(resamples=100, generation=Generation(max_new_tokens=24))
"""Short ones: on the way through long gibberish, rounding decides between two tokens sooner or later."""


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Recipe, dict[str, str]]]:
    from tasks.release.merge import merge
    from tasks.release.quantize import quantize
    from tasks.training.method import method_named
    from tasks.training.resolve import resolve_base
    from tasks.training.train import finetune

    @cache
    def make(task: Task, method: str, architecture: str | None) -> tuple[Path, Recipe, dict[str, str]]:
        place = tmp_path_factory.mktemp(f"{task}-{method}")
        if task == "causal-lm":
            folder = tiny_llama(place / "base", chat=method == "qlora")
        elif task == "seq2seq-lm":
            folder = tiny_model(place / "base", architecture or "t5")
        else:
            folder = tiny_bert(place / "base")
        ref = BaseModelRef(folder=str(folder))
        recipe = Recipe(
            model="tiny",
            task=task,
            intended_use="tests of the release steps",
            base_model=ref,
            dataset="factory",
            method={"name": method, **METHODS.get(method, {"rank": 4, "alpha": 8})},
            training=Training(max_steps=12, batch_tokens=256, learning_rate=1e-2, checkpoints=0, evaluations=1),
            evaluation=ANSWERS,
            policy="default",
        )
        store = Store(place / "home")
        dataset = dataset_version(store, task, 40)
        adapter = finetune(store, recipe, dataset, resolve_base(store, ref))
        digests = {"dataset": dataset.digest, "adapter": adapter.digest}
        whole = adapter
        if method_named(method).mergeable:
            whole = merge(store, adapter)
            digests["merged_form"] = whole.digest
        digests["quantized"] = quantize(store, whole, Quantization()).digest
        return store.root, recipe, digests

    return make


@pytest.fixture
def candidate(store: Store, prepared: Callable[..., tuple[Path, Recipe, dict[str, str]]]) -> Candidates:
    """A candidate of a task and method (t5 or bart for seq2seq-lm), its artifacts in the test's own store."""

    def give(task: Task = "text-classification", method: str = "lora", architecture: str | None = None) -> Candidate:
        source, recipe, digests = prepared(task, method, architecture)
        shutil.copytree(source, store.root, dirs_exist_ok=True)
        return Candidate(recipe, **{form: store.load(digest) for form, digest in digests.items()})

    return give

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch

from tasks.config.words import Task
from tasks.errors import InputError, IntegrityError
from tasks.lineage.outcomes import records_in_words
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training import lesson
from tasks.training.batches import Batch, collate, layout, plan_in_order
from tasks.training.lesson import Lesson
from tasks.training.loading import load_base
from tasks.training.objectives import objective_for
from tasks.training.objectives.text_classification import TextClassification
from tasks.training.opening import open_model
from tasks.training.recipe import Recipe
from tasks.training.tokenizer import load_tokenizer
from tasks.training.train import finetune, timing_of
from tests.factories import dataset_version, seal_rows, tiny_bert, tiny_llama
from tests.rows import rows
from tests.training.compared import weights_in
from tests.training.recipes import base_of, recipe

pytestmark = pytest.mark.filterwarnings("ignore")


class Notes:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.points: list[tuple[int, dict[str, float]]] = []
        self.read: list[str] = []

    def params(self, values: Any) -> None:
        self.settings |= dict(values)

    def metrics(self, values: Any, step: int) -> None:
        self.points.append((step, dict(values)))

    def artifact(self, path: Path, name: str | None = None) -> None:
        raise AssertionError(path, name)

    def dataset(self, version: Any, split: str = "train") -> None:
        self.read.append(version.digest)


def test_no_file_of_an_artifact_names_a_place(store: Store, tmp_path: Path) -> None:
    dataset = dataset_version(store, "causal-lm", n=20)
    for method in ("lora", "full"):
        folder = tiny_llama(tmp_path / f"base-{method}")
        artifact = finetune(store, recipe("causal-lm", folder, method, max_steps=2), dataset, base_of(store, folder))
        for name in artifact.files:
            assert str(tmp_path).encode() not in artifact.file(name).read_bytes(), name


def test_what_a_model_is_called_and_judged_by_does_not_train_it_again(store: Store, tmp_path: Path) -> None:
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, "text-classification", n=30)
    given = recipe("text-classification", folder, max_steps=2)
    first = finetune(store, given, dataset, base_of(store, folder))
    other = given.model_copy(update={"model": "other", "policy": "stricter", "intended_use": "something else entirely"})
    assert finetune(store, other, dataset, base_of(store, folder)).digest == first.digest
    assert finetune(store, given.model_copy(update={"seed": 5}), dataset, base_of(store, folder)).digest != first.digest


def test_the_best_weights_are_kept_and_training_stops(store: Store, tmp_path: Path) -> None:
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, "text-classification", n=60)
    given = recipe(
        "text-classification",
        folder,
        "full",
        learning_rate=2e-2,
        epochs=20,
        evaluations=20,
        patience=3,
        precision="fp32",
    )
    artifact = finetune(store, given, dataset, base_of(store, folder))
    made = artifact.meta["training"]
    curve = json.loads(artifact.file("history.json").read_text())["validation"]
    assert made["stopped_early"]
    assert made["best_step"] < made["steps"] < made["planned_steps"]
    assert made["validation_loss"] == min(point["loss"] for point in curve)
    model, tokenizer = open_model(artifact, given.task, dataset.labels, dtype=torch.float32)
    objective = objective_for(given.task)
    encoded = objective.encode(dataset.read("validation"), tokenizer, dataset.labels, 200)
    how = layout(encoded, 512, 512, pack=False)
    with torch.no_grad():
        total = sum(
            float(objective.loss(model, collate(encoded, micro, 0, how, torch.device("cpu")), 0.0))
            for micro in plan_in_order(encoded.lengths, how)
        )
    assert total / len(encoded) == pytest.approx(made["validation_loss"], rel=1e-4)


def test_the_graph_of_a_pass_is_gone_before_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, "text-classification", n=30)
    plain = Lesson.loss
    passes: list[Any] = []
    alive: list[int] = []

    def watched(self: Lesson, model: Any, batch: Batch) -> torch.Tensor:
        alive.append(sum(one() is not None for one in passes))
        loss = plain(self, model, batch)
        passes.append(ref(loss))
        return loss

    monkeypatch.setattr(Lesson, "loss", watched)
    given = recipe("text-classification", folder, max_steps=2, batch_tokens=256, micro_batch_tokens=64)
    finetune(store, given, dataset, base_of(store, folder))
    assert len(alive) > 2
    assert not any(alive)


def test_the_last_weights_are_kept_where_that_is_asked_for(store: Store, tmp_path: Path) -> None:
    task: Task = "text-classification"
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, task, n=60)
    how = {"epochs": 10, "learning_rate": 2e-2, "evaluations": 10, "precision": "fp32"}
    best, last = (
        finetune(store, recipe(task, folder, "full", keep=one, **how), dataset, base_of(store, folder))
        for one in ("best", "last")
    )
    curve = [point["loss"] for point in json.loads(last.file("history.json").read_text())["validation"]]
    assert min(curve) < curve[-1], "else there is nothing to choose"
    assert best.meta["training"]["validation_loss"] == min(curve)
    assert last.meta["training"]["validation_loss"] == curve[-1]
    assert last.meta["training"]["best_step"] == last.meta["training"]["steps"]
    with pytest.raises(ValueError, match="choose one"):
        recipe(task, folder, keep="last", patience=1)


def test_balanced_classes_count_alike(store: Store, tmp_path: Path) -> None:
    task: Task = "text-classification"
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, task, n=60)
    tokenizer, model = load_tokenizer(folder), load_base(base_of(store, folder), task, dataset.labels)
    plain = objective_for(task)
    assert isinstance(plain, TextClassification)
    train = plain.encode(dataset.read("train"), tokenizer, dataset.labels, 200)
    few = [record for record in range(len(train)) if train.targets[record] != 0 or record < 4]
    kept = replace(train, targets=train.targets[few], starts=np.arange(len(few) + 1))
    weighted = plain.balanced(kept, len(dataset.labels))
    counts = np.bincount(kept.targets)
    assert weighted.weights is not None
    assert np.asarray(weighted.weights) * counts == pytest.approx([len(few) / 3] * 3)

    how = layout(train, 512, 512, pack=False)
    for micro in plan_in_order(train.lengths, how)[:2]:
        batch = collate(train, micro, 0, how, torch.device("cpu"))
        with torch.no_grad():
            each = torch.nn.functional.cross_entropy(model(**batch.inputs).logits, batch.targets, reduction="none")
            expected = (each * torch.tensor(weighted.weights)[batch.targets]).sum()
            assert float(weighted.loss(model, batch, 0.0)) == pytest.approx(float(expected), rel=1e-5)
    with pytest.raises(ValueError, match="weighs the labels of texts"):
        recipe("causal-lm", folder, class_weights="balanced")


def test_the_tracker_gets_curves_speed_and_memory(store: Store, tmp_path: Path) -> None:
    folder, dataset, notes = tiny_bert(tmp_path / "base"), dataset_version(store, "token-classification", n=30), Notes()
    artifact = finetune(
        store, recipe("token-classification", folder, epochs=2), dataset, base_of(store, folder), track=notes
    )
    seen = {name for _, values in notes.points for name in values}
    assert seen >= {"train_loss", "validation_loss", "learning_rate", "tokens_per_second", "peak_memory_mib"}
    assert notes.read == [dataset.digest]
    assert notes.settings["method"]["name"] == "lora"
    timing = timing_of(store, artifact)
    assert timing is not None
    assert timing["tokens_per_second"] > 0
    assert "seconds" not in artifact.meta["training"]


def test_a_loss_that_is_no_number_ends_training(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, "text-classification", n=30)
    monkeypatch.setattr(lesson, "learning_rate", lambda *_: float("nan"))
    with pytest.raises(InputError, match="not a number"):
        finetune(store, recipe("text-classification", folder), dataset, base_of(store, folder))


def test_data_that_does_not_fit_the_recipe_is_refused(store: Store, tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "base")
    given = recipe("text-classification", folder)
    with pytest.raises(InputError, match="the recipe is for text-classification, the dataset for token-classification"):
        finetune(store, given, dataset_version(store, "token-classification", n=20), base_of(store, folder))
    some = rows("text-classification", 8)
    with pytest.raises(InputError, match="validation split has no records"):
        finetune(
            store,
            given,
            seal_rows(store, "text-classification", {"train": some, "validation": [], "test": some}),
            base_of(store, folder),
        )
    answers = dataset_version(store, "causal-lm", n=20)
    decoder = tiny_llama(tmp_path / "decoder")
    with pytest.raises(InputError, match="no train record fits into max_length"):
        short = recipe("causal-lm", decoder, max_length=8, left_out_budget=1.0)
        finetune(store, short, answers, base_of(store, decoder))


def test_records_that_do_not_fit_are_refused_beyond_a_budget(store: Store, tmp_path: Path) -> None:
    dataset, decoder = dataset_version(store, "causal-lm", n=20), tiny_llama(tmp_path / "decoder")
    base = base_of(store, decoder)
    short: dict[str, Any] = {"max_length": 16, "max_steps": 1}
    with pytest.raises(InputError, match=r"records \(.*\) do not fit into 16 tokens and would be left out") as caught:
        finetune(store, recipe("causal-lm", decoder, **short), dataset, base)
    hint = str(caught.value.hint)
    assert "raise training.left_out_budget (now 2.0%)" in hint
    enough = int(hint.removeprefix("set training.max_length to ").partition(" ")[0])
    whole = ModelMeta.read(
        finetune(store, recipe("causal-lm", decoder, max_length=enough, max_steps=1), dataset, base)
    ).training
    with pytest.raises(InputError):
        finetune(store, recipe("causal-lm", decoder, max_length=enough - 1, max_steps=1), dataset, base)
    assert records_in_words(whole).endswith(("records, none left out", f"cut to {enough} tokens"))
    some = ModelMeta.read(
        finetune(store, recipe("causal-lm", decoder, left_out_budget=0.9, **short), dataset, base)
    ).training
    out = sum(some.left_out.values())
    assert out > 0 and f"records, {out} left out (longer than 16 tokens)" in records_in_words(some)


def test_gradient_checkpointing_gives_the_same_model(store: Store, tmp_path: Path) -> None:
    folder, dataset = tiny_llama(tmp_path / "base"), dataset_version(store, "causal-lm", n=20)
    plain, less = (
        finetune(
            store,
            recipe("causal-lm", folder, max_steps=4, precision="fp32", gradient_checkpointing=flag),
            dataset,
            base_of(store, folder),
        )
        for flag in (False, True)
    )
    for name, value in weights_in(plain.path).items():
        assert torch.allclose(weights_in(less.path)[name], value, atol=1e-5), name


def test_a_recipe_of_the_tests_is_a_recipe(store: Store, tmp_path: Path) -> None:
    given = recipe("causal-lm", tmp_path)
    assert Recipe.model_validate_json(given.model_dump_json()) == given
    with pytest.raises(IntegrityError):
        store.load("0" * 64)

"""The behaviour matrix: what must hold for every method, on every task and architecture that it can do.

In `make test` every method runs on one architecture per task, and a diagonal of the rest; `make matrix` runs all cells.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.artifact import Artifact, verify
from tasks.config.words import DATASET_TASK, TASKS, Task
from tasks.errors import InputError
from tasks.evaluation.answers import likelihoods
from tasks.release.probe import logits_of, probe
from tasks.store import Store
from tasks.training import lesson as lessons
from tasks.training import rehearsal
from tasks.training.blocks import stacks
from tasks.training.fit import check_fit
from tasks.training.lesson import lesson_of
from tasks.training.method import method_named
from tasks.training.opening import open_model
from tasks.training.optimizer import Masters, adamw, learning_rate
from tasks.training.shapes import fresh_modules, head_modules
from tasks.training.tokenizer import load_tokenizer
from tasks.training.train import finetune
from tests.factories import ARCHITECTURES, dataset_version
from tests.training.recipes import LATER, MAIN, METHODS, base_of, fresh, prepared, recipe, refusal

pytestmark = pytest.mark.filterwarnings("ignore")

LABELS: dict[Task, list[str]] = {
    "text-classification": ["nervous", "respiratory", "skin"],
    "token-classification": ["B-Disease", "I-Disease", "O"],
}


def cells(quick: Callable[[Task, str, str], bool]) -> pytest.MarkDecorator:
    """Every (task, architecture, method) that must work; those that are not quick are marked slow."""
    found = []
    for task, architecture, method in product(TASKS, ARCHITECTURES, METHODS):
        if not refusal(task, architecture, method):
            marks = () if quick(task, architecture, method) else (pytest.mark.slow,)
            found.append(pytest.param(task, architecture, method, marks=marks, id=f"{task}-{architecture}-{method}"))
    return pytest.mark.parametrize(("task", "architecture", "method"), found)


def main_or_diagonal(task: Task, architecture: str, method: str) -> bool:
    """One architecture per task, and pairs of the rest; of the architectures that came later one pair each."""
    if architecture in LATER:
        return method == "lora" and task == LATER[architecture]
    place = ARCHITECTURES.index(architecture) + METHODS.index(method)
    return MAIN[task] == architecture or place % len(METHODS) == TASKS.index(task)


def one_each(task: Task, architecture: str, method: str) -> bool:
    """Each method once."""
    return task == "text-classification" and architecture == ("gpt2" if method == "cloze" else "bert")


def trainable(model: Any) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in model.named_parameters() if one.requires_grad}


def test_the_matrix_knows_every_task() -> None:
    assert set(MAIN) == set(TASKS)


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_work_is_refused_with_a_reason(
    store: Store, method: str, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in TASKS:
        for architecture in ARCHITECTURES:
            given = recipe(task, bases[architecture], method)
            if reason := refusal(task, architecture, method):
                with pytest.raises(InputError, match=reason):
                    check_fit(store, given)
            else:  # the tests below do on the whole model what a rehearsal does on a small one
                with monkeypatch.context() as patched:
                    patched.setattr(rehearsal, "rehearse", lambda *_: None)
                    check_fit(store, given)


@cells(main_or_diagonal)
def test_learns_and_opens_again(
    store: Store, task: Task, architecture: str, method: str, bases: dict[str, Path], galen_home: Path
) -> None:
    folder = bases[architecture]
    dataset = dataset_version(store, DATASET_TASK[task], n=40)
    given = recipe(task, folder, method)
    artifact = finetune(store, given, dataset, base_of(store, folder))
    verify(artifact)
    assert artifact.kind == ("adapter" if method_named(method).has_adapter else "merged")
    curve = [point["loss"] for point in json.loads(artifact.file("history.json").read_text())["train"]]
    assert min(curve[-3:]) < (0.95 if method in ("prefix", "prompt") else 0.9) * curve[0], curve

    opened, tokenizer = open_model(artifact, task, dataset.labels, base=base_of(store, folder), dtype=torch.float32)
    assert not opened.training
    _, _, start = prepared(store, given, folder, dataset.labels)
    lesson = lesson_of(given, dataset, tokenizer, start.config, by_document=False)
    loss = lesson.train_loss(opened)
    # Base weights were rounded to bfloat16 while training.
    assert loss == pytest.approx(artifact.meta["training"]["train_loss"], rel=0.1, abs=0.05)

    # Only what the method declares has moved, and it has.
    before, after = trainable(start), dict(opened.named_parameters())
    if not method_named(method).has_adapter:
        moved = {name for name, one in opened.named_parameters() if not torch.equal(one, start.get_parameter(name))}
        assert moved <= before.keys()
        assert len(moved) > 0.7 * len(before)  # a bias of keys, or a second type embedding, has no gradient
    elif method != "prompt":  # the wrapper names its vectors alike, compared below by what they do
        assert sum(not torch.equal(one, after[name]) for name, one in before.items() if name in after) > 0.7 * len(
            before
        )

    # Without what it learned, the model is worse, even with the trained head. (Prompts and prefixes of random models
    # hardly help a classifier: real ones are compared in docs/methods.md.)
    if method != "feature-extraction" and (method not in ("prefix", "prompt") or task != "text-classification"):
        with torch.no_grad():
            heads = head_modules(
                fresh(store, given, folder, dataset.labels),
                fresh_modules(base_of(store, folder), task, dataset.labels),
                task,
            )
            for name, one in start.named_parameters():
                if any(f".{head}." in f".{name}" for head in heads) and name in after:
                    one.copy_(after[name])
        assert lesson.train_loss(start.eval()) > loss


def alike_behind_one_prompt(model: Any, tokenizer: Any) -> tuple[list[float], list[float]]:
    """How likely answers are behind two prompts: as they are scored, and each alone."""
    prompts = [[5, 6, 7, 8, 9], [9, 8, 7]]
    pairs = [(prompt, answer) for prompt in prompts for answer in ([11], [12, 13], [14, 15, 16])]
    scored = likelihoods(model, tokenizer, pairs, positions=None)
    alone = [likelihoods(model, tokenizer, [pair], positions=None)[0] for pair in pairs]
    return [one.nll for one in scored], [one.nll for one in alone]


@cells(main_or_diagonal)
def test_saved_loaded_and_merged_it_says_the_same(
    store: Store, task: Task, architecture: str, method: str, bases: dict[str, Path], tmp_path: Path
) -> None:
    folder, labels = bases[architecture], LABELS.get(task, [])
    given = recipe(task, folder, method)
    how, options, model = prepared(store, given, folder, labels)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for one in model.parameters():
            if one.requires_grad:
                one.add_(0.05 * torch.randn_like(one))
    tokenizer = load_tokenizer(folder)
    ids = probe(tokenizer, 64)
    ids[:, -1] = ids[0, 0] if tokenizer.eos_token_id is None else tokenizer.eos_token_id  # T5 and BART read its state
    untouched, expected = logits_of(fresh(store, given, folder, labels), ids), logits_of(model.eval(), ids)
    assert expected.isfinite().all()
    assert (expected - untouched).abs().max() > 1e-3, "what was learned must be heard"
    how.save(model, tmp_path)
    again = how.load(fresh(store, given, folder, labels), tmp_path, options)
    torch.testing.assert_close(logits_of(again, ids), expected, atol=1e-4, rtol=1e-4)

    if task == "causal-lm":
        said = alike_behind_one_prompt(again, tokenizer)
        assert said[0] == pytest.approx(said[1], rel=1e-4)

    if not how.mergeable:
        with pytest.raises(InputError, match="cannot be merged"):
            how.merge(again)
    elif how.base_quantization is None:  # a 4-bit base is dequantized first: tests/release
        torch.testing.assert_close(logits_of(how.merge(again), ids), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_and_optimizer_state_are_only_for_what_trains(
    store: Store, method: str, bases: dict[str, Path]
) -> None:
    task: Task = "text-classification"
    folder = bases["gpt2" if method == "cloze" else "bert"]
    given = recipe(task, folder, method)
    _, _, model = prepared(store, given, folder, LABELS[task])
    masters = Masters(model, torch.float32, partial(adamw, model=model, settings=given.training), 1.0)
    reached: list[bool] = []
    stack = stacks(model.get_base_model() if hasattr(model, "get_base_model") else model)[0]
    first = model.get_submodule(next(n for n, _ in model.named_modules() if n.endswith(stack[0].name)))
    first.register_forward_hook(
        lambda _, __, out: reached.append((out[0] if isinstance(out, tuple) else out).requires_grad)
    )
    ids = probe(load_tokenizer(folder), 64)
    logits = model.train()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    torch.autograd.backward(logits.float().square().mean())
    masters.gather()
    masters.step(1.0)
    state = masters.optimizer_states()[0]["state"].values()
    moments = sum(value.numel() for one in state for value in one.values() if value.dim())
    assert moments <= 2 * sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert moments > 0
    # Where the first layer is frozen and nothing below it trains, no graph is built through it.
    assert reached == [method not in ("partial", "feature-extraction")]


@cells(one_each)
def test_neither_a_stop_nor_measuring_in_between_changes_what_is_learned(
    store: Store,
    task: Task,
    architecture: str,
    method: str,
    bases: dict[str, Path],
    galen_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = base_of(store, bases[architecture])
    settings = {"epochs": 4, "checkpoints": 4, "dropout": 0.1}

    def train(store: Store, evaluations: int) -> Artifact:
        given = recipe(task, bases[architecture], method, evaluations=evaluations, **settings)
        return finetune(store, given, dataset_version(store, DATASET_TASK[task], n=40), base)

    undisturbed = train(store, evaluations=4)
    curves = [
        json.loads(one.file("history.json").read_text())["train"] for one in (undisturbed, train(store, evaluations=1))
    ]
    assert curves[0][-1] == curves[1][-1], "measuring in between changed the training"

    second = Store(tmp_path / "second")
    real, steps = learning_rate, undisturbed.meta["training"]["planned_steps"]

    def killed(step: int, total: int, settings: Any) -> float:
        if step == 3 * steps // 4 + 1:
            raise KeyboardInterrupt
        return real(step, total, settings)

    monkeypatch.setattr(lessons, "learning_rate", killed)
    with pytest.raises(KeyboardInterrupt):
        train(second, evaluations=4)
    monkeypatch.setattr(lessons, "learning_rate", real)
    assert train(second, evaluations=4).digest == undisturbed.digest

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
from tasks.release.probe import logits_of, probe
from tasks.store import Store
from tasks.training import lesson as lessons
from tasks.training.blocks import stacks
from tasks.training.fit import check_fit
from tasks.training.lesson import lesson_of
from tasks.training.loading import load_base
from tasks.training.method import Method, method_named, method_of
from tasks.training.opening import open_model
from tasks.training.optimizer import Masters, adamw
from tasks.training.recipe import Recipe
from tasks.training.shapes import fresh_modules, head_modules
from tasks.training.tokenizer import load_tokenizer
from tasks.training.train import finetune
from tests.factories import ARCHITECTURES, dataset_version, tiny_model
from tests.training.recipes import MAIN, METHODS, base_of, recipe, refusal

pytestmark = pytest.mark.filterwarnings("ignore")

LABELS: dict[Task, list[str]] = {
    "text-classification": ["nervous", "respiratory", "skin"],
    "token-classification": ["B-Disease", "I-Disease", "O"],
}


def cells(quick: Callable[[Task, str, str], bool]) -> Any:
    """Every (task, architecture, method) that must work; those that are not quick are marked slow."""
    found = []
    for task, architecture, method in product(TASKS, ARCHITECTURES, METHODS):
        if not refusal(task, architecture, method):
            marks = () if quick(task, architecture, method) else (pytest.mark.slow,)
            found.append(pytest.param(task, architecture, method, marks=marks, id=f"{task}-{architecture}-{method}"))
    return pytest.mark.parametrize(("task", "architecture", "method"), found)


def main_or_diagonal(task: Task, architecture: str, method: str) -> bool:
    """One architecture per task, and pairs of the rest."""
    place = ARCHITECTURES.index(architecture) + METHODS.index(method)
    return MAIN[task] == architecture or place % len(METHODS) == TASKS.index(task)


def one_each(task: Task, architecture: str, method: str) -> bool:
    """Each method once."""
    return task == "text-classification" and architecture == ("gpt2" if method == "cloze" else "bert")


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny models, by architecture."""
    return {name: tiny_model(tmp_path_factory.mktemp("bases") / name, name) for name in ARCHITECTURES}


def prepared(store: Store, given: Recipe, folder: Path, labels: list[str]) -> tuple[Method[Any], Any, Any]:
    """The method, its options, and a model as it begins to train, float32."""
    method, options = method_of(given.method), given.method
    plain = fresh(store, given, folder, labels)
    heads = head_modules(plain, fresh_modules(base_of(store, folder), given.task, labels), given.task)
    with torch.random.fork_rng():
        torch.manual_seed(given.seed)
        return method, options, method.prepare(plain, options, given.task, heads)


def fresh(store: Store, given: Recipe, folder: Path, labels: list[str]) -> Any:
    """The base as loaded for the method, float32."""
    quantization = method_of(given.method).base_quantization
    return load_base(
        base_of(store, folder),
        given.task,
        labels,
        quantization=quantization,
        dtype=torch.float32,
        seed=given.seed,
    )


def trainable(model: Any) -> dict[str, torch.Tensor]:
    return {name: one.detach().clone() for name, one in model.named_parameters() if one.requires_grad}


def test_the_matrix_knows_every_task() -> None:
    assert set(MAIN) == set(TASKS)


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_work_is_refused_with_a_reason(store: Store, method: str, bases: dict[str, Path]) -> None:
    for task in TASKS:
        for architecture in ARCHITECTURES:
            given = recipe(task, bases[architecture], method)
            if reason := refusal(task, architecture, method):
                with pytest.raises(InputError, match=reason):
                    check_fit(store, given)
            else:
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

    if not how.mergeable:
        with pytest.raises(InputError, match="cannot be merged"):
            how.merge(again)
    elif how.base_quantization is None:  # a 4-bit base is dequantized first: tests/release
        torch.testing.assert_close(logits_of(how.merge(again), ids), expected, atol=1e-3, rtol=1e-3)


VARIANTS: list[dict[str, Any]] = [
    *({"name": "lora", "init": one} for one in ("gaussian", "orthogonal", "pissa", "olora")),
    {"name": "lora", "init": "pissa", "rslora": True},
    {"name": "lora", "dora": True},
    {"name": "lora", "rslora": True, "targets": ["q_proj", "v_proj"]},
    *({"name": "adapter", "placement": one} for one in ("houlsby", "parallel")),
    *({"name": "prefix", "init": one} for one in ("random", "network")),
    *({"name": "prompt", "network": one} for one in ("mlp", "lstm")),
    {"name": "prompt", "init": "random"},
    {"name": "prompt", "init": "text", "text": "Answer as a doctor would."},
    *({"name": "partial", "last_layers": None, one: True} for one in ("embeddings", "output", "norms")),
    {"name": "partial", "last_layers": None, "parameters": ["*.v_proj.weight"]},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=lambda one: "-".join(str(value) for value in one.values()))
def test_variants_learn_and_come_back(
    store: Store, settings: dict[str, Any], bases: dict[str, Path], galen_home: Path, tmp_path: Path
) -> None:
    task: Task = "causal-lm"
    folder = bases["llama"]
    given = recipe(task, folder, settings, precision="fp32")
    check_fit(store, given)
    dataset = dataset_version(store, task, n=40)
    artifact = finetune(store, given, dataset, base_of(store, folder))
    curve = [point["loss"] for point in json.loads(artifact.file("history.json").read_text())["train"]]
    assert min(curve[-3:]) < (0.95 if settings["name"] in ("prefix", "prompt") else 0.9) * curve[0], curve
    opened, tokenizer = open_model(artifact, task, [], base=base_of(store, folder), dtype=torch.float32)
    _, _, start = prepared(store, given, folder, [])
    lesson = lesson_of(given, dataset, tokenizer, start.config, by_document=False)
    # What is saved is not what trained, for networks and for LoRA that started inside the base: it must say the same.
    loss = lesson.train_loss(opened)
    assert loss == pytest.approx(artifact.meta["training"]["train_loss"], rel=1e-4)
    how = method_of(given.method)
    if how.mergeable:
        ids = probe(tokenizer, 64)
        expected = logits_of(opened, ids)
        torch.testing.assert_close(logits_of(how.merge(opened).eval(), ids), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("task", "settings", "said"),
    [
        ("causal-lm", {"name": "partial", "last_layers": 9}, "last_layers is more than there are"),
        ("causal-lm", {"name": "partial", "last_layers": None, "parameters": ["*.nothing.*"]}, "names no weight"),
        ("causal-lm", {"name": "partial", "last_layers": None, "biases": True}, "biases names no weight"),
        ("causal-lm", {"name": "lora", "targets": ["nothing"]}, "targets names no linear module"),
        ("causal-lm", {"name": "adalora", "targets": ["nothing"]}, "targets names no linear module"),
        ("causal-lm", {"name": "qlora", "init": "pissa"}, "4-bit base cannot be taken apart"),
        ("causal-lm", {"name": "lora", "init": "pissa", "rank": 128}, "more than a matrix has directions"),
        ("causal-lm", {"name": "prompt", "length": 300}, "length is too long"),
    ],
)
def test_settings_that_fit_no_module_are_refused(
    store: Store, task: Task, settings: dict[str, Any], said: str, bases: dict[str, Path]
) -> None:
    with pytest.raises(InputError, match=said):
        check_fit(store, recipe(task, bases["llama"], settings))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "partial", "last_layers": None}, "nothing would train"),
        ({"name": "lora", "rank": 7, "init": "orthogonal"}, "even rank"),
        ({"name": "lora", "init": "olora", "dora": True}, "choose one"),
        ({"name": "adalora", "target_rank": 8}, "target_rank must be below"),
        ({"name": "adalora", "start": 0.6, "finish": 0.5}, "sum must be below 1"),
        ({"name": "adalora", "finish": 0.0}, "greater than 0"),
        ({"name": "adalora", "targets": []}, "at least 1 item"),
        ({"name": "prompt", "init": "text", "text": ""}, "at least 1 character"),
        ({"name": "prompt", "init": "text"}, "belong together"),
    ],
)
def test_settings_that_contradict_are_refused_when_read(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        recipe("causal-lm", tmp_path, settings)


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


def test_adalora_spends_its_budget_and_tells_where(store: Store, bases: dict[str, Path], galen_home: Path) -> None:
    given = recipe("causal-lm", bases["llama"], {"name": "adalora", "initial_rank": 8, "target_rank": 4})
    artifact = finetune(store, given, dataset_version(store, "causal-lm", n=40), base_of(store, bases["llama"]))
    ranks = json.loads(artifact.file("rank_map.json").read_text())
    assert len(ranks) == 14
    assert sum(ranks.values()) == 4 * len(ranks)
    assert len(set(ranks.values())) > 1, "the budget went where it was needed"
    assert artifact.meta["training"]["best_step"] > artifact.meta["training"]["planned_steps"] / 2
    with pytest.raises(InputError, match="too few for AdaLoRA"):
        short = recipe("causal-lm", bases["llama"], "adalora", max_steps=2)
        finetune(store, short, dataset_version(store, "causal-lm", n=40), base_of(store, bases["llama"]))


@pytest.mark.parametrize("method", ["prompt", "prefix", "adapter", "mam", "unipelt"])
@pytest.mark.parametrize("architecture", ["llama", "gemma3_text", "gpt2"])
def test_what_is_inserted_sees_no_future_no_padding_and_no_neighbour(
    store: Store, architecture: str, method: str, bases: dict[str, Path]
) -> None:
    given = recipe("causal-lm", bases[architecture], method)
    _, _, model = prepared(store, given, bases[architecture], [])
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for one in model.parameters():
            if one.requires_grad:
                one.add_(0.2 * torch.randn_like(one))
    model.eval()
    chance = torch.Generator().manual_seed(2)
    ids = torch.randint(5, 300, (1, 12), generator=chance)
    with torch.no_grad():
        whole = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        assert whole.shape[:2] == ids.shape
        torch.testing.assert_close(model(input_ids=ids[:, :7]).logits, whole[:, :7], atol=1e-4, rtol=1e-4)  # no future
        pads = torch.zeros(1, 20, dtype=torch.long)
        wide, mask = torch.cat([ids, pads], 1), torch.cat([torch.ones_like(ids), pads], 1)
        torch.testing.assert_close(  # no padding
            model(input_ids=wide, attention_mask=mask).logits[:, :12], whole, atol=1e-4, rtol=1e-4
        )
        # Written alone, or beside a longer question and so behind padding: the same, and what teacher forcing says.
        written = model.generate(ids, max_new_tokens=6, do_sample=False, eos_token_id=None, pad_token_id=0)
        assert written[:, :12].equal(ids)
        left = torch.cat([torch.zeros(1, 20, dtype=torch.long), ids], 1)
        beside = torch.cat([left, torch.randint(5, 300, (1, 32), generator=chance)])
        shown = torch.ones_like(beside)
        shown[0, :20] = 0
        again = model.generate(
            beside, attention_mask=shown, max_new_tokens=6, do_sample=False, eos_token_id=None, pad_token_id=0
        )
        assert again[0, 32:].equal(written[0, 12:])
        forced = model(input_ids=written).logits[0, 11:-1].argmax(-1)
        assert forced.equal(written[0, 12:])


def test_cloze_says_what_the_language_model_would(store: Store, bases: dict[str, Path], galen_home: Path) -> None:
    words = {"nervous": " nervous", "respiratory": " cough", "skin": " itch"}
    task: Task = "text-classification"
    folder = bases["llama"]
    given = recipe(task, folder, {"name": "cloze", "train": "nothing", "template": "Text: {text}\nTopic:"})
    dataset = dataset_version(store, task, n=40)
    artifact = finetune(store, given, dataset, base_of(store, folder))
    assert artifact.meta["training"]["steps"] == artifact.meta["training"]["trained_parameters"] == 0
    model, tokenizer = open_model(artifact, task, dataset.labels, base=base_of(store, folder), dtype=torch.float32)

    plain, speaker = load_tokenizer(folder), load_base(base_of(store, folder), "causal-lm", [])
    for length in (12, 400):  # a long text is cut, the template is not
        text = " ".join(["the patient has asthma"] * length)
        ids = tokenizer(text, truncation=True, max_length=100)["input_ids"]
        assert len(ids) <= 100
        assert tokenizer.decode(ids, skip_special_tokens=True).startswith("Text: the patient")
        assert tokenizer.decode(ids).endswith("\nTopic:")
        said = model(input_ids=torch.tensor([ids])).logits[0]
        spoken = speaker(input_ids=torch.tensor([ids])).logits[0, -1]
        firsts = [plain(words[label], add_special_tokens=False)["input_ids"][0] for label in dataset.labels]
        torch.testing.assert_close(said, spoken[firsts], atol=1e-4, rtol=1e-4)
    for wrong, message in (
        ({"skin": " itch", "nervous": " n"}, "every label"),
        (words | {"skin": " cough"}, "begins with"),
    ):
        other = recipe(task, folder, {"name": "cloze", "train": "nothing", "words": wrong})
        with pytest.raises(InputError, match=message):
            finetune(store, other, dataset, base_of(store, folder))


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
    real, steps = lessons.learning_rate, undisturbed.meta["training"]["planned_steps"]

    def killed(step: int, total: int, settings: Any) -> float:
        if step == 3 * steps // 4 + 1:
            raise KeyboardInterrupt
        return real(step, total, settings)

    monkeypatch.setattr(lessons, "learning_rate", killed)
    with pytest.raises(KeyboardInterrupt):
        train(second, evaluations=4)
    monkeypatch.setattr(lessons, "learning_rate", real)
    assert train(second, evaluations=4).digest == undisturbed.digest

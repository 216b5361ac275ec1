"""What single methods promise beyond the matrix: their variants, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.release.probe import logits_of, probe
from tasks.store import Store
from tasks.training.fit import check_fit
from tasks.training.lesson import lesson_of
from tasks.training.loading import load_base
from tasks.training.method import method_of
from tasks.training.opening import open_model
from tasks.training.tokenizer import load_tokenizer
from tasks.training.train import finetune
from tests.factories import dataset_version
from tests.training.recipes import WORDS, base_of, prepared, recipe

pytestmark = pytest.mark.filterwarnings("ignore")


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
        firsts = [plain(WORDS[label], add_special_tokens=False)["input_ids"][0] for label in dataset.labels]
        torch.testing.assert_close(said, spoken[firsts], atol=1e-4, rtol=1e-4)
    for wrong, message in (
        ({"skin": " itch", "nervous": " n"}, "every label"),
        (WORDS | {"skin": " cough"}, "begins with"),
    ):
        other = recipe(task, folder, {"name": "cloze", "train": "nothing", "words": wrong})
        with pytest.raises(InputError, match=message):
            finetune(store, other, dataset, base_of(store, folder))

"""Encoder-decoders take the same way: adapter, merged, quantized, served, asked; each form says the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from bitsandbytes.nn import Linear4bit
from safetensors.torch import save_file

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.release import Quantization
from tasks.config.words import TASKS
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import evaluate
from tasks.release import ask as asking
from tasks.release.merge import check_ties, merge
from tasks.release.plain import LOADERS
from tasks.release.probe import compare, logits_of, probe
from tasks.release.quantize import quantize
from tasks.release.served import Served
from tasks.store import Store
from tasks.training.bases import base_beside
from tasks.training.fit import check_fit
from tasks.training.opening import open_model
from tasks.training.shapes import auto_class
from tasks.training.tokenizer import load_tokenizer
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_model
from tests.release.conftest import Candidates
from tests.rows import rows
from tests.training.recipes import base_of, recipe

FEW = EvaluationSettings(generation=Generation(max_new_tokens=12), resamples=100)
PAIRS = [("t5", "lora"), ("t5", "qlora"), ("bart", "lora"), ("bart", "qlora")]
LONG = "What is a sign of asthma? " * 60


@pytest.mark.parametrize(("architecture", "method"), PAIRS)
def test_the_merged_model_says_what_the_adapter_does(
    store: Store, candidate: Candidates, architecture: str, method: str
) -> None:
    made = candidate("seq2seq-lm", method, architecture)
    dtype = getattr(torch, made.adapter.meta["training"]["precision"]) if method == "qlora" else torch.float32
    adapter, tokenizer = open_model(made.adapter, "seq2seq-lm", [], base=base_beside(store, made.adapter), dtype=dtype)
    merged, _ = open_model(made.merged, "seq2seq-lm", [], dtype=torch.float32)
    ids = probe(tokenizer, 64)
    assert logits_of(merged, ids).shape == (*ids.shape, len(tokenizer))
    assert compare(logits_of(adapter, ids), logits_of(merged, ids)).kl < (1e-3 if method == "qlora" else 1e-9)
    checks = made.merged.meta["merge"]
    assert checks["from_adapter"]["kl"] < 1e-6
    assert checks["changed"] == 32  # 4 + 2 matrices in an encoder's layer, 8 + 2 in a decoder's, two of each
    assert checks["tied_embeddings"] and check_ties(merged)


@pytest.mark.parametrize(("architecture", "method"), PAIRS[::2])
def test_the_quantized_folder_is_a_plain_transformers_model(
    candidate: Candidates, architecture: str, method: str
) -> None:
    made = candidate("seq2seq-lm", method, architecture)
    checks = made.quantized.meta["quantization"]
    # T5's `wo` overflows in half precision: transformers never quantizes it.
    full = {"lm_head", *(name for name in checks["left_out"] if architecture == "t5" and name.endswith(".wo"))}
    assert set(checks["left_out"]) == full and len(full) == (5 if architecture == "t5" else 1)
    assert checks["layers"] == (28 if architecture == "t5" else 32)
    assert 4.127 < checks["bits_per_parameter"] < 4.14
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(made.quantized.path).eval()
    assert sum(isinstance(module, Linear4bit) for module in model.modules()) == checks["layers"]
    assert torch.isfinite(logits_of(model, probe(load_tokenizer(made.quantized.path), 64))).all()


@pytest.mark.parametrize(("architecture", "method"), PAIRS[::2])
def test_every_form_is_judged_on_the_same_records(
    store: Store, candidate: Candidates, architecture: str, method: str
) -> None:
    made = candidate("seq2seq-lm", method, architecture)
    dataset = DatasetVersion(made.dataset)
    adapter, merged, quantized = (
        evaluate(store, model, dataset, FEW).metrics["bits_per_byte"].value
        for model in (made.adapter, made.merged, made.quantized)
    )
    assert merged == pytest.approx(adapter, rel=0.02)  # bfloat16 where it is native
    assert quantized == pytest.approx(adapter, rel=0.1)


def test_an_output_of_its_own_stays_its_own(store: Store, tmp_path: Path) -> None:
    """T5 1.1, Flan-T5, mT5: two embeddings, and decoder states that are not scaled, though the config says "tied"."""
    folder = tiny_model(tmp_path / "base", "t5")
    config = json.loads((folder / "config.json").read_text())
    del config["scale_decoder_outputs"]
    changed = {"tie_word_embeddings": False, "feed_forward_proj": "gated-gelu"}
    (folder / "config.json").write_text(json.dumps(config | changed))  # as published
    torch.manual_seed(0)
    model = auto_class("seq2seq-lm").from_config(transformers.AutoConfig.from_pretrained(folder))
    weights = {name: value.clone() for name, value in model.state_dict().items() if "embed_tokens" not in name}
    weights["lm_head.weight"] = torch.randn_like(weights["lm_head.weight"]) / 8
    save_file(weights, folder / "model.safetensors", {"format": "pt"})

    given = recipe("seq2seq-lm", folder, "lora", max_steps=4)
    check_fit(store, given)
    merged = merge(store, finetune(store, given, dataset_version(store, "seq2seq-lm", 20), base_of(store, folder)))
    assert merged.meta["merge"]["tied_embeddings"] is False
    for form in (merged, quantize(store, merged, Quantization())):
        opened, _ = open_model(form, "seq2seq-lm", [], dtype=torch.float32)
        assert opened.config.scale_decoder_outputs is False
        assert torch.allclose(opened.lm_head.weight, weights["lm_head.weight"], rtol=0.01)
        assert not torch.equal(opened.lm_head.weight, opened.shared.weight)


def served(model: Artifact, folder: Path | None = None) -> Served:
    found = Served()
    found.load_context(SimpleNamespace(artifacts={"model": str(folder or model.path)}))
    return found


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Artifact]:
    """A whole model of an architecture that has learned its answers."""

    @cache
    def make(architecture: str) -> Artifact:
        place = tmp_path_factory.mktemp(architecture)
        folder = tiny_model(place / "base", architecture)
        store = Store(place / "home")
        given = recipe("seq2seq-lm", folder, "full", epochs=12)
        return finetune(store, given, dataset_version(store, "seq2seq-lm", 60), base_of(store, folder))

    return make


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_what_is_served_is_what_is_asked(
    store: Store, architecture: str, learned: Callable[[str], Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = learned(architecture)
    monkeypatch.setattr(asking, "resolve", lambda *_: (SimpleNamespace(promoted=True), model))
    monkeypatch.setattr("tasks.training.opening.native_dtype", lambda: torch.float32)  # as plain transformers
    questions = [row["prompt"] for row in rows("causal-lm", 12)]
    questions.append(LONG)  # more than BART's 256 positions: its end is read
    said = served(model).predict(None, questions)
    assert said == [asking.ask(store, "tiny@champion", question) for question in questions]
    assert len(set(said)) > 3 and all(said)


def test_habits_of_the_base_do_not_change_what_is_served(learned: Callable[[str], Artifact], tmp_path: Path) -> None:
    model = learned("bart")
    questions = [row["prompt"] for row in rows("causal-lm", 4)]
    folder = shutil.copytree(model.path, tmp_path / "copy")
    habits: dict[str, Any] = {"num_beams": 4, "no_repeat_ngram_size": 1, "forced_bos_token_id": 9}
    file = folder / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | habits))
    assert served(model, folder).predict(None, questions) == served(model).predict(None, questions)


def test_the_class_that_an_export_names_is_the_one_that_was_judged() -> None:
    for task in TASKS:
        assert getattr(transformers, LOADERS[task]) is auto_class(task)

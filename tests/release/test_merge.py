from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef
from tasks.config.words import Task
from tasks.errors import InputError, IntegrityError
from tasks.release import merge as merging
from tasks.release.merge import check_changes, check_ties, merge
from tasks.release.probe import compare, logits_of, probe
from tasks.store import Store
from tasks.training.bases import Base, base_beside
from tasks.training.loading import load_base
from tasks.training.methods.adalora import AdaLora
from tasks.training.methods.lora import Lora
from tasks.training.opening import open_model
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_llama, tiny_model
from tests.release.conftest import Candidates
from tests.training.recipes import base_of
from tests.training.recipes import recipe as recipe_of


@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize("task", ["causal-lm", "text-classification", "token-classification"])
def test_the_merged_model_says_what_the_adapter_does(
    store: Store, candidate: Candidates, task: Task, method: str
) -> None:
    made = candidate(task, method)
    # A 4-bit base must be opened in the dtype it was rounded from in training, or its constants differ.
    dtype = getattr(torch, made.adapter.meta["training"]["precision"]) if method == "qlora" else torch.float32
    adapter, tokenizer = open_model(
        made.adapter, task, made.adapter.meta["labels"], base=base_beside(store, made.adapter), dtype=dtype
    )
    merged, _ = open_model(made.merged, task, made.merged.meta["labels"], dtype=torch.float32)
    ids = probe(tokenizer, 64)
    assert compare(logits_of(adapter, ids), logits_of(merged, ids)).kl < (1e-4 if method == "qlora" else 1e-9)
    checks = made.merged.meta["merge"]
    assert checks["from_adapter"]["kl"] < 1e-6
    assert checks["base"] == ("dequantized" if method == "qlora" else "original")
    assert checks["changed"] == {"causal-lm": 14, "text-classification": 15, "token-classification": 14}[task]
    assert made.merged.meta["parent"] == made.adapter.digest


def test_merging_twice_is_refused(store: Store, candidate: Candidates) -> None:
    made = candidate()
    for model in (made.merged, made.quantized):
        with pytest.raises(InputError, match="merged already"):
            merge(store, model)


@pytest.mark.parametrize("method", ["ia3", "adalora"])
@pytest.mark.parametrize("architecture", ["qwen3", "gemma3_text", "gpt2", "bert"])
def test_factors_and_singular_values_are_merged_too(
    store: Store, architecture: str, method: str, tmp_path: Path
) -> None:
    """GPT-2 keeps its matrices the other way round; Gemma has buffers without dimensions."""
    task: Task = "token-classification" if architecture == "bert" else "causal-lm"
    folder = with_biases(tiny_model(tmp_path / "base", architecture))
    adapter = finetune(
        store, recipe_of(task, folder, method, epochs=3), dataset_version(store, task, 40), base_of(store, folder)
    )
    merged = merge(store, adapter)
    assert merged.meta["merge"]["from_adapter"]["kl"] < 1e-9
    assert merged.meta["merge"]["saved_from_adapter"]["kl"] < 1e-9
    with pytest.raises(InputError, match="merged already"):
        merge(store, merged)

    before = weights_of(base_of(store, folder), task, [])
    after = weights_of(Base(merged.path, merged.digest, {}), task, merged.meta["labels"])
    changed = {name for name, weight in before.items() if not torch.equal(weight, after[name])}
    scaled = {name.removesuffix(".bias") + ".weight" for name in changed if name.endswith(".bias")}
    if method == "adalora":
        assert changed and not scaled, "an update is added to matrices only"
    elif architecture in ("gpt2", "bert"):
        assert 0 < len(scaled) < len(changed - scaled), (
            "what a module gives is scaled, with its bias; what it takes is not"
        )
        assert scaled < changed and all("attn" in name or "attention" in name for name in scaled)


def test_an_update_on_a_4_bit_base_is_merged_into_the_dequantized_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PEFT merges AdaLoRA into no 4-bit weight."""
    monkeypatch.setattr(AdaLora, "base_quantization", Quantization())
    folder = tiny_llama(tmp_path / "base")
    adapter = finetune(
        store,
        recipe_of("causal-lm", folder, "adalora", epochs=3),
        dataset_version(store, "causal-lm", 40),
        base_of(store, folder),
    )
    checks = merge(store, adapter).meta["merge"]
    assert checks["base"] == "dequantized" and checks["from_adapter"]["kl"] < 1e-6


def with_biases(folder: Path) -> Path:
    """Biases that are not zero, so that scaling them shows."""
    file = folder / "model.safetensors"
    weights = load_file(file)
    save_file({k: v + 0.1 if k.endswith("bias") else v for k, v in weights.items()}, file, {"format": "pt"})
    return folder


def weights_of(base: Base, task: Task, labels: list[str]) -> dict[str, torch.Tensor]:
    """The weights that a folder holds, without a head."""
    model = load_base(base, task, labels or ["O"])
    return {name: weight.detach() for name, weight in model.named_parameters() if not name.startswith("classifier")}


def test_a_base_in_bfloat16_stays_in_bfloat16(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base", tied=True)
    AutoModelForCausalLM.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    recipe = candidate("causal-lm").recipe.model_copy(update={"base_model": BaseModelRef(folder=str(folder))})
    merged = merge(
        store, finetune(store, recipe, dataset_version(store, "causal-lm", 40), resolve_base(store, recipe.base_model))
    )
    model = AutoModelForCausalLM.from_pretrained(merged.path)
    assert model.dtype == torch.bfloat16 and merged.meta["merge"]["dtype"] == "bfloat16"
    assert merged.meta["merge"]["tied_embeddings"] and check_ties(model)
    assert 0 < merged.meta["merge"]["saved_from_adapter"]["kl"] < 1e-3


def disturb(name: str) -> Any:
    """A merge that goes wrong in one weight."""
    right = Lora.merge

    def wrong(self: Lora, model: Any) -> Any:
        merged = right(self, model)
        with torch.no_grad():
            weight = dict(merged.named_parameters())[name]
            weight.copy_(weight.flip(0))
        return merged

    return wrong


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        ("bert.encoder.layer.0.attention.self.query.weight", "does not say what the adapter does"),
        ("bert.embeddings.word_embeddings.weight", "does not aim at it"),
    ],
)
def test_a_merge_that_went_wrong_is_noticed(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch, weight: str, says: str
) -> None:
    made = candidate()
    forget(store, made.merged.digest)
    monkeypatch.setattr(Lora, "merge", disturb(weight))
    with pytest.raises(IntegrityError, match=says):
        merge(store, made.adapter)
    assert not store.has(made.merged.digest)


def test_a_changed_tokenizer_is_noticed(store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch) -> None:
    made = candidate("causal-lm")
    forget(store, made.merged.digest)

    def wrong(source: Path, target: Path) -> None:
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(source / name, target / name)
        (target / "chat_template.jinja").write_text("{{ messages }}")

    monkeypatch.setattr(merging, "copy_tokenizer", wrong)
    with pytest.raises(IntegrityError, match="chat template changed"):
        merge(store, made.adapter)


@pytest.mark.parametrize(
    ("after", "aimed_at", "says"),
    [
        ({"a": "1", "b": "3"}, {}, "b changed, and the adapter does not aim"),
        ({"a": "1", "b": "2"}, {"a": False}, "a did not change"),
        ({"a": "1"}, {}, "b vanished"),
        ({"a": "1", "b": "2", "c": "3"}, {}, "c appeared"),
        ({"a": "1", "b": "2"}, {"c": True}, "the base does not have"),
    ],
)
def test_which_changes_are_wrong(after: dict[str, str], aimed_at: dict[str, bool], says: str) -> None:
    with pytest.raises(IntegrityError, match=says):
        check_changes({"a": "1", "b": "2"}, after, aimed_at)


def test_an_update_of_zero_may_change_nothing() -> None:
    assert check_changes({"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": True, "b": False}) == 1


def test_embeddings_that_were_torn_apart_are_noticed(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_llama(tmp_path / "base", tied=True))
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach() + 1)
    with pytest.raises(IntegrityError, match="tied embeddings: True, the weights say: False"):
        check_ties(model)


def forget(store: Store, digest: str) -> None:
    """Take an artifact out of the store, so that its step runs again."""
    shutil.rmtree(store.folder(digest))

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from bitsandbytes.functional import has_avx512bf16
from bitsandbytes.nn import Linear4bit
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tasks.config.release import Quantization
from tasks.config.words import Task
from tasks.errors import InputError, IntegrityError
from tasks.meta.form import Form
from tasks.release.probe import logits_of, probe
from tasks.release.quantize import quantize, verify_quantized
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.fourbit import dequantized, keep_unpacked
from tasks.training.loading import load_base
from tasks.training.opening import open_model
from tasks.training.shapes import auto_class
from tasks.training.tokenizer import load_tokenizer
from tests.factories import tiny_llama
from tests.records import model_meta
from tests.release.conftest import Candidates

UP = "model.layers.0.mlp.up_proj.weight"


@pytest.mark.parametrize(
    ("task", "head"),
    [
        ("causal-lm", "lm_head"),
        ("text-classification", "classifier"),
        ("token-classification", "classifier"),
    ],
)
def test_the_folder_is_a_small_plain_transformers_model(candidate: Candidates, task: Task, head: str) -> None:
    made = candidate(task)
    checks = made.quantized.meta["quantization"]
    assert checks["type"] == "nf4" and checks["left_out"] == [head]
    assert 4.127 < checks["bits_per_parameter"] < 4.14  # 4.127 for large layers; here groups of constants are padded
    assert checks["bytes"] < 0.4 * checks["parent_bytes"]
    assert checks["from_parent"]["kl"] < 0.1 and checks["as_served"]["kl"] < 1e-3
    model = auto_class(task).from_pretrained(made.quantized.path)
    layers = [name for name, module in model.named_modules() if isinstance(module, Linear4bit)]
    assert len(layers) == checks["layers"] > 0 and head not in layers
    ids = probe(load_tokenizer(made.quantized.path), 64)
    assert torch.isfinite(logits_of(model.eval(), ids)).all()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (made.quantized.path / name).read_bytes() == (made.merged.path / name).read_bytes()


def test_the_same_model_gives_the_same_bytes(store: Store, candidate: Candidates) -> None:
    made = candidate("causal-lm")
    shutil.rmtree(made.quantized.path)
    assert quantize(store, made.merged, Quantization()).digest == made.quantized.digest


def test_without_double_quantization(store: Store, candidate: Candidates) -> None:
    checks = quantize(store, candidate("causal-lm").merged, Quantization(double_quantization=False)).meta[
        "quantization"
    ]
    assert checks["bits_per_parameter"] == 4.5


def test_a_module_can_be_left_out(store: Store, candidate: Candidates) -> None:
    checks = quantize(store, candidate("causal-lm").merged, Quantization(skip_modules=("down_proj",))).meta[
        "quantization"
    ]
    assert {name.rpartition(".")[2] for name in checks["left_out"]} == {"lm_head", "down_proj"}


def test_only_merged_models_are_quantized(store: Store, candidate: Candidates) -> None:
    made = candidate()
    for model in (made.adapter, made.quantized):
        with pytest.raises(InputError, match="cannot be quantized"):
            quantize(store, model, Quantization())


def test_a_shape_that_4_bits_cannot_take_is_refused_before_work(store: Store) -> None:
    folder = tiny_llama(store.root / "staging" / "odd", hidden=40)
    merged = store.adopt(folder, "merged", model_meta(Form.MERGED, "causal-lm", [], "b").plain())
    with pytest.raises(InputError, match=r"q_proj|multiples"):
        quantize(store, merged, Quantization())
    assert not list((store.root / "staging").iterdir())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_encoder_opens_in_either_dtype(candidate: Candidates, dtype: torch.dtype) -> None:
    """Transformers gives the dtype to biases only; LayerNorm then meets two."""
    made = candidate("text-classification")
    model, tokenizer = open_model(made.quantized, "text-classification", made.quantized.meta["labels"], dtype=dtype)
    assert torch.isfinite(logits_of(model, probe(tokenizer, 64))).all()


def test_a_weight_that_was_changed_on_disk_is_noticed(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    made = candidate("causal-lm")
    for name, says in ((UP, "more than 4-bit rounding"), ("model.norm.weight", "left out of 4 bits changed")):
        folder = shutil.copytree(made.quantized.path, tmp_path / name)
        weights = load_file(folder / "model.safetensors")
        weights[name] = weights[name].flip(0).contiguous() if name == UP else weights[name] * 2
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(IntegrityError, match=says):
            verify_quantized(store, made.merged, folder, Quantization())


def test_another_4_bit_type_is_noticed(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    made = candidate("causal-lm")
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="fp4", bnb_4bit_use_double_quant=True)
    small = AutoModelForCausalLM.from_pretrained(made.merged.path, quantization_config=config)
    folder = shutil.copytree(made.quantized.path, tmp_path / "fp4")
    small.save_pretrained(folder)
    with pytest.raises(IntegrityError, match="fp4"):
        verify_quantized(store, made.merged, folder, Quantization())


def test_a_model_in_full_precision_is_noticed(store: Store, candidate: Candidates) -> None:
    made = candidate("causal-lm")
    with pytest.raises(IntegrityError, match="not in 4 bits"):
        verify_quantized(store, made.merged, made.merged.path, Quantization())


def test_evaluating_leaves_the_4_bit_weights_as_they_are(candidate: Candidates) -> None:
    """On CPUs with AVX512-BF16 bitsandbytes would repack them, and dequantize the repacked bytes wrongly."""
    made = candidate("causal-lm")
    model = keep_unpacked(AutoModelForCausalLM.from_pretrained(made.quantized.path)).eval()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    logits_of(model, probe(load_tokenizer(made.quantized.path), 64))
    assert all(torch.equal(weight, before[name]) for name, weight in model.named_parameters())


def test_a_base_is_dequantized_the_same_before_and_after_an_evaluation(tmp_path: Path) -> None:
    base = Base(tiny_llama(tmp_path / "base"), "d" * 64, {})
    fresh = dequantized(load_base(base, "causal-lm", [], quantization=Quantization()))
    used = load_base(base, "causal-lm", [], quantization=Quantization())
    logits_of(used, probe(load_tokenizer(base.path), 64))
    again = dict(dequantized(used).named_parameters())
    assert all(torch.equal(weight, again[name]) for name, weight in fresh.named_parameters())


@pytest.mark.skipif(not has_avx512bf16(), reason="this CPU has no AVX512-BF16, so bitsandbytes repacks nothing")
def test_the_danger_is_real(candidate: Candidates) -> None:
    """If this fails, bitsandbytes no longer repacks in place, and `keep_unpacked` can go."""
    model = AutoModelForCausalLM.from_pretrained(candidate("causal-lm").quantized.path).eval()
    before = dict(model.named_parameters())[UP].detach().clone()
    logits_of(model, torch.tensor([[5, 6, 7]]))
    assert not torch.equal(dict(model.named_parameters())[UP].reshape(-1), before.reshape(-1))

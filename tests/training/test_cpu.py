"""What replaces PyTorch's attention and dropout in training computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.training.cpu import NAME, PLAIN, Dropout, _attention, groups, keep_mask, speed_up
from tests.factories import tiny_bert, tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")
DECODERS = {"llama", "mistral", "qwen2", "qwen3", "gpt2"}


def small(kind: str, **more: Any) -> Any:
    """A random model of an architecture, in bfloat16."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM

    sizes = {
        "vocab_size": 120,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "initializer_range": 0.2,
    }
    if kind == "gpt2":
        sizes = {
            "vocab_size": 120,
            "n_embd": 64,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 128,
            "initializer_range": 0.2,
        }
    elif kind in DECODERS:
        sizes |= {"num_key_value_heads": 2, "head_dim": 16}
    elif kind == "electra":
        sizes |= {"embedding_size": 64}
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **(sizes | more), pad_token_id=0, bos_token_id=1, eos_token_id=2)
    auto = AutoModelForCausalLM if kind in DECODERS else AutoModelForMaskedLM
    return auto.from_config(config, attn_implementation="sdpa").to(torch.bfloat16).eval()


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal up to what bfloat16 loses over a few layers."""
    return bool(((one - other).abs().max() <= 0.03 * other.abs().max()).item())


@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_logits_and_gradients_equal_those_of_transformers(kind: str) -> None:
    more = {"sliding_window": 5} if kind == "mistral" else {}
    plain, fast = small(kind, **more), small(kind, **more)
    assert speed_up(fast)
    assert fast.config._attn_implementation == NAME
    ids = torch.randint(3, 120, (3, 17))
    mask = torch.ones_like(ids)
    mask[1, 11:] = 0
    found = []
    for model in (plain, fast):
        logits = model(input_ids=ids, attention_mask=mask).logits
        (logits.float() * mask[..., None]).square().mean().backward()
        found.append((logits[mask.bool()].float(), [weight.grad.float() for weight in model.parameters()]))
    (expected, gradients), (actual, others) = found
    assert close(actual, expected)
    for one, other in zip(gradients, others, strict=True):
        assert float((one - other).norm()) <= 0.05 * float(one.norm()) + 1e-3


def test_packed_records_do_not_see_each_other() -> None:
    model = small("llama")
    records = [torch.randint(3, 120, (length,)) for length in (9, 4, 9, 1, 7)]
    alone = torch.cat([model(input_ids=one[None], use_cache=False).logits[0] for one in records]).float()
    ids = torch.cat(records)[None]
    positions = torch.cat([torch.arange(len(one)) for one in records])[None]
    by_positions = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0].float()
    mixed = model(input_ids=ids, use_cache=False).logits[0].float()
    starts = np.cumsum([0, *map(len, records)])[:-1]
    speed_up(model)
    documents = groups(np.stack([starts, [len(one) for one in records]], axis=1))
    by_document = model(input_ids=ids, position_ids=positions, documents=documents, use_cache=False).logits[0].float()
    assert close(by_positions, alone)
    assert close(by_document, alone)
    assert not close(mixed, alone)  # the test can tell


def test_every_token_of_packed_rows_is_in_one_group() -> None:
    spans = np.array([[0, 10], [10, 3], [16, 9], [25, 1], [26, 8]])
    places = torch.cat([group.places[group.real] for group in groups(spans)])
    assert sorted(places.tolist()) == [*range(13), *range(16, 34)]


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_dropout_drops_its_share_and_keeps_the_mean(share: float) -> None:
    torch.manual_seed(0)
    mask = keep_mask(1_000_003, share)
    assert set(mask.tolist()) == {-1, 0}
    assert float((mask == 0).float().mean()) == pytest.approx(share, abs=0.002)
    values = torch.ones(1000, 1000, dtype=torch.bfloat16, requires_grad=True)
    layer = Dropout(share)
    out = layer(values)
    assert float(out.float().mean()) == pytest.approx(1, abs=0.01)
    torch.autograd.backward(out.sum())
    assert values.grad is not None
    assert torch.equal(values.grad, out)  # what fell out learns nothing
    assert torch.equal(layer.eval()(values), values)


def test_dropped_attention_weights_are_the_same_forward_and_backward() -> None:
    torch.manual_seed(0)
    shape = (2, 4, 6, 8)
    q, k, v = (torch.randn(shape, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
    out, _ = _attention(torch.nn.Module(), q, k, v, None, dropout=0.5, is_causal=False)
    torch.autograd.backward(out.sum())
    assert v.grad is not None
    # the output is linear in V: sum(out) = sum(V * dV) only if both passes dropped the same weights
    assert float((v * v.grad).sum().detach()) == pytest.approx(float(out.sum().detach()), rel=0.05, abs=0.5)


def test_unknown_attention_is_left_alone(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    model = T5ForConditionalGeneration(T5Config(d_model=32, d_ff=64, num_layers=1, num_heads=2, d_kv=16, vocab_size=50))
    assert not speed_up(model)
    assert any(type(module) is Dropout for module in model.modules())


def test_the_factories_models_are_of_the_plain_kind(tmp_path: Path) -> None:
    import json

    for make in (tiny_bert, tiny_llama):
        config = json.loads((make(tmp_path / make.__name__) / "config.json").read_text())
        assert config["model_type"] in PLAIN

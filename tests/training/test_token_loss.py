"""The loss of next tokens in pieces is the plain one, for whatever a model does to its logits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
)

from tasks.training import token_loss
from tasks.training.base_spec import BaseSpec
from tasks.training.batches import Batch
from tasks.training.pretraining import Pretraining
from tasks.training.token_loss import each, summed

VOCABULARY = 96
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 8, "max_position_embeddings": 64,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
PAIRS: dict[str, Any] = {
    "vocab_size": VOCABULARY, "d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 1, "num_heads": 4,
    "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64, "decoder_start_token_id": 0,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "matrix of its own": ("llama", SHAPE),
    "tied": ("llama", SHAPE | {"tie_word_embeddings": True}),
    "cap": ("gemma2", SHAPE | {"final_logit_softcapping": 0.5}),
    "cap of another name": ("recurrent_gemma", SHAPE | {"lru_width": 32, "logits_soft_cap": 0.3}),
    "scale": ("cohere", SHAPE | {"logit_scale": 0.0625}),
    "scale divides": ("granite", SHAPE | {"logits_scaling": 6.0}),
    "scale of that name multiplies": ("hyperclovax", SHAPE | {"logits_scaling": 3.0}),
    "scale in the config alone": ("mpt", {"vocab_size": VOCABULARY, "d_model": 32, "n_layers": 1, "n_heads": 4,
                                          "max_seq_len": 64, "logit_scale": 0.5}),
    "bias in the matrix": ("phi", {key: value for key, value in SHAPE.items() if key != "head_dim"}),
    "scaled states": ("t5", PAIRS),
    "bias behind the matrix": ("bart", PAIRS),
}  # fmt: skip


def made(kind: str) -> Any:
    name, settings = KINDS[kind]
    config: PreTrainedConfig = AutoConfig.for_model(name, **settings)
    torch.manual_seed(0)
    model: Any = (AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM).from_config(config)
    if hasattr(model, token_loss.BIAS):
        model.final_logits_bias.normal_()
    for weight in model.parameters():
        if weight.ndim == 1:  # biases begin at 0, where they would not be missed
            weight.data.add_(torch.randn_like(weight), alpha=0.1)
    return model.eval()


def batch_for(model: Any, tokens: int = 12) -> tuple[dict[str, Any], tuple[torch.Tensor, ...], torch.Tensor]:
    """Inputs of two rows, the places of some of their tokens, and a target at each."""
    inputs = {"input_ids": torch.randint(3, VOCABULARY, (2, tokens))}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.randint(3, VOCABULARY, (2, tokens))
    places = (torch.rand(2, tokens) < 0.7).nonzero(as_tuple=True)
    return inputs, places, torch.randint(0, VOCABULARY, places[0].shape)


def in_pieces(monkeypatch: pytest.MonkeyPatch, rows: int = 5) -> None:
    """So few logits at a time that a test's batch is wide."""
    monkeypatch.setattr(token_loss, "HELD", VOCABULARY * rows)
    monkeypatch.setattr(token_loss, "CACHED", VOCABULARY * 2)


def back(model: Any, loss: Callable[[], torch.Tensor]) -> tuple[float, dict[str, torch.Tensor]]:
    """The loss, and the gradient of a seventh of it."""
    model.zero_grad()
    value = loss()
    torch.autograd.backward(value / 7)
    return float(value.detach()), {
        name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None
    }


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradients_are_the_plain_ones(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(kind)
    inputs, places, targets = batch_for(model)
    smoothing = 0.1 if kind in ("tied", "cap") else 0.0

    def plain(reduction: str = "sum", share: float = smoothing) -> torch.Tensor:
        logits = model(**inputs, use_cache=False).logits[places]
        return cross_entropy(logits, targets, reduction=reduction, label_smoothing=share)

    expected, gradients = back(model, plain)
    in_pieces(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found, ours = back(model, lambda: summed(model, inputs, places, targets, smoothing))
        one_by_one = each(model, inputs, places, targets)
    assert found == pytest.approx(expected, rel=1e-6)
    assert ours.keys() == gradients.keys()
    for name, gradient in gradients.items():
        # The bias of keys has no gradient: softmax does not see it. What is computed is rounding.
        near = max(2e-5 * float(gradient.abs().max()), 1e-7)
        assert torch.allclose(ours[name], gradient, rtol=0, atol=near), name
    torch.testing.assert_close(one_by_one, plain("none", 0.0).detach(), rtol=1e-5, atol=1e-5)


def test_no_pass_holds_all_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made("tied")
    model.get_output_embeddings().weight.requires_grad_(False)  # as with LoRA
    head, most = model.get_output_embeddings(), []
    plain = head.forward

    def watched(states: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = plain(states)
        most.append(logits.numel())
        return logits

    monkeypatch.setattr(head, "forward", watched)
    inputs, places, targets = batch_for(model, tokens=40)
    in_pieces(monkeypatch)
    back(model, lambda: summed(model, inputs, places, targets))
    each(model, inputs, places, targets)
    assert max(size for size in most if size != 8 * VOCABULARY) <= 5 * VOCABULARY  # 8: the model is asked once
    assert sum(most) >= 2 * len(targets) * VOCABULARY, "else nothing was computed"


class Odd(LlamaForCausalLM):  # type: ignore[misc]  # transformers is not typed
    """Does to its logits what no config says."""

    def forward(self, *given: Any, **named: Any) -> Any:
        found = super().forward(*given, **named)
        found.logits = found.logits * 3
        return found


def test_logits_that_nothing_explains_are_computed_whole_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = Odd(LlamaConfig(**SHAPE)).eval()
    inputs, places, targets = batch_for(model)
    expected, gradients = back(model, lambda: cross_entropy(model(**inputs).logits[places], targets, reduction="sum"))
    in_pieces(monkeypatch)
    with pytest.warns(UserWarning, match="the logits of Odd are not"):
        found, ours = back(model, lambda: summed(model, inputs, places, targets))
    assert found == pytest.approx(expected, rel=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6)
    with warnings.catch_warnings():  # once is enough
        warnings.simplefilter("error")
        assert float(each(model, inputs, places, targets).sum()) == pytest.approx(expected, rel=1e-6)


def test_a_base_with_a_wide_vocabulary_learns_from_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made("tied")
    course = Pretraining([[1, 2]], BaseSpec(corpus="none"))
    ids = torch.randint(3, VOCABULARY, (2, 17))
    batch = Batch({"input_ids": ids[:, :-1]}, ids[:, 1:])
    expected, gradients = back(model, lambda: course.loss(model, batch))
    in_pieces(monkeypatch)
    found, ours = back(model, lambda: course.loss(model, batch))
    assert found == pytest.approx(expected, rel=1e-6)
    for name, gradient in gradients.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-7)


def test_few_logits_are_computed_as_ever() -> None:
    model = made("matrix of its own")
    inputs, places, targets = batch_for(model)

    def ever() -> torch.Tensor:
        with token_loss.only_at(model, *places):
            return cross_entropy(model(**inputs, use_cache=False).logits[0].float(), targets, reduction="sum")

    expected, gradients = back(model, ever)
    found, ours = back(model, lambda: summed(model, inputs, places, targets))
    assert found == expected
    assert all(torch.equal(ours[name], gradient) for name, gradient in gradients.items())

"""Attention with trained keys and values before those of the tokens, for every architecture alike.

Transformers calls one attention function per layer; the one registered here looks for a `prefix` on the calling
module and puts it in front. Prefixes take no position and every query sees them, also in packed rows and in
generation, where they are put in front of the cached keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedModel

NAME = "galen_prefix"
RECORDER = "galen_recorder"


@dataclass(frozen=True)
class Seen:
    """What one attention did in a pass: who called it, with which keys and values, shape (heads, tokens, size)."""

    name: str
    query_size: int
    """Features of a query, all heads together."""
    key: Tensor
    value: Tensor


def use_prefixes(model: PreTrainedModel) -> None:
    """From now on the model's attentions look for a `prefix`: a module that returns (keys, values, bias or None).

    It is called with the queries (rows, heads, tokens, size) and returns keys and values (heads, length, size) and a
    bias on their scores (rows, 1, tokens, length) or None.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)


def add_prefixes(
    model: PreTrainedModel, length: int, init: str, network_size: int, *, gated: bool = False
) -> PreTrainedModel:
    """Give each attention of a model a `prefix` of this length, and return the model.

    Args:
        init: "activations", "random" or "network" (see `tasks.training.methods.prefix`).
        gated: each token weighs the prefix for itself.
    """
    import torch

    from tasks.training.modules import SCALE, Gate, NetworkPrefixes, Prefixes

    for seen in record(model, length):
        heads, _, size = shape = seen.key.shape
        if init == "network":
            prefix: Prefixes = NetworkPrefixes(heads, length, size, network_size)
        else:
            copied = init == "activations"
            key, value = (one.cpu().clone() if copied else SCALE * torch.randn(shape) for one in (seen.key, seen.value))
            prefix = Prefixes(key, value, Gate(seen.query_size) if gated else None)
        model.get_submodule(seen.name).add_module("prefix", prefix.to(model.device))
    use_prefixes(model)
    return model


def baked(model: nn.Module, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights to save, with the keys and values of each prefix in place of the network that makes them."""
    import torch

    from tasks.training.modules import NetworkPrefixes

    for name, module in model.named_modules():
        if isinstance(module, NetworkPrefixes):
            weights = {key: value for key, value in weights.items() if not key.startswith(f"{name}.")}
            with torch.no_grad():
                weights[f"{name}.key"], weights[f"{name}.value"] = module.tables()
    return weights


def record(model: PreTrainedModel, tokens: int) -> list[Seen]:
    """Run a model over `tokens` random tokens of its vocabulary, and tell what each of its attentions saw.

    Draws from torch's generator. The model keeps its weights, its mode and its attention.

    Raises:
        InputError: the model's attention cannot be looked into.
    """
    import torch
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward
    from transformers.masking_utils import sdpa_mask

    seen: dict[int, tuple[Tensor, Tensor, int]] = {}

    def recorder(module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
        seen[id(module)] = (key[0].detach().float(), value[0].detach().float(), query.shape[1] * query.shape[3])
        return sdpa_attention_forward(module, query, key, value, *args, **kwargs)

    config = model.config.get_text_config()
    ids = torch.randint(0, config.vocab_size, (1, tokens), device=model.device)
    end = getattr(config, "eos_token_id", None)
    end = end[0] if isinstance(end, list) else end
    if end is not None:
        ids[ids == end] = (end + 1) % config.vocab_size
        ids[0, -1] = end  # some heads read the state of the end token, of which there must be one
    inputs = {"input_ids": ids}
    if model.config.is_encoder_decoder and model.get_output_embeddings() is not None:
        inputs["decoder_input_ids"] = ids
    AttentionInterface.register(RECORDER, recorder)
    AttentionMaskInterface.register(RECORDER, sdpa_mask)
    before, training = model.config._attn_implementation, model.training
    model.set_attn_implementation(RECORDER)
    try:
        with torch.no_grad():
            model.eval()(**inputs)
    finally:
        model.set_attn_implementation(before)
        model.train(training)
    names = {id(module): name for name, module in model.named_modules()}
    found = [Seen(names[owner], size, key, value) for owner, (key, value, size) in seen.items()]
    if not found:
        hint = "choose a method that leaves attention alone"
        raise InputError(f"a prefix cannot be put into a {model.config.model_type} model", hint=hint)
    return found


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """As transformers calls attention: (rows, heads, tokens, size) in, (rows, tokens, heads, size) out."""
    import torch
    from torch.nn.functional import pad
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    prefix: Callable[[Tensor], tuple[Tensor, Tensor, Tensor | None]] | None = getattr(module, "prefix", None)
    if prefix is None:
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, is_causal=is_causal, position_bias=position_bias, **others
        )
    keys, values, bias = prefix(query)
    length, tokens, known = keys.shape[1], query.shape[2], key.shape[2]
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    if attention_mask is None and causal and tokens > 1:
        ones = torch.ones(tokens, known, dtype=torch.bool, device=query.device)
        attention_mask = ones.tril(known - tokens)[None, None]
    key, value = (
        torch.cat([new.to(old.dtype).expand(len(old), -1, -1, -1), old], 2)
        for new, old in ((keys, key), (values, value))
    )
    if attention_mask is not None:
        attention_mask = pad(attention_mask, (length, 0), value=attention_mask.dtype == torch.bool)
    if position_bias is not None:
        position_bias = pad(position_bias, (length, 0))
    if bias is not None:
        wide = pad(bias.to(query.dtype), (0, known))
        if attention_mask is None:
            attention_mask = wide
        elif attention_mask.dtype == torch.bool:
            attention_mask = wide.masked_fill(~attention_mask, torch.finfo(query.dtype).min)
        else:
            attention_mask = attention_mask + wide
    return sdpa_attention_forward(  # type: ignore[no-any-return]
        module, query, key, value, attention_mask, is_causal=False, position_bias=position_bias, **others
    )

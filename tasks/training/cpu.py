"""What makes a training step fast on a CPU in bfloat16: attention as plain matrix products, and cheaper dropout.

PyTorch's fused attention is written for memory, not for speed on a CPU: forward and backward in bfloat16 take 2 to 7
times as long as the same products done one after the other in pieces that stay in the cache, and with dropout it is
not used at all. PyTorch's dropout draws a number per value; 15 random bits per value, cut from 64-bit words, do the
same in a fifth of the time. `bench/kernels.py` measures both.

Both compute what the modules they stand in for compute. They are used while training, on a CPU, in bfloat16, and for
architectures whose attention is known to be of the plain kind; a test compares each with transformers' own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedConfig, PreTrainedModel

NAME = "galen_cpu"
PLAIN = frozenset({"bert", "roberta", "xlm-roberta", "electra", "llama", "mistral", "qwen2", "qwen3", "gpt2"})
"""`model_type`s whose attention is softmax(QK'/s)V with nothing added: no position bias, no cap, no sink."""
CACHE = 1 << 20  # bytes of attention weights that are worked on at a time
BITS = 15


@dataclass(frozen=True)
class Group:
    """Records of about one length in packed rows."""

    places: Tensor
    """(records, longest): where each token lies in the flattened rows; 0 beyond a record's end."""
    real: Tensor
    """(records, longest), bool: what is not beyond the end."""


def groups(spans: NDArray[np.int64]) -> list[Group]:
    """Group records of packed rows by length, so that attention is computed within records and hardly pads.

    Args:
        spans: (records, 2): where each begins in the flattened rows, and its length.
    """
    order = (-spans[:, 1]).argsort(kind="stable")
    made: list[Group] = []
    first = 0
    for place in range(1, len(order) + 1):
        longest = int(spans[order[first], 1])
        if place < len(order) and spans[order[place], 1] > 0.75 * longest:
            continue
        some = torch.from_numpy(spans[order[first:place]])
        steps = torch.arange(longest)
        real = steps[None, :] < some[:, 1:]
        made.append(Group(torch.where(real, some[:, :1] + steps, 0), real))
        first = place
    return made


def knows(config: PreTrainedConfig) -> bool:
    """Whether this attention is of the kind that a model has, by its `model_type`."""
    return config.model_type in PLAIN


def speed_up(model: Any, *, attention: bool = True) -> bool:
    """Give a model fast attention (where its kind is known) and fast dropout, for training on a CPU in bfloat16.

    Returns:
        Whether attention was replaced: packed rows then need `documents=groups(...)`.
    """
    plain: PreTrainedModel = model.get_base_model() if hasattr(model, "get_base_model") else model
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
    if not attention or not knows(plain.config):
        return False
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(NAME, _attention)
    AttentionMaskInterface.register(NAME, _mask)
    plain.set_attn_implementation(NAME)
    return True


class Dropout(nn.Dropout):
    """Dropout with a cheaper mask; the share is exact to 2^-15."""

    def forward(self, values: Tensor) -> Tensor:
        """Zero a share of the values at random and scale the rest, while training."""
        if not self.training or self.p == 0 or values.dtype != torch.bfloat16:
            return super().forward(values)
        return cast("Tensor", _Dropout.apply(values, self.p))  # type: ignore[no-untyped-call]


def keep_mask(count: int, share: float) -> Tensor:
    """int16: all bits set where a value stays, none where it falls out. Draws from torch's generator."""
    words = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    bits = words.view(torch.int16)[:count]
    bits.bitwise_right_shift_(16 - BITS)  # uniform in [-2^14, 2^14)
    return bits.neg_().add_(round(share * 2**BITS) - 2 ** (BITS - 1)).bitwise_right_shift_(15)


def _kept(values: Tensor, mask: Tensor) -> Tensor:
    """bfloat16 values where the mask has its bits set, 0 elsewhere."""
    return values.contiguous().view(torch.int16).bitwise_and(mask.view(values.shape)).view(torch.bfloat16)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, share: float) -> Tensor:
        ctx.mask, ctx.scale = keep_mask(values.numel(), share), 1 / (1 - share)
        return _kept(values, ctx.mask).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _kept(gradients[0], ctx.mask).mul_(ctx.scale), None


def _mask(attention_mask: Tensor | None = None, **_: Any) -> Tensor | None:
    """Transformers asks for the mask here: padding is all it is told, causality and windows `_attention` knows."""
    return attention_mask


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    documents: list[Group] | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """As transformers calls attention: (rows, heads, tokens, size) in, (rows, tokens, heads, size) out."""
    causal = bool(getattr(module, "is_causal", True) if is_causal is None else is_causal)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    setting = _Setting(scale, causal, sliding_window, dropout, attention_mask, documents)
    return cast("Tensor", _Attention.apply(query, key, value, setting)), None  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Setting:
    scale: float
    causal: bool
    window: int | None
    dropout: float
    seen: Tensor | None
    """(rows, tokens), bool: keys that are not padding."""
    documents: list[Group] | None


class _Attention(torch.autograd.Function):
    """softmax(QK' * scale + mask), dropout, times V: as matrix products over a few rows at a time."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, setting: _Setting) -> Tensor:
        rows, heads, tokens, size = query.shape
        shared = heads // key.shape[1]  # heads that share a key and a value
        out = query.new_zeros(rows, tokens, heads, size)
        saved = []
        everything: list[Group | None] = [None]
        for group in setting.documents or everything:
            q = _gather(query, group)
            k, v = (_gather(one, group).repeat_interleave(shared, 1) for one in (key, value))
            weights, mask, result = _forward(q, k, v, setting)
            _scatter(out, result, group)
            saved.append((group, q, k, v, weights, mask))
        ctx.saved, ctx.setting, ctx.shared = saved, setting, shared
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        gradient = gradients[0].transpose(1, 2)  # (rows, heads, tokens, size)
        rows, heads, tokens, size = gradient.shape
        results = [gradient.new_zeros(rows, tokens, heads // part, size) for part in (1, ctx.shared, ctx.shared)]
        for group, q, k, v, weights, mask in ctx.saved:
            found = _backward(_gather(gradient, group), q, k, v, weights, mask, ctx.setting)
            for result, one, shared in zip(results, found, (1, ctx.shared, ctx.shared), strict=True):
                if shared > 1:
                    one = one.view(len(one), -1, shared, *one.shape[2:]).sum(2)
                _scatter(result, one, group)
        q_gradient, k_gradient, v_gradient = (result.transpose(1, 2) for result in results)
        return q_gradient, k_gradient, v_gradient, None


def _gather(values: Tensor, group: Group | None) -> Tensor:
    """(rows, heads, tokens, size) as contiguous (records, heads, longest, size)."""
    if group is None:
        return values.contiguous()
    flat = values.transpose(1, 2).flatten(0, 1)  # (rows * tokens, heads, size)
    return flat[group.places].transpose(1, 2).contiguous()


def _scatter(into: Tensor, values: Tensor, group: Group | None) -> None:
    """Write (records, heads, longest, size) back to (rows, tokens, heads, size)."""
    if group is None:
        into.copy_(values.transpose(1, 2))
    else:
        into.flatten(0, 1)[group.places[group.real]] = values.transpose(1, 2)[group.real]


def _pieces(records: int, heads: int, tokens: int) -> list[slice]:
    """So many records at a time that their attention weights stay in the cache."""
    step = max(1, CACHE // (2 * heads * tokens * tokens))
    return [slice(at, at + step) for at in range(0, records, step)]


def _forward(q: Tensor, k: Tensor, v: Tensor, setting: _Setting) -> tuple[Tensor, Tensor | None, Tensor]:
    """Attention weights (records * heads, tokens, tokens) before dropout, its mask, and the result."""
    records, heads, tokens, _ = q.shape
    weights = q.new_empty(records * heads, tokens, tokens)
    result = torch.empty_like(q)
    hidden = _hidden(tokens, setting, q.dtype)
    mask = keep_mask(weights.numel(), setting.dropout).view(weights.shape) if setting.dropout else None
    q = q * setting.scale
    for piece in _pieces(records, heads, tokens):
        one = slice(piece.start * heads, piece.stop * heads)
        scores = torch.bmm(q[piece].flatten(0, 1), k[piece].flatten(0, 1).transpose(1, 2))
        if hidden is not None:
            scores.view(-1, heads, tokens, tokens).add_(hidden[piece] if len(hidden) > 1 else hidden)
        torch.softmax(scores, -1, out=weights[one])
        used = weights[one] if mask is None else _kept(weights[one], mask[one])
        torch.bmm(used, v[piece].flatten(0, 1), out=result[piece].flatten(0, 1))
    return weights, mask, result if mask is None else result.mul_(1 / (1 - setting.dropout))


def _backward(
    gradient: Tensor, q: Tensor, k: Tensor, v: Tensor, weights: Tensor, mask: Tensor | None, setting: _Setting
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v, each (records, heads, tokens, size)."""
    records, heads, tokens, _ = q.shape
    dq, dk, dv = torch.empty_like(q), torch.empty_like(q), torch.empty_like(q)
    if mask is not None:
        gradient = gradient * (1 / (1 - setting.dropout))
    for piece in _pieces(records, heads, tokens):
        one = slice(piece.start * heads, piece.stop * heads)
        g, weight = gradient[piece].flatten(0, 1), weights[one]
        used = weight if mask is None else _kept(weight, mask[one])
        torch.bmm(used.transpose(1, 2), g, out=dv[piece].flatten(0, 1))
        of_weights = torch.bmm(g, v[piece].flatten(0, 1).transpose(1, 2))
        if mask is not None:
            of_weights = _kept(of_weights, mask[one])
        of_scores = torch._softmax_backward_data(of_weights, weight, -1, weight.dtype)
        torch.bmm(of_scores, k[piece].flatten(0, 1), out=dq[piece].flatten(0, 1))
        torch.bmm(of_scores.transpose(1, 2), q[piece].flatten(0, 1), out=dk[piece].flatten(0, 1))
    return dq.mul_(setting.scale), dk.mul_(setting.scale), dv


def _hidden(tokens: int, setting: _Setting, dtype: torch.dtype) -> Tensor | None:
    """What is added to hide the future, the past beyond a sliding window, and padding.

    Shape (1 or rows, 1, 1 or tokens, tokens). Packed rows need no padding hidden: only what comes after a record is.
    """
    hide = None
    if setting.causal:
        ones = torch.ones(tokens, tokens, dtype=torch.bool)
        hide = ones.triu(1)
        if setting.window is not None:
            hide |= ones.tril(-setting.window)
        hide = hide[None, None]
    if setting.seen is not None and setting.documents is None:
        padding = setting.seen.logical_not()[:, None, None, :]
        hide = padding if hide is None else hide | padding
    if hide is None:
        return None
    return torch.zeros(hide.shape, dtype=dtype).masked_fill_(hide, torch.finfo(dtype).min)

"""Cross entropy of predicted tokens without ever holding the logits of a whole pass.

The output matrix turns hidden states (tokens, d) into logits (tokens, v), and v is a hundred times d: with a vocabulary
of 49,152, the logits of 2,048 tokens and what cross entropy makes of them need 1.6 GB. Here hidden states are taken
where a token is predicted, and nowhere else; where their logits are many, they are made a few rows at a time, and each
row's gradient with them, so that none is kept and none is made twice (Wijmans et al. 2025, "Cut Your Losses in
Large-Vocabulary Language Models", without a fused kernel; Hsu et al. 2024, "Liger Kernel").

What a model does to its logits behind the output matrix (Gemma caps them, Cohere and Granite scale them, BART adds a
bias) is read from its config and compared, once for each model, with its own logits: every bit must be the same. A
model whose logits cannot be explained so is computed with all of them, and a warning says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

HELD = 1 << 23
"""Logits that may be held at a time (2,048 tokens of 4,096): up to so many are computed at once, as by PyTorch."""
CACHED = 1 << 20
"""Logits of which the float32 values are worked on at a time."""
MULTIPLIERS = ("logit_scale", "logits_scaling", "lm_head_multiplier", "output_multiplier")
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap", "softcap")
BIAS = "final_logits_bias"

Inputs = Mapping[str, Any]
Places = tuple[Tensor, ...]
"""Two tensors, rows and columns of the states that predict a token, each of shape (n,)."""
Step = Callable[[Tensor], Tensor]

_EXPLAINED: WeakKeyDictionary[nn.Module, Step | None] = WeakKeyDictionary()


def summed(model: Any, inputs: Inputs, places: Places, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy summed over some places of one forward pass: a scalar, float32, to go back from.

    Args:
        model: anything with output embeddings, in any float dtype; cross entropy is computed in float32.
        inputs: arguments of the model: tensors of (rows, tokens).
        places: where tokens are predicted, among the states that the model's output is computed from.
        targets: the token at each place, (n,).
        smoothing: share of each target that is spread evenly over the vocabulary.
    """
    steps = _steps(model, targets)
    if steps is None:
        with only_at(model, *places):
            logits: Tensor = model(**inputs, use_cache=False).logits[0]
        return cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=smoothing)
    with _at_output(model, places, lambda head, states: _in_pieces(head, steps, states, targets, smoothing)) as found:
        first: Tensor = model(**inputs, use_cache=False).logits
    if _is_sharded(model):  # slices are put together for a backward pass where the model's own output takes part in it
        return found[0] + first.flatten()[:0].sum()
    return found[0]


def each(model: Any, inputs: Inputs, places: Places, targets: Tensor) -> Tensor:
    """The same for each place by itself: (n,), float32, without a gradient; `inputs` may bring a cache and use it."""
    inputs = {"use_cache": False, **inputs}
    with torch.inference_mode():
        steps = _steps(model, targets)
        if steps is None:
            with only_at(model, *places):
                logits = model(**inputs).logits[0]
            return cross_entropy(logits.float(), targets, reduction="none")

        def losses(head: nn.Module, states: Tensor) -> Tensor:
            pieces = zip(torch.split(states, _rows(head)), torch.split(targets, _rows(head)), strict=True)
            return torch.cat([_losses(steps(_raw(head, some)), wanted) for some, wanted in pieces])

        with _at_output(model, places, losses) as found:
            model(**inputs)
    return found[0]


def is_wide(model: Any, tokens: int) -> bool:
    """Whether the logits of so many tokens are too many to be held."""
    return tokens * _width(model.get_output_embeddings()) > HELD


@contextmanager
def only_at(model: Any, rows: Tensor, places: Tensor) -> Iterator[None]:
    """Within the block, the output embeddings see only the hidden states at (rows, places): shape (1, places, hidden).

    The vocabulary is the widest matrix of a small model, and most tokens are a question's: nobody needs their logits.
    """

    def select(_: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (arguments[0][rows, places].unsqueeze(0), *arguments[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _at_output(model: Any, places: Places, compute: Callable[[nn.Module, Tensor], Tensor]) -> Iterator[list[Tensor]]:
    """Within the block, a pass of the model computes something from the states (n, d) that its output would see.

    It is computed inside the pass, where the weights of a sharded model are whole. The model itself goes on with the
    logits of the first place, for which it has some use that is ours to ignore.
    """
    found: list[Tensor] = []
    head = model.get_output_embeddings()

    def select(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states = arguments[0][places]
        found.append(compute(module, states))
        return (states[:1].unsqueeze(0), *arguments[1:])

    hook = head.register_forward_pre_hook(select)
    try:
        yield found
    finally:
        hook.remove()


def _in_pieces(head: nn.Module, steps: Step, states: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    weights = [weight for weight in head.parameters() if weight.requires_grad]
    how = (head, steps, targets, smoothing)
    return cast("Tensor", _Summed.apply(how, states, *weights))  # type: ignore[no-untyped-call]


class _Summed(torch.autograd.Function):
    """The sum of all losses; gradients are made on the way, as the logits would otherwise be needed a second time."""

    @staticmethod
    def forward(ctx: Any, how: tuple[nn.Module, Step, Tensor, float], states: Tensor, *weights: Tensor) -> Tensor:
        head, steps, targets, smoothing = how
        wanted = ctx.needs_input_grad[1:]
        to_states = torch.empty_like(states) if wanted[0] else None
        to_weights = [torch.zeros_like(weight, dtype=torch.float32) for weight in weights if any(wanted)]
        total = states.new_zeros((), dtype=torch.float64)
        size = _rows(head)
        for first in range(0, len(states), size):
            piece = slice(first, first + size)
            part = states[piece].detach().requires_grad_(wanted[0])
            with torch.set_grad_enabled(any(wanted)):
                logits = steps(_raw(head, part))
            slopes = torch.empty_like(logits) if any(wanted) else None
            total += _losses(logits.detach(), targets[piece], smoothing, slopes).sum()
            if slopes is None:
                continue
            asked = [part, *weights] if wanted[0] else weights
            gradients = list(torch.autograd.grad(logits, asked, slopes))
            if to_states is not None:
                to_states[piece] = gradients.pop(0)
            for whole, gradient in zip(to_weights, gradients, strict=True):
                whole += gradient
        ctx.to_states, ctx.to_weights = to_states, to_weights
        return total.float()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        scale = outer[0]
        to_states = None if ctx.to_states is None else ctx.to_states * scale
        return None, to_states, *(whole * scale for whole in ctx.to_weights)


def _losses(logits: Tensor, targets: Tensor, smoothing: float = 0.0, slopes: Tensor | None = None) -> Tensor:
    """Cross entropy of each row of logits (n, v), float32; the gradient of their sum is written into `slopes`."""
    losses = logits.new_empty(len(targets), dtype=torch.float32)
    size = max(1, CACHED // logits.shape[-1])
    for first in range(0, len(targets), size):
        piece = slice(first, first + size)
        wanted = targets[piece, None]
        logs = logits[piece].float().log_softmax(-1)
        losses[piece] = -logs.gather(-1, wanted)[:, 0]
        if smoothing:
            losses[piece] = (1 - smoothing) * losses[piece] - smoothing * logs.mean(-1)
        if slopes is not None:
            slope = logs.exp_()
            if smoothing:
                slope -= smoothing / slope.shape[-1]
            slopes[piece] = slope.scatter_add_(-1, wanted, slope.new_full(wanted.shape, smoothing - 1))
    return losses


def _steps(model: Any, targets: Tensor) -> Step | None:
    """What the model does to its logits; None where all of them are computed at once.

    Whether a sharded model is asked must not depend on the pass: all processes ask together.
    """
    if not (is_wide(model, len(targets)) or _is_sharded(model)):
        return None
    head = model.get_output_embeddings()
    if head not in _EXPLAINED:
        _EXPLAINED[head] = _explained(model, head)
        if _EXPLAINED[head] is None:
            warnings.warn(
                f"the logits of {type(_plain(model)).__name__} are not what its output matrix and its config say: "
                "the loss holds all logits of a pass, which takes more memory",
                stacklevel=3,
            )
    return _EXPLAINED[head]


def _explained(model: Any, head: nn.Module) -> Step | None:
    """The first way from the head's output to logits that gives the model's own, every bit the same."""
    seen: list[Tensor] = []
    ids = torch.arange(8, device=next(head.parameters()).device)[None]
    more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}

    def look(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.append(arguments[0])
        raw.append(_raw(head, arguments[0]))

    raw: list[Tensor] = []
    hook = head.register_forward_pre_hook(look)
    try:
        with torch.no_grad(), torch.random.fork_rng():
            logits = model(input_ids=ids, **more, use_cache=False).logits
            for step in _candidates(_plain(model)):
                if torch.equal(step(raw[0]).float(), logits.float()):
                    return step
    finally:
        hook.remove()
    return None


def _candidates(model: Any) -> Iterator[Step]:
    """Ways from the head's output to logits that the config speaks of; the last one is to leave it as it is.

    Scales come before caps. Granite divides by the setting that HyperCLOVA X multiplies with: both are tried.
    """
    config = model.config.get_text_config(decoder=True)
    scales, caps = ([one for name in names if (one := getattr(config, name, None))] for names in (MULTIPLIERS, CAPS))
    bias = getattr(model, BIAS, None)
    for scale, cap in product(scales or [None], caps or [None]):
        for divide in (True, False) if scale else (True,):
            yield _step(scale, cap, bias, divide)
    if scales or caps or bias is not None:
        yield _step(None, None, None, True)


def _step(scale: float | None, cap: float | None, bias: Tensor | None, divide: bool) -> Step:
    def step(logits: Tensor) -> Tensor:
        if scale is not None:
            logits = logits / scale if divide else logits * scale
        if cap is not None:
            logits = torch.tanh(logits / cap) * cap
        return logits if bias is None else logits + bias.to(logits.device)

    return step


def _raw(head: nn.Module, states: Tensor) -> Tensor:
    """The head alone, without the hooks that choose what it sees."""
    return cast("Tensor", head.forward(states))


def _rows(head: nn.Module) -> int:
    """Of logits that are made at a time."""
    return max(1, HELD // _width(head))


def _width(head: Any) -> int:
    """Tokens of the vocabulary, as the output matrix counts them."""
    return int(getattr(head, "out_features", None) or head.weight.shape[0])


def _plain(model: Any) -> Any:
    """The model of transformers inside what a method has put around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _is_sharded(model: nn.Module) -> bool:
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)

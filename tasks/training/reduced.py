"""A small model of a base's architecture, with random weights: what the architecture can do shows on it in a second.

Its layers are as wide as the base's, but there are only so many that every kind of layer is among them; its vocabulary
is cut, and of many experts a few are left. A matrix is drawn so that it passes on what it is given: with the small
weights that transformers starts a model from, one record's trace in another could be taken for rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tasks.training.library import new, on_meta, own_class

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedConfig, PreTrainedModel

SMALL = 20_000_000
"""Parameters of a model that is not worth reducing."""
LARGEST = 3_000_000_000
"""Parameters of a model that is not made: 12 GB in float32."""
VOCABULARY, EXPERTS = 1024, 8
EXPERT_COUNTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
SPECIAL = tuple(f"{name}_token_id" for name in ("pad", "bos", "eos", "sep", "cls", "mask", "decoder_start"))
KINDS = (bool, str, type(None))


def reduced(config: PreTrainedConfig, kind: Any, *, whole_vocabulary: bool = False) -> PreTrainedModel | None:
    """A small random model, float32, in evaluation mode, on the CPU; None where even that is too large to make.

    Draws nothing from torch's generator.

    Args:
        config: of the base, for a task.
        kind: the auto class of the task.
        whole_vocabulary: every token of the base is one of the small model's, too.
    """
    import torch

    plain = copy.deepcopy(config)
    if hasattr(plain, "quantization_config"):
        del plain.quantization_config
    smaller = _smaller(plain, kind, whole_vocabulary=whole_vocabulary)
    if _parameters(on_meta(kind, smaller)) > LARGEST:
        return None
    smaller._attn_implementation = None  # transformers chooses, as for the base
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = new(own_class(kind, smaller), smaller)
        for weight in model.float().parameters():
            if weight.dim() > 1 and weight.is_floating_point():
                weight.normal_(std=weight[0].numel() ** -0.5)
        for module in model.modules():
            if getattr(module, "padding_idx", None) is not None and hasattr(module, "weight"):
                module.weight[module.padding_idx] = 0  # as it is learned: MobileBERT reads its neighbours
    return model.eval()


def _smaller(config: PreTrainedConfig, kind: Any, *, whole_vocabulary: bool) -> PreTrainedConfig:
    """The config of a model with fewer layers, tokens and experts; as it is, where it is small or cannot be reduced."""
    whole = on_meta(kind, copy.deepcopy(config))
    if _parameters(whole) <= SMALL:
        return config
    draft = copy.deepcopy(config)
    try:
        if not whole_vocabulary:
            _fewer_tokens(draft)
        _fewer_experts(draft)
        _fewer_layers(draft, whole)
        small = on_meta(kind, copy.deepcopy(draft))
    except Exception:  # an architecture that counts otherwise: the whole shape is slower, and as good
        return config
    same = {kind for layers in _stacks(whole) for kind in layers} == {kind for one in _stacks(small) for kind in one}
    return draft if same or draft.num_hidden_layers == config.num_hidden_layers else config


def _fewer_tokens(config: PreTrainedConfig) -> None:
    if config.vocab_size <= VOCABULARY:
        return
    config.vocab_size = VOCABULARY
    for place, name in enumerate(SPECIAL):
        token = getattr(config, name, None)
        token = token[0] if isinstance(token, list) else token
        if isinstance(token, int):
            setattr(config, name, token if token < VOCABULARY else VOCABULARY - 1 - place)


def _fewer_experts(config: PreTrainedConfig) -> None:
    for name in EXPERT_COUNTS:
        if isinstance(count := getattr(config, name, None), int) and count > EXPERTS:
            setattr(config, name, EXPERTS)
            if isinstance(chosen := getattr(config, "num_experts_per_tok", None), int):
                config.num_experts_per_tok = min(chosen, EXPERTS)


def _fewer_layers(config: PreTrainedConfig, whole: PreTrainedModel) -> None:
    """So many layers, from the first on, that every kind of layer is among them; lists with an entry per layer too."""
    layers = config.num_hidden_layers
    needed = max((_first_of_all(stack) for stack in _stacks(whole) if len(stack) == layers), default=layers)
    if needed >= layers:
        return
    for key, value in vars(config).items():
        if isinstance(value, list | tuple) and len(value) == layers:
            setattr(config, key, value[:needed])
    for name in ("num_hidden_layers", "num_decoder_layers", "decoder_layers"):
        if getattr(config, name, None) == layers:
            setattr(config, name, needed)


def _stacks(model: PreTrainedModel) -> Iterator[list[Any]]:
    """For every list of layers, what kind each of them is."""
    from torch import nn

    lists = {name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)}
    for name, layers in lists.items():
        if len(layers) and not any(name.startswith(f"{other}.") for other in lists):
            yield [_kind(layer) for layer in layers]


def _kind(layer: nn.Module) -> Any:
    """What tells a layer from one of another kind: classes, shapes, and settings that are words or yes and no."""
    return tuple(
        (
            name,
            type(module).__name__,
            tuple(tuple(weight.shape) for weight in module.parameters(recurse=False)),
            tuple(sorted((key, repr(value)) for key, value in vars(module).items() if _tells(key, value))),
        )
        for name, module in layer.named_modules()
    )


def _tells(key: str, value: object) -> bool:
    return isinstance(value, KINDS) or (isinstance(value, int) and "window" in key)


def _first_of_all(kinds: list[Any]) -> int:
    """How many layers, from the first on, hold every kind."""
    return 1 + max(kinds.index(kind) for kind in kinds)


def _parameters(model: PreTrainedModel) -> int:
    return sum(weight.numel() for weight in model.parameters())

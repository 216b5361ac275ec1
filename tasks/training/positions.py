"""How long a text a model can read: what its config says, tried on a small model where positions are a table.

Configs do not count alike. RoBERTa's relatives begin behind their padding id, so that of 514 positions 512 are left;
others keep two for themselves, or have a table of another name for each side. A text beyond the table ends in an
IndexError. Positions that are computed (rotary, relative, none) run out nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.errors import InputError
from tasks.training.library import on_meta
from tasks.training.reduced import reduced

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedConfig

SET_ASIDE = 8
"""Positions that a table may hold beside those of its config, or keep for itself."""
NAMES = ("max_position_embeddings", "max_encoder_position_embeddings", "max_decoder_position_embeddings")

_KNOWN: dict[str, int | None] = {}


def positions(config: PreTrainedConfig) -> int | None:
    """The longest text in tokens, special ones included (of an encoder-decoder: on both sides); None for no limit.

    Raises:
        InputError: the model cannot read a single token.
    """
    key = config.to_json_string(use_diff=False)
    if key not in _KNOWN:
        _KNOWN[key] = _tried(config)
    return _KNOWN[key]


def _tried(config: PreTrainedConfig) -> int | None:
    import torch
    from transformers import AutoModel

    said = [value for name in NAMES if isinstance(value := getattr(config, name, None), int) and value > 0]
    if not said:
        return None
    if type(config) not in AutoModel._model_mapping or not _has_table(config, AutoModel, said):
        return max(said)
    model = reduced(config, AutoModel)
    if model is None:
        return max(said)

    def reads(tokens: int) -> None:
        ids = torch.full((1, tokens), _ordinary(model.config))
        (model.get_encoder() if config.is_encoder_decoder else model)(input_ids=ids)

    def writes(tokens: int) -> None:
        ids = torch.full((1, tokens), _ordinary(model.config))
        model(input_ids=ids[:, :1], decoder_input_ids=ids)

    longest = _longest(reads, max(said), config)
    return min(longest, _longest(writes, max(said), config)) if config.is_encoder_decoder else longest


def _longest(works: Callable[[int], None], most: int, config: PreTrainedConfig) -> int:
    """The largest number of tokens, at most `most`, that works: it is near, or it is searched for."""
    import torch

    def possible(tokens: int) -> bool:
        try:
            with torch.no_grad():
                works(tokens)
        except (IndexError, RuntimeError, ValueError):
            return False
        return True

    for tokens in range(most, max(0, most - SET_ASIDE), -1):
        if possible(tokens):
            return tokens
    low, high = 0, max(0, most - SET_ASIDE)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if possible(middle) else (low, middle - 1)
    if not low:
        raise InputError(f"a {config.model_type} model cannot read a text here", hint="choose another base")
    return low


def _has_table(config: PreTrainedConfig, kind: Any, said: list[int]) -> bool:
    """Whether anything in the model has a row for each position."""
    import copy

    from torch import nn

    model = on_meta(kind, copy.deepcopy(config))
    words = model.get_input_embeddings()
    tables = [len(one.weight) for one in model.modules() if isinstance(one, nn.Embedding) and one is not words]
    tables += [size for _, buffer in model.named_buffers() for size in buffer.shape]
    tables += [len(one) for name, one in model.named_parameters() if "position" in name and one.dim() > 1]
    return any(count <= size <= count + SET_ASIDE for size in tables for count in said)


def _ordinary(config: PreTrainedConfig) -> int:
    """A token that is no padding, to the config or to a class that has its own idea of it (MPNet: 1)."""
    special = {getattr(config, f"{name}_token_id", None) for name in ("pad", "bos", "eos", "sep", "mask")}
    return next(token for token in range(4, 16) if token not in special)

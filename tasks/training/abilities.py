"""What an architecture can do, found by trying it on a small model of its kind (`tasks.training.reduced`).

Transformers takes the same arguments for every architecture, and not every one heeds them: BioGPT's attention is not
told where packed records begin, a recurrent state runs on over the border, FNet mixes the padding in. The answer
depends on the config alone, as the small model's weights are always the same, so it is computed once a process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.config.words import Task
from tasks.training import behind
from tasks.training.reduced import reduced
from tasks.training.shapes import auto_class

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

TOLERANCE = 1e-3
"""Of the spread of a model's outputs. Float32 rounds at 1e-6 of it; a leak moves them by a tenth and more."""
LENGTHS = (13, 7, 10)
"""Tokens of the records that are packed and padded."""


@dataclass(frozen=True)
class Abilities:
    """What was seen."""

    attention: str
    """The implementation that transformers chose: sdpa, or eager where the architecture has no other."""
    packs: bool
    """Records that share a row say what each says alone."""
    pads: bool
    """A record beside a longer one, filled up on the right, says what it says alone."""
    pads_left: bool
    """So it does filled up on the left, as a decoder needs it that answers several questions at once."""
    continues: bool = False
    """What is read behind a prompt that the model has read before, from its cache, says what it says in one go."""
    tried: bool = True
    """Whether a small model could be made at all; if not, the careful answers stand here."""


_KNOWN: dict[tuple[str, Task], Abilities] = {}


def abilities(config: PreTrainedConfig, task: Task) -> Abilities:
    """What the architecture of a config can do with a task. Draws nothing from torch's generator.

    Raises:
        Exception: of whatever kind transformers raises, where the architecture cannot even read a few tokens.
    """
    key = (config.to_json_string(use_diff=False), task)
    if key not in _KNOWN:
        _KNOWN[key] = _seen(config, task)
    return _KNOWN[key]


def _seen(config: PreTrainedConfig, task: Task) -> Abilities:
    import torch

    model = reduced(config, auto_class(task))
    if model is None:
        return Abilities("unknown", packs=False, pads=True, pads_left=False, tried=False)
    attention = str(model.config._attn_implementation)
    records = some_records(model, LENGTHS)
    with torch.no_grad():
        alone = [outputs(model, torch.tensor([one])) for one in records]
        pads = same(padded(model, records, left=False), alone)
        left = task != "causal-lm" or same(padded(model, records, left=True), alone)
        packs = task == "causal-lm" and packed(model, records, alone)
        rest = behind.tried(model, records) if task == "causal-lm" and left else None
        continues = rest is not None and same(rest, [one[len(one) // 2 :] for one in alone])
    return Abilities(attention, packs=packs, pads=pads, pads_left=left, continues=continues)


def some_records(model: Any, lengths: tuple[int, ...]) -> list[list[int]]:
    """Token ids, the same for every call: no special ones but the end token, which closes each record."""
    import random

    config = model.config
    special = {value for key, value in config.to_dict().items() if key.endswith("_token_id") and isinstance(value, int)}
    ordinary = [token for token in range(config.get_text_config().vocab_size) if token not in special]
    end = getattr(config, "eos_token_id", None)
    end = end[0] if isinstance(end, list) else end
    chance = random.Random(0)
    return [
        [*chance.choices(ordinary, k=length - 1), end if isinstance(end, int) else ordinary[0]] for length in lengths
    ]


def packed(model: Any, records: list[list[int]], alone: list[torch.Tensor]) -> bool:
    """Whether records in one row say what each says alone. The row is as `tasks.training.batches.collate` makes it."""
    import torch

    ids = torch.tensor([[token for one in records for token in one]])
    positions = torch.cat([torch.arange(len(one)) for one in records])[None]
    try:
        logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits[0]
    except (TypeError, ValueError, RuntimeError, IndexError):  # it takes no positions
        return False
    return same(list(logits.split([len(one) for one in records])), alone)


def padded(model: Any, records: list[list[int]], *, left: bool) -> list[torch.Tensor]:
    """What a model says of records in one batch; of each the part that is no padding."""
    import torch

    longest = max(map(len, records))
    padding = model.config.get_text_config().pad_token_id or 0
    ids = torch.full((len(records), longest), padding)
    mask = torch.zeros_like(ids)
    spans = [slice(longest - len(one), longest) if left else slice(0, len(one)) for one in records]
    for row, (one, span) in enumerate(zip(records, spans, strict=True)):
        ids[row, span] = torch.tensor(one)
        mask[row, span] = 1
    more: dict[str, Any] = {}
    if left:  # as transformers' `generate` counts them
        more["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    try:
        found = outputs(model, ids, mask, **more)
    except TypeError:
        found = outputs(model, ids, mask)
    return [one[span] if one.shape[0] == longest else one for one, span in zip(found, spans, strict=True)]


def outputs(model: Any, ids: torch.Tensor, mask: torch.Tensor | None = None, **more: Any) -> torch.Tensor:
    """Logits of a batch, or of its only record: (rows, tokens, ...) or (rows, labels)."""

    from tasks.training.objectives.seq2seq_lm import shifted_right

    given = {"input_ids": ids, **more} | ({} if mask is None else {"attention_mask": mask})
    if model.config.is_encoder_decoder and model.get_output_embeddings() is not None:
        given["decoder_input_ids"] = shifted_right(ids, model.config.decoder_start_token_id)
    logits: torch.Tensor = model(**given).logits.float()
    return logits if len(ids) > 1 else logits[0]


def same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> bool:
    """Whether outputs of the same records are the same, but for rounding."""
    import torch

    spread = torch.cat([one.flatten() for one in expected]).std()
    return all(
        bool((one - other).abs().max() <= TOLERANCE * spread) for one, other in zip(found, expected, strict=True)
    )

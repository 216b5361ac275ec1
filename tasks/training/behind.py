"""Several continuations behind one prompt, which the model reads once: what it keeps of a prompt is its own cache, the
one that it generates with.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def read(model: Any, ids: Tensor, mask: Tensor) -> Any:
    """One pass over prompts that are filled up on the left, (rows, tokens): what the model returns, its cache included.

    Places are counted from each prompt's first token, as transformers' `generate` counts them.
    """
    return model(input_ids=ids, attention_mask=mask, use_cache=True, **_places(model, (mask.cumsum(-1) - 1).clamp(0)))


def behind(model: Any, cache: Any, mask: Tensor, of: Tensor, ids: Tensor, real: Tensor) -> dict[str, Any]:
    """Arguments of the model for a pass over continuations of those prompts.

    Args:
        model: what read the prompts.
        cache: what it kept of them; it is changed, and serves this one pass.
        mask: of the prompts, (prompts, tokens).
        of: the prompt of each continuation, (rows,).
        ids: the continuations, filled up on the right, (rows, tokens).
        real: what of them is no filling.
    """
    import torch

    cache.batch_select_indices(of)
    places = mask.sum(-1)[of, None] + torch.arange(ids.shape[1], device=ids.device)
    return {
        "input_ids": ids,
        "attention_mask": torch.cat([mask[of], real], 1),
        "past_key_values": cache,
        "use_cache": True,
        **_places(model, places),
    }


def tried(model: Any, records: list[list[int]]) -> list[torch.Tensor] | None:
    """What a model says of each record's second half behind its first half; None where it cannot be asked so.

    Every record is continued twice, by its own half and by another record's, so that what one leaves in the cache for
    the other would show.

    Args:
        model: a decoder.
        records: token ids.

    Returns:
        of each record its logits from the half on, (tokens, vocabulary).
    """
    import torch

    halves = [len(one) // 2 for one in records]
    prompts = [one[:half] for one, half in zip(records, halves, strict=True)]
    more = [one[half:] for one, half in zip(records, halves, strict=True)]
    longest, widest = max(map(len, prompts)), max(map(len, more))
    ids, mask = (torch.zeros((len(records), longest), dtype=torch.long) for _ in range(2))
    next_ids, real = (torch.zeros((2 * len(records), widest), dtype=torch.long) for _ in range(2))
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :], mask[row, longest - len(prompt) :] = torch.tensor(prompt), 1
        for place, rest in ((2 * row, more[row]), (2 * row + 1, more[row - 1])):
            next_ids[place, : len(rest)], real[place, : len(rest)] = torch.tensor(rest), 1
    of = torch.arange(len(records)).repeat_interleave(2)
    try:
        first = read(model, ids, mask)
        second = model(**behind(model, first.past_key_values, mask, of, next_ids, real)).logits.float()
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError, NotImplementedError):
        return None  # it keeps something else, or nothing
    return [second[2 * row, : len(rest)] for row, rest in enumerate(more)]


def _places(model: Any, places: Tensor) -> dict[str, Tensor]:
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    return {"position_ids": places} if "position_ids" in inspect.signature(plain.forward).parameters else {}

"""Single forward passes of any model on any task's inputs, and what its layers hold there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.config.words import Task
from tasks.model_text import text_ids, word_pieces

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Ids = Sequence[int]


def encoded(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[Mapping[str, Any]], task: Task, length: int
) -> list[list[int]]:
    """Token ids of what a model reads of each record, at most `length` of them."""
    from tasks.training.prompts import prompt_ids

    if task in ("causal-lm", "seq2seq-lm"):
        return [ids[-length:] for ids in prompt_ids(tokenizer, [row["prompt"] for row in rows], task)]
    if task == "token-classification":
        return [one.ids for one in word_pieces(tokenizer, [row["tokens"] for row in rows], length)[0]]
    return text_ids(tokenizer, [row["text"] for row in rows], length)[0]


def forward(model: Any, texts: Sequence[Ids], padding: int, **others: Any) -> tuple[Any, torch.Tensor]:
    """One pass over a batch of texts: what the model returns, and the mask (rows, tokens) of what is no padding.

    A decoder that reads an encoder gets its start token, so its cost is that of the first word of an answer.
    """
    import torch

    longest = max(len(one) for one in texts)
    ids = torch.tensor([[*one, *[padding] * (longest - len(one))] for one in texts], device=model.device)
    lengths = torch.tensor([len(one) for one in texts], device=model.device)
    mask = (torch.arange(longest, device=model.device) < lengths[:, None]).long()
    if model.config.is_encoder_decoder and model.get_output_embeddings() is not None:
        start = torch.full((len(texts), 1), int(model.config.decoder_start_token_id), device=model.device)
        others["decoder_input_ids"] = start
    with torch.inference_mode():
        return model(input_ids=ids, attention_mask=mask, **others), mask


def states(model: Any, texts: Sequence[Ids], padding: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """What every layer of the model (of its encoder, where it has one) makes of a batch, and the mask of the texts.

    Each of shape (rows, tokens, features), float32, from the embeddings to the last layer; trained vectors that a
    method puts between the tokens are left out.
    """
    from contextlib import nullcontext

    import torch

    from tasks.training.token_loss import only_at

    nowhere = torch.zeros(0, dtype=torch.long)
    with nullcontext() if model.get_output_embeddings() is None else only_at(model, nowhere, nowhere):  # no logits
        found, mask = forward(model, texts, padding, output_hidden_states=True)
    layers = getattr(found, "encoder_hidden_states", None) or found.hidden_states
    more = layers[0].shape[1] - mask.shape[1]
    at = int(model.at) if more else 0
    plain = [torch.cat([one[:, :at], one[:, at + more :]], 1) if more else one for one in layers]
    return [one.float() for one in plain], mask


def pooled(model: Any, texts: Sequence[Ids], padding: int, at_a_time: int = 16) -> torch.Tensor:
    """Mean of the last layer over the tokens of each text: (texts, features), in the order of the texts."""
    import torch

    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    found: dict[int, torch.Tensor] = {}
    for first in range(0, len(order), at_a_time):
        places = order[first : first + at_a_time]
        layers, mask = states(model, [texts[place] for place in places], padding)
        weights = mask[..., None].float()
        means = (layers[-1] * weights).sum(1) / weights.sum(1)
        found |= dict(zip(places, means.cpu(), strict=True))
    return torch.stack([found[place] for place in range(len(texts))])

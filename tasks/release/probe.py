"""A fixed batch of vocabulary, never of records, to see whether two forms of a model say the same."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.meta.model import DifferenceMeta

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

ROWS, COLUMNS = 8, 32


@dataclass(frozen=True)
class Difference:
    """How far the outputs of one model are from those of another, over the positions of the probe."""

    kl: float
    """Mean Kullback-Leibler divergence, nats, from the reference."""
    max_logit: float
    """Largest absolute difference of two logits."""
    top1: float
    """Share of the positions where both prefer the same token or label."""

    def meta(self) -> DifferenceMeta:
        """As recorded: two digits, so that the order of a sum does not change an artifact's digest."""
        return DifferenceMeta(
            kl=float(f"{self.kl:.1e}"),
            max_logit_difference=float(f"{self.max_logit:.1e}"),
            top1_agreement=round(self.top1, 2),
        )


def probe(tokenizer: PreTrainedTokenizerBase, positions: int | None) -> torch.Tensor:
    """Token ids, [8, 32] (fewer columns where the model has fewer positions): ordinary tokens behind the opening one.

    Args:
        positions: how many the model has; None where it says nothing.
    """
    import torch

    special = set(tokenizer.all_special_ids)
    ordinary = [token for token in range(len(tokenizer)) if token not in special]
    opening = [one for one in (tokenizer.bos_token_id, tokenizer.cls_token_id) if one is not None][:1]
    columns = min(COLUMNS, positions or COLUMNS)
    chance = random.Random(0)
    rows = [opening + chance.choices(ordinary, k=columns - len(opening)) for _ in range(ROWS)]
    return torch.tensor(rows)


def logits_of(model: Any, ids: torch.Tensor) -> torch.Tensor:
    """What a model in evaluation mode says: [rows, columns, vocabulary or labels] or [rows, labels], float32, CPU.

    An encoder-decoder that writes text reads the ids and is asked to write them again.
    """
    import torch

    from tasks.training.objectives.seq2seq_lm import shifted_right

    with torch.inference_mode():
        ids = ids.to(next(model.parameters()).device)
        given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if model.config.is_encoder_decoder and model.get_output_embeddings() is not None:
            given["decoder_input_ids"] = shifted_right(ids, model.config.decoder_start_token_id)
        found: torch.Tensor = model(**given).logits.float().cpu()
    return found


def compare(reference: torch.Tensor, other: torch.Tensor) -> Difference:
    """The difference of two outputs of the same shape; what is not finite compares as infinitely far."""
    import torch

    if not (torch.isfinite(reference).all() and torch.isfinite(other).all()):
        return Difference(float("inf"), float("inf"), 0.0)
    expected, found = reference.double().log_softmax(-1), other.double().log_softmax(-1)
    kl = (expected.exp() * (expected - found)).sum(-1).mean().clamp(min=0)  # rounding can take it below 0
    top1 = (reference.argmax(-1) == other.argmax(-1)).double().mean()
    return Difference(float(kl), float((reference - other).abs().max()), float(top1))

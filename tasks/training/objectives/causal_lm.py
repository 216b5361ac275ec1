"""Answers to questions: the next token, learned on the answer only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.training.encode import IGNORED, Encoded, flat
from tasks.training.prompts import answer_ids, prompt_ids

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.batches import Batch

KEPT_OF_PROMPT = 8  # tokens: with less of its question, an answer teaches nothing


class CausalLM:
    """Loss on the tokens of the answer and its end token; the prompt is read, not learned."""

    packs = True

    def encode(
        self, table: pa.Table, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
    ) -> Encoded:
        """Prompt, then answer. A long prompt loses its beginning; a record whose answer cannot fit is left out."""
        prompts = prompt_ids(tokenizer, table["prompt"].to_pylist())
        answers = answer_ids(tokenizer, table["answer"].to_pylist())
        records, needs, cut = [], [], 0
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            room = max_length - len(answer)
            least = min(len(prompt), KEPT_OF_PROMPT)
            if room < least:
                needs.append(len(answer) + least)
                continue
            cut += len(prompt) > room
            kept = prompt[-room:]
            records.append((row, kept + answer, [IGNORED] * len(kept) + answer))
        return flat(records, cut=cut, needs=needs)

    def loss(self, model: Any, batch: Batch, smoothing: float) -> torch.Tensor:
        """Summed cross entropy; logits are computed only where an answer's token is predicted."""
        from tasks.training.token_loss import summed

        predicted = batch.targets[:, 1:]  # the token at t + 1 is predicted at t
        places = (predicted != IGNORED).nonzero(as_tuple=True)
        return summed(model, batch.inputs, places, predicted[places], smoothing)


OBJECTIVE = CausalLM()

"""Answers to questions by an encoder-decoder, which reads the question whole and writes the answer beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.training.encode import IGNORED, Encoded, flat
from tasks.training.prompts import answer_ids, prompt_ids, without_beginning

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.batches import Batch


class Seq2SeqLM:
    """Loss on the tokens of the answer and its end token, each predicted from the question and the tokens before it.

    Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer".
    """

    packs = False

    def encode(
        self, table: pa.Table, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
    ) -> Encoded:
        """Question and answer, `max_length` tokens for each: a long question loses its beginning; a record with
        a longer answer is left out."""
        prompts = prompt_ids(tokenizer, table["prompt"].to_pylist(), "seq2seq-lm")
        answers = answer_ids(tokenizer, table["answer"].to_pylist())
        fitting = [row for row, answer in enumerate(answers) if len(answer) <= max_length]
        return flat(
            ((row, without_beginning(tokenizer, prompts[row], max_length), answers[row]) for row in fitting),
            cut=sum(len(prompts[row]) > max_length for row in fitting),
            needs=[len(answer) for answer in answers if len(answer) > max_length],
            own_targets=True,
        )

    def loss(self, model: Any, batch: Batch, smoothing: float) -> torch.Tensor:
        """Summed cross entropy; logits are computed only where an answer has a token."""
        from tasks.training.token_loss import summed

        places = (batch.targets != IGNORED).nonzero(as_tuple=True)
        read = shifted_right(batch.targets, model.config.decoder_start_token_id)
        return summed(model, {**batch.inputs, "decoder_input_ids": read}, places, batch.targets[places], smoothing)


def shifted_right(targets: torch.Tensor, start: int) -> torch.Tensor:
    """What the decoder reads while it writes `targets`, both of shape (rows, tokens): its start token, then all but the
    last of them. Behind the end of an answer it reads start tokens, which nothing before them can see."""
    read = targets.roll(1, dims=1)
    read[:, 0] = start
    return read.masked_fill(read == IGNORED, start)


OBJECTIVE = Seq2SeqLM()

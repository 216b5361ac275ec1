"""One tag for each word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.training.encode import IGNORED, Encoded, flat, label_ids

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.batches import Batch


class TokenClassification:
    """Cross entropy over the tags; a word's tag belongs to its first piece, and the other pieces are not learned."""

    packs = False

    def encode(
        self, table: pa.Table, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
    ) -> Encoded:
        """The pieces of the words; the tail of a long record is cut, its tags with it."""
        pieces, cut = word_pieces(tokenizer, table["tokens"].to_pylist(), max_length)
        records = []
        for row, ((ids, firsts), tags) in enumerate(zip(pieces, table["tags"].to_pylist(), strict=True)):
            targets = [IGNORED] * len(ids)
            for word, tag in zip(firsts, label_ids((tags[word] for word in firsts), labels), strict=True):
                targets[firsts[word]] = tag
            records.append((row, ids, targets))
        return flat(records, cut=cut)

    def loss(self, model: Any, batch: Batch, smoothing: float) -> torch.Tensor:
        """Summed cross entropy over the words."""
        from torch.nn.functional import cross_entropy

        logits = model(**batch.inputs).logits.float()
        return cross_entropy(
            logits.flatten(0, 1),
            batch.targets.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=smoothing,
        )


def word_pieces(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[Sequence[str]], max_length: int
) -> tuple[list[tuple[list[int], dict[int, int]]], int]:
    """Per list of words: its token ids, and where the first piece of each word is; and how many lists were cut.

    Words are joined by a space, as the model has seen text, and found again by their characters: that holds for
    WordPiece, SentencePiece and byte-level tokenizers alike. A word that was cut off, or of which the tokenizer left
    nothing, has no place.
    """
    found = tokenizer(
        [" ".join(words) for words in texts], truncation=True, max_length=max_length, return_offsets_mapping=True
    )
    pieces = []
    for words, ids, spans in zip(texts, found["input_ids"], found["offset_mapping"], strict=True):
        owner = np.repeat(np.arange(len(words)), [len(word) + 1 for word in words])  # the space after a word is its own
        firsts: dict[int, int] = {}
        for place, (start, end) in enumerate(spans):
            if end > start:  # a special token spans nothing
                firsts.setdefault(int(owner[end - 1]), place)  # a piece may begin with the space before its word
        pieces.append((ids, firsts))
    return pieces, sum(bool(one.overflowing) for one in found.encodings)


OBJECTIVE = TokenClassification()

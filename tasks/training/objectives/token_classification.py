"""One tag for each word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.model_text import word_pieces
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
        return flat(records, cut=sum(cut))

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


OBJECTIVE = TokenClassification()

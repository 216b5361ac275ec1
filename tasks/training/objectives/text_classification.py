"""One label for a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.training.encode import Encoded, flat, label_ids

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.batches import Batch


class TextClassification:
    """Cross entropy over the labels."""

    packs = False

    def encode(
        self, table: pa.Table, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
    ) -> Encoded:
        """The text with the model's special tokens; a long one loses its end."""
        found = tokenizer(table["text"].to_pylist(), truncation=True, max_length=max_length)
        targets = label_ids(table["label"].to_pylist(), labels)
        cut = sum(bool(one.overflowing) for one in found.encodings)
        return flat(zip(range(len(targets)), found["input_ids"], targets, strict=True), cut=cut)

    def loss(self, model: Any, batch: Batch, smoothing: float) -> torch.Tensor:
        """Summed cross entropy."""
        from torch.nn.functional import cross_entropy

        logits = model(**batch.inputs).logits
        return cross_entropy(logits.float(), batch.targets, reduction="sum", label_smoothing=smoothing)


OBJECTIVE = TextClassification()

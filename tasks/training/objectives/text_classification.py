"""One label for a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tasks.model_text import text_ids
from tasks.training.encode import Encoded, flat, label_ids

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.batches import Batch


@dataclass(frozen=True)
class TextClassification:
    """Cross entropy over the labels."""

    weights: tuple[float, ...] | None = None
    """What a record of each label counts; None for all alike."""
    packs: ClassVar[bool] = False

    def encode(
        self, table: pa.Table, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
    ) -> Encoded:
        """The text with the model's special tokens; a long one loses its end."""
        ids, cut = text_ids(tokenizer, table["text"].to_pylist(), max_length)
        targets = label_ids(table["label"].to_pylist(), labels)
        return flat(zip(range(len(targets)), ids, targets, strict=True), cut=sum(cut))

    def loss(self, model: Any, batch: Batch, smoothing: float) -> torch.Tensor:
        """Summed cross entropy."""
        import torch
        from torch.nn.functional import cross_entropy

        logits = model(**batch.inputs).logits
        weights = None if self.weights is None else torch.tensor(self.weights, device=logits.device)
        return cross_entropy(logits.float(), batch.targets, weights, reduction="sum", label_smoothing=smoothing)

    def balanced(self, train: Encoded, labels: int) -> TextClassification:
        """The same with weights so that every label counts alike over the train records; their mean is 1."""
        counts = np.bincount(train.targets, minlength=labels)
        return replace(self, weights=tuple(float(len(train) / (labels * count)) if count else 0.0 for count in counts))


OBJECTIVE = TextClassification()

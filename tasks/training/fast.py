"""Whether the attention that is fast on a CPU (`tasks.training.cpu`) computes what transformers' own does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.words import Task
from tasks.training.abilities import LENGTHS, outputs, padded, same, some_records
from tasks.training.batches import Layout, collate
from tasks.training.encode import flat
from tasks.training.reduced import reduced
from tasks.training.shapes import auto_class

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def fast_attention(config: PreTrainedConfig, task: Task) -> bool:
    """Tried on a small model of the kind: packed records by document, or padded ones, say what each says alone."""
    import torch

    from tasks.training.cpu import knows, speed_up

    if not knows(config):
        return False
    model = reduced(config, auto_class(task))
    if model is None:
        return False
    records = some_records(model, LENGTHS)
    with torch.no_grad():
        alone = [outputs(model, torch.tensor([one])) for one in records]
        speed_up(model)
        if task == "causal-lm":
            encoded = flat((place, one, one) for place, one in enumerate(records))
            how = Layout(sum(LENGTHS), sum(LENGTHS), sum(LENGTHS), by_document=True)
            inputs = collate(encoded, [list(range(len(records)))], 0, how, torch.device("cpu")).inputs
            return same(list(model(**inputs, use_cache=False).logits[0].split(LENGTHS)), alone)
        return same(padded(model, records, left=False), alone)

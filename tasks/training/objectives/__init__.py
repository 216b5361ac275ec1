"""What is learned for each task: how records become token ids, and what the loss is. One file per task."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from tasks.config.words import Task
from tasks.training.encode import Encoded

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.batches import Batch

    Forward = Callable[..., Any]


class Objective(Protocol):
    """One task's way from records to a loss."""

    packs: ClassVar[bool]
    """Whether several records may share a row."""

    def encode(
        self, table: pa.Table, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], max_length: int
    ) -> Encoded:
        """Token ids and targets of a split's records."""

    def loss(self, model: Any, batch: Batch, smoothing: float) -> torch.Tensor:
        """The loss summed (not averaged) over the batch's targets, float32, a scalar: the caller knows their number."""


def objective_for(task: Task) -> Objective:
    """The objective of a task: the one in the file of its name."""
    return cast("Objective", importlib.import_module(objective_module(task)).OBJECTIVE)


def objective_module(task: Task) -> str:
    """Name of the file of a task's objective, as a plug-in of `tasks.code.code_of`."""
    return f"{__name__}.{task.replace('-', '_')}"

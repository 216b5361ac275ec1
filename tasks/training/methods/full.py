"""Full fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.config.words import Task
from tasks.training.method import MethodOptions, Tested
from tasks.training.whole import WholeModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Full(WholeModel[MethodOptions]):
    """Every weight of the base model moves."""

    name = "full"
    summary = "Trains every weight. The most to gain and the most to forget; needs memory for four copies of the model."
    paper = ""
    tested = Tested(5e-3)
    rate = 1.0

    def prepare(
        self, model: PreTrainedModel, options: MethodOptions, task: Task, heads: Sequence[str]
    ) -> PreTrainedModel:
        """The model itself."""
        return model.requires_grad_(True)

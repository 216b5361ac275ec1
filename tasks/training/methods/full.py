"""Full fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import Task
from tasks.errors import IntegrityError
from tasks.training.method import Method

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Full(Method):
    """Every weight of the base model moves."""

    name = "full"
    summary = "Trains every weight. The most to gain and the most to forget; needs memory for four copies of the model."
    paper = ""
    rate = 1.0
    has_adapter = False

    def prepare(self, model: PreTrainedModel, options: Any, task: Task, heads: Sequence[str]) -> PreTrainedModel:
        """The model itself."""
        return model.requires_grad_(True)

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        """A plain transformers folder."""
        model.save_pretrained(folder)

    def load(self, base: PreTrainedModel, folder: Path, options: Any) -> PreTrainedModel:
        """The saved model; of the base only the class and the dtype are used."""
        model, found = type(base).from_pretrained(
            folder, dtype=base.dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        if lost := sorted({*found["missing_keys"], *found["unexpected_keys"]}):
            raise IntegrityError(f"weight {lost[0]} is missing or left over", value=folder, hint="restore the folder")
        return model.eval()

    def merge(self, model: Any) -> PreTrainedModel:
        """Nothing to do: what was learned is in the weights already."""
        merged: PreTrainedModel = model.float()
        return merged

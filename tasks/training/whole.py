"""Methods that change weights of the base itself: what they make is a whole model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import IntegrityError
from tasks.training.library import load
from tasks.training.method import Method, Options

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class WholeModel(Method[Options]):
    """A method that trains weights of the base, and saves the whole model."""

    has_adapter = False

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        """A plain transformers folder."""
        model.save_pretrained(folder)

    def load(self, base: PreTrainedModel, folder: Path, options: Options) -> PreTrainedModel:
        """The saved model; of the base only the class and the dtype are used."""
        model, found = load(type(base), folder, dtype=base.dtype)
        if lost := sorted({*found["missing_keys"], *found["unexpected_keys"]}):
            raise IntegrityError(f"weight {lost[0]} is missing or left over", value=folder, hint="restore the folder")
        return model.eval()

    def merge(self, model: Any) -> PreTrainedModel:
        """Nothing to do: what was learned is in the weights already."""
        merged: PreTrainedModel = model.float()
        return merged

"""Adapters of our own: modules put into a frozen base, written and read so that no weight is lost in silence."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import Task
from tasks.errors import IntegrityError
from tasks.training.method import Method, Options

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
NOTE = "galen_adapter"
"""Attribute of a prepared model: what `save` must write so that `load` can prepare another one alike."""


class Inserted(Method[Options]):
    """A method that puts modules into the base. What is saved: those modules' weights, and the heads'."""

    has_adapter = True
    mergeable = False

    @abstractmethod
    def insert(self, model: PreTrainedModel, options: Options, task: Task) -> Any:
        """Put the modules in: new parameters, which train. Every base weight is frozen already.

        Returns:
            the model, or one wrapped around it.
        """

    def at_rest(self, options: Options) -> Options:
        """The options with which a trained adapter is put into a base again: without what only training needs."""
        return options

    def kept(self, model: Any) -> dict[str, torch.Tensor]:
        """The weights to save, by the names that they have in a model prepared with `at_rest`."""
        return {name: weight.detach() for name, weight in model.named_parameters() if weight.requires_grad}

    def prepare(self, model: PreTrainedModel, options: Options, task: Task, heads: Sequence[str]) -> Any:
        """The base, frozen, with the modules in it; what trains is float32."""
        model.requires_grad_(False)
        for head in heads:
            model.get_submodule(head).requires_grad_(True)
        prepared = self.insert(model, options, task)
        for weight in prepared.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
        setattr(prepared, NOTE, {"task": task, "heads": list(heads), "method": self.at_rest(options).plain()})
        return prepared

    def save(self, model: Any, folder: Path) -> None:
        """The inserted weights and the heads (safetensors), and what they belong to (JSON)."""
        from safetensors.torch import save_file

        state = {name: weight.cpu().float().contiguous() for name, weight in self.kept(model).items()}
        save_file(state, folder / WEIGHTS)
        (folder / CONFIG).write_text(json.dumps(getattr(model, NOTE), indent=2, sort_keys=True) + "\n")

    def load(self, base: PreTrainedModel, folder: Path, options: Options) -> Any:
        """The modules and heads of a folder, on a fresh base, in evaluation mode, in the dtype of the base."""
        import torch
        from safetensors.torch import load_file

        dtype = base.get_input_embeddings().weight.dtype
        note = json.loads((folder / CONFIG).read_bytes())
        if note["method"] != self.at_rest(options).plain():
            raise IntegrityError("the adapter was made with other settings", value=folder, hint="restore the folder")
        with torch.random.fork_rng():
            model = self.prepare(base, self.at_rest(options), note["task"], note["heads"])
        stored = load_file(folder / WEIGHTS)
        expected = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        for name in sorted(stored.keys() | expected.keys()):
            if name not in stored or name not in expected or stored[name].shape != expected[name].shape:
                fault = "missing" if name not in stored else "left over or of another shape"
                raise IntegrityError(
                    f"weight {name} of the adapter is {fault}", value=folder, hint="is this its base model?"
                )
        for name, weight in expected.items():
            weight.data = stored[name].to(weight.device)
        for weight in model.parameters():
            weight.requires_grad = False
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)
        return model.eval()

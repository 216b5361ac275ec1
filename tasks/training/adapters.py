"""PEFT adapters put on, written and read so that the same values give the same bytes and no key is lost in silence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import InputError, IntegrityError
from tasks.training.method import Method, Options

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


class PeftMethod(Method[Options]):
    """A method whose adapter PEFT holds, and can make part of the base's weights."""

    has_adapter = True

    def save(self, model: PeftModel, folder: Path) -> None:
        """The adapter alone."""
        save_adapter(model, folder)

    def load(self, base: PreTrainedModel, folder: Path, options: Options) -> PeftModel:
        """The adapter on a base."""
        return load_adapter(base, folder)

    def merge(self, model: PeftModel) -> PreTrainedModel:
        """The base with the update inside its weights; open it in float32, a 4-bit base dequantized first."""
        return model.float().merge_and_unload(safe_merge=True)


def linear_names(model: PreTrainedModel, wanted: Sequence[str] | str, heads: Sequence[str]) -> list[str]:
    """Full names of the linear modules to adapt: all of them ("all-linear"), or those that end in a wanted name.

    Heads and output embeddings are never among them: they train whole, or not at all.

    Raises:
        InputError: a wanted name fits no module; the message lists what there is.
    """
    import torch
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D)
        and module is not output
        and not any(f"{name}.".startswith(f"{head}.") for head in heads)
    ]
    if wanted == "all-linear":
        return names
    for one in wanted:
        if not any(f".{name}".endswith(f".{one}") for name in names):
            known = sorted({name.rpartition(".")[2] for name in names})
            raise InputError("method.targets names no linear module", value=one, hint=f"there are: {', '.join(known)}")
    return [name for name in names if any(f".{name}".endswith(f".{one}") for one in wanted)]


def leaves(model: PreTrainedModel, heads: Sequence[str]) -> list[str] | None:
    """The modules inside heads that hold weights themselves: PEFT cannot merge a model whose saved modules hold others.

    None where there are none: what PEFT expects for `modules_to_save`.
    """
    inside = [
        name
        for name, module in model.named_modules()
        if any(f"{name}.".startswith(f"{head}.") for head in heads)
        and next(module.parameters(recurse=False), None) is not None
    ]
    return inside or None


def stored_sideways(model: PreTrainedModel, names: Sequence[str]) -> bool:
    """Whether these modules keep their weights as (inputs, outputs), as GPT-2's Conv1D does: PEFT wants to be told."""
    from transformers.pytorch_utils import Conv1D

    return any(isinstance(model.get_submodule(name), Conv1D) for name in names)


def attach(model: PreTrainedModel, config: PeftConfig) -> PeftModel:
    """A model with a new adapter; what trains is float32.

    The configuration names no task: PEFT would add heads of its own choice to those that it is told to train.
    """
    from peft import get_peft_model

    wrapped = get_peft_model(model, config)
    for weight in wrapped.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    return wrapped


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter's weights (safetensors) and its configuration (JSON with sorted keys, no path in it)."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    write_adapter(state, model.peft_config["default"].to_dict(), folder)


def write_adapter(state: Mapping[str, torch.Tensor], config: Mapping[str, Any], folder: Path) -> None:
    """Write what `save_adapter` does, from its parts."""
    from safetensors.torch import save_file

    save_file({name: value.detach().cpu().contiguous() for name, value in state.items()}, folder / WEIGHTS)
    plain = {key: _plain(value) for key, value in config.items()}
    plain |= {"base_model_name_or_path": None, "inference_mode": True}
    (folder / CONFIG).write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n")


def load_adapter(base: PreTrainedModel, folder: Path) -> PeftModel:
    """The adapter of a folder on a fresh base, in evaluation mode, in the dtype of the base.

    Raises:
        IntegrityError: a weight is missing, left over, or of another shape: PEFT alone would keep silent.
    """
    import torch
    from peft import PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    dtype = base.get_input_embeddings().weight.dtype
    with torch.random.fork_rng():
        model = get_peft_model(base, PeftConfig.from_pretrained(folder))
    stored = load_file(folder / WEIGHTS)
    expected = get_peft_model_state_dict(model, save_embedding_layers=False)
    for name in sorted(stored.keys() | expected.keys()):
        if name not in stored or name not in expected or stored[name].shape != expected[name].shape:
            fault = (
                "is missing"
                if name not in stored
                else "fits no module"
                if name not in expected
                else "has another shape"
            )
            raise IntegrityError(f"weight {name} of the adapter {fault}", value=folder, hint="is this its base model?")
    set_peft_model_state_dict(model, stored)
    for weight in model.parameters():
        weight.requires_grad = False
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)
    return model.eval()


def _plain(value: Any) -> Any:
    """PEFT's settings as JSON that does not depend on the order of a set."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)

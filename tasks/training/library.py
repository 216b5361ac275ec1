"""The one place where transformers makes a model: one thread at a time, and with its tied weights seen to be tied.

While transformers loads a model it replaces functions of its own (`PreTrainedModel.tie_weights`, `init_weights`,
torch's default dtype) for the whole process. Two threads that load at once restore them in the wrong order, and then
no model of this process is tied any more. So whatever makes a model, of a folder or of a config, goes through here.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.errors import IntegrityError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

LOCK = threading.RLock()
"""Held by whoever makes a model."""
ATTENTION = None
"""Which attention: transformers chooses PyTorch's fused one (sdpa) where the architecture has it, else its own (eager).
Named here, as the config of a folder may ask for one that is not installed."""
M = TypeVar("M", bound="PreTrainedModel")


def load(kind: Any, folder: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """A model from the safetensors of a folder, and transformers' report of what it found there.

    Args:
        kind: the transformers class, or auto class, that loads it.
        settings: of its `from_pretrained`.

    Returns:
        the model, and `missing_keys`, `unexpected_keys`, `mismatched_keys`, ... as transformers names them.

    Raises:
        IntegrityError: weights that the model ties are not tied.
    """
    safely = {"use_safetensors": True, "trust_remote_code": False, "local_files_only": True}
    with LOCK:
        model, found = kind.from_pretrained(
            folder, attn_implementation=ATTENTION, output_loading_info=True, **safely, **settings
        )
        return _tied(model), found


def look(kind: Any, folder: Path, config: PreTrainedConfig) -> dict[str, Any]:
    """What `load` would find in a folder, told from the headers of its weights: no weight is read.

    Transformers is asked, not the names compared: it renames weights while it loads, and fuses those of experts.

    Args:
        kind: the auto class that loads it.
        config: of the model, where it is not the folder's own: with a head, say.

    Returns:
        as `load`: `missing_keys`, `unexpected_keys`, `mismatched_keys`, ...
    """
    import torch
    from safetensors import safe_open

    heads = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (not a mapping)
                heads[name] = torch.empty(tensors.get_slice(name).get_shape(), device="meta")
    with LOCK:
        found: dict[str, Any] = own_class(kind, config).from_pretrained(
            None,
            config=config,
            state_dict=heads,
            device_map={"": "meta"},
            attn_implementation=ATTENTION,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )[1]
    return found


def own_class(kind: Any, config: PreTrainedConfig) -> Any:
    """The class that an auto class makes of a config; of several the first."""
    found = kind._model_mapping[type(config)]
    return found[0] if isinstance(found, list | tuple) else found


def on_meta(kind: Any, config: PreTrainedConfig) -> Any:
    """A model without values, on the meta device: its modules, names and shapes.

    Args:
        kind: the transformers class, or auto class, that makes it.

    Raises:
        IntegrityError: weights that the model ties are not tied.
    """
    import torch

    with LOCK, torch.device("meta"):
        return _tied(kind.from_config(config, attn_implementation=ATTENTION))


def new(kind: type[M], config: PreTrainedConfig) -> M:
    """A model of that class with random weights, drawn from torch's generator.

    Raises:
        IntegrityError: weights that the model ties are not tied.
    """
    with LOCK:
        model: M = kind(config)
        return _tied(model)


def _tied(model: M) -> M:
    """The model, if every pair of weights that transformers counts as one (its config says which) is one.

    Of a folder that holds two different values for such a pair, transformers counts them as two.
    """
    for other, name in model.all_tied_weights_keys.items():
        if model.get_parameter_or_buffer(other) is not model.get_parameter_or_buffer(name):
            raise IntegrityError(
                f"weights {other} and {name} of a {model.config.model_type} model must be one and are two",
                value=type(model).__name__,
                hint="run again; a thread that loads a model outside of Galen's lock spoils those loaded after it",
            )
    return model

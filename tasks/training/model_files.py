"""Which files of a model folder count: whatever could be loaded, at any depth; and what makes a folder unfit for that.

Rather than a list of what transformers opens today, everything counts but what it cannot open: documents, pictures,
hidden files, and weights in formats that are never loaded here. A test watches what is opened while a model loads.
"""

from __future__ import annotations

import json
import os
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tasks.errors import InputError

NEVER_LOADED = (
    *("*.md", "*.pdf", "*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "README*", "LICENSE*", "LICENCE*", "NOTICE*"),
    *("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "*.onnx", "*.onnx_data", "*.ot", "*.tflite"),
    *("*.gguf", "*.ggml", "*.npz", "*.tar", "*.zip"),
)
"""Names, wherever they lie, that do not count; hidden files and folders do not either."""
ADAPTER = "adapter_config.json"
INDEXES = "*.safetensors.index.json"
NAMING = ("config.json", "tokenizer_config.json")
"""Files in which a setting can name another file to be loaded."""


def model_files(folder: Path) -> dict[str, Path]:
    """Every file of a model folder that could be loaded, by its POSIX path, sorted.

    Raises:
        InputError: loading it would open something else, too: an adapter beside it that names another model, an index
            or a setting that leads elsewhere, a folder behind a link; or a name stands for no file.
    """
    found: dict[str, Path] = {}
    for top, inner, names in os.walk(folder):
        place = Path(top)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if linked := next((name for name in inner if (place / name).is_symlink()), None):
            raise InputError("a folder inside the base model is a link", value=place / linked, hint="copy it there")
        for name in names:
            if name.startswith(".") or any(fnmatch(name, pattern) for pattern in NEVER_LOADED):
                continue
            if not (place / name).is_file():  # a pipe, a socket, a link to nothing
                raise InputError("something in the base model folder is no file", value=place / name)
            found[(place / name).relative_to(folder).as_posix()] = place / name
    _check_closed(folder, found)
    return dict(sorted(found.items()))


def _check_closed(folder: Path, found: dict[str, Path]) -> None:
    """See that nothing in a folder leads out of it."""
    if ADAPTER in found:
        what = "an adapter lies beside the base model, and transformers would put it on"
        raise InputError(what, value=found[ADAPTER], hint="merge it into the base, or take its files away")
    for name, path in found.items():
        if fnmatch(name, INDEXES):
            shards = _said(path).get("weight_map") or {}
            for shard in set(shards.values() if isinstance(shards, dict) else ()):
                if not (isinstance(shard, str) and _plain(shard) and shard.endswith(".safetensors")):
                    hint = "weights must be *.safetensors files beside their index: save the model anew"
                    raise InputError("the index of the weights names a file elsewhere", value=path, hint=hint)
    for name in NAMING:
        if name not in found:
            continue
        for key, value in _said(found[name]).items():
            named = [value] if isinstance(value, str) else value if isinstance(value, list) else []
            out = key.endswith(("_file", "_files")) and not all(_plain(one) for one in named)
            if out or (key == "transformers_weights" and value):
                hint = "remove this line; what is loaded lies in the folder under its usual name"
                raise InputError(f"{name} names a file to load as its {key}", value=found[name], hint=hint)


def _plain(name: Any) -> bool:
    return isinstance(name, str) and "/" not in name and "\\" not in name and name not in ("", ".", "..")


def _said(path: Path) -> dict[str, Any]:
    """A JSON object; what is none leads nowhere, and is refused when it is loaded."""
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def check_values(file: Path) -> int:
    """See that every weight of a safetensors file is a number; returns how many tensors it holds.

    Raises:
        InputError: a weight is not finite; names the first such tensor.
        SafetensorError, OSError: it is no whole safetensors file.
    """
    import torch
    from safetensors import safe_open

    with safe_open(file, framework="pt") as tensors:
        names = list(tensors.keys())
        for name in names:
            values = tensors.get_tensor(name)
            if values.dtype.itemsize == 1 and values.is_floating_point():
                values = values.float()  # torch asks eight-bit numbers nothing
            if values.is_floating_point() and not bool(torch.isfinite(values).all()):
                hint = "the model was damaged when it was made or copied: get it anew"
                raise InputError(f"weight {name} of the base model is not finite", value=file, hint=hint)
        return len(names)

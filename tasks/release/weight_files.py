"""The tensors of a model's folder, read and written one by one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

AROUND = ("bert", "roberta", "model", "transformer", "deberta", "mpnet", "gpt_neox", "biogpt")
"""What the name of a weight begins with where it is of the model within another one."""


class Weights:
    """The tensors of a folder by name, and the file that each is in."""

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file

        self._files = {file: load_file(file) for file in sorted(folder.glob("*.safetensors"))}

    def named(self, *parts: str, rows: int | None = None) -> list[str]:
        """Names of matrices of floating numbers whose name holds one of the parts; with that many rows."""
        return [
            name
            for tensors in self._files.values()
            for name, one in tensors.items()
            if one.ndim == 2
            and one.is_floating_point()
            and any(part in name.split(".") for part in parts)
            and (rows is None or one.shape[0] == rows)
        ]

    def names(self) -> list[str]:
        """All names."""
        return [name for tensors in self._files.values() for name in tensors]

    def __getitem__(self, name: str) -> torch.Tensor:
        found: torch.Tensor = next(tensors[name] for tensors in self._files.values() if name in tensors)
        return found

    def put(self, name: str, tensor: torch.Tensor) -> None:
        """Write a tensor in the place of the one of that name, in its dtype."""
        from safetensors import safe_open
        from safetensors.torch import save_file

        for file, tensors in self._files.items():
            if name in tensors:
                tensors[name] = tensor.to(tensors[name].dtype).contiguous()
                with safe_open(file, framework="pt") as opened:
                    said = opened.metadata()
                save_file({key: one.contiguous() for key, one in tensors.items()}, file, metadata=said)


def bare_name(name: str) -> str:
    """A weight's name without that of the model around it: `bert.encoder...` and `encoder...` are one."""
    first, _, rest = name.partition(".")
    return rest if first in AROUND else name

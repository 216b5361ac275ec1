"""What two trainings made, weight by weight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

EXACT: dict[str, Any] = {"precision": "fp32", "dropout": 0.0, "batch_tokens": 256, "micro_batch_tokens": 96}
"""What can be compared with one process: dropout draws other numbers in each."""


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    """Weights by name, of all files in a folder."""
    from safetensors.torch import load_file

    return {name: value for file in folder.glob("*.safetensors") for name, value in load_file(file).items()}


def same(one: Path, other: Path, case: Recipe) -> None:
    """Curves and weights agree but for the order in which floats were added."""
    which = f"{case.task} {case.method.name} {case.training.sharding}"
    first, second = (json.loads((folder / "history.json").read_text()) for folder in (one, other))
    for curve in ("train", "validation"):
        assert [point["step"] for point in first[curve]] == [point["step"] for point in second[curve]]
        expected = [point["loss"] for point in first[curve]]
        near = 5e-2 if case.method.name == "qlora" else 1e-3  # 4-bit matrices multiply in bfloat16
        # Of the loss that training began with: near zero a loss is the difference of two large logits.
        near *= max(expected[0], 1.0)
        assert [point["loss"] for point in second[curve]] == pytest.approx(expected, abs=near), which
    left, right = weights_in(one), weights_in(other)
    assert left.keys() == right.keys(), which
    if case.method.name == "qlora":
        return
    for name, value in left.items():
        if name.endswith("key.bias"):
            continue  # softmax does not see it: its gradient is rounding alone, which AdamW makes as large as any
        apart = (value - right[name]).abs()
        # AdamW makes a gradient that is rounding alone as large as any: single values may move by two steps of it.
        assert apart.mean() < 2e-4, (which, name)
        assert apart.max() < 2e-2, (which, name)

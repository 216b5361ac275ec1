"""Recipes for tiny models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.config import BaseModelRef, Recipe, Task
from tasks.training.models import Base, resolve_base

METHODS = {"full": 5e-3, "lora": 1e-2, "qlora": 1e-2}
"""Every method, and a learning rate at which it learns the factories' records."""


def recipe(task: Task, folder: Path, method: str | dict[str, Any] = "lora", **training: Any) -> Recipe:
    """A recipe on a base in a folder; `training` overrides its settings."""
    options = {"name": method} if isinstance(method, str) else method
    if options["name"] in ("lora", "qlora"):
        options = {"rank": 8} | options
    settings = {"epochs": 10, "batch_tokens": 128, "learning_rate": METHODS[options["name"]], "evaluations": 2}
    return Recipe.model_validate(
        {
            "model": "tiny",
            "task": task,
            "intended_use": "to be trained in a test",
            "base_model": {"folder": str(folder)},
            "dataset": "factory",
            "method": options,
            "training": settings | training,
            "policy": "none",
        }
    )


def base_of(folder: Path) -> Base:
    """The base in a folder."""
    return resolve_base(BaseModelRef(folder=str(folder)))

"""Recipes for tiny models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.config.training import BaseModelRef
from tasks.config.words import Task
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tests.factories import ARCHITECTURES

METHODS = {
    "full": 5e-3,
    "partial": 1e-2,
    "feature-extraction": 3e-2,
    "lora": 1e-2,
    "qlora": 1e-2,
    "adalora": 2e-2,
    "adapter": 1e-2,
    "ia3": 1e-1,
    "prefix": 1e-1,
    "prompt": 1e-1,
    "mam": 1e-2,
    "unipelt": 1e-2,
    "cloze": 5e-3,
}
"""Every method, and a learning rate at which it learns the factories' records."""
SETTINGS: dict[str, dict[str, Any]] = {
    "lora": {"rank": 8},
    "qlora": {"rank": 8},
    "adalora": {"initial_rank": 8, "target_rank": 4},
    "partial": {"last_layers": 1},
    "adapter": {"reduction": 4},
    "prompt": {"length": 4},
    "prefix": {"length": 4},
    "mam": {"length": 4},
    "unipelt": {"length": 4},
    "cloze": {"words": {"nervous": " nervous", "respiratory": " cough", "skin": " itch"}},
}
"""What a tiny model needs."""


MAIN: dict[Task, str] = {
    "causal-lm": "llama",
    "seq2seq-lm": "t5",
    "text-classification": "bert",
    "token-classification": "bert",
}
ENCODER_DECODERS = {"t5", "bart"}
ENCODERS = {"bert", "roberta"}


def refusal(task: Task, architecture: str, method: str) -> str | None:
    """Why a cell cannot work, None if it must."""
    if method == "feature-extraction" and task in ("causal-lm", "seq2seq-lm"):
        return "a frozen model with its own output layer learns nothing"
    if method == "cloze" and (task != "text-classification" or architecture in ENCODERS | ENCODER_DECODERS):
        return "cannot do" if task != "text-classification" else "does not write the next word"
    can = {
        "causal-lm": set(ARCHITECTURES) - ENCODERS - ENCODER_DECODERS,
        "seq2seq-lm": ENCODER_DECODERS,
        "text-classification": set(ARCHITECTURES),
        "token-classification": set(ARCHITECTURES) - {"bart", "gemma3_text"},
    }[task]
    return None if architecture in can else f"a {architecture} model cannot do {task}"


def recipe(task: Task, folder: Path, method: str | dict[str, Any] = "lora", **training: Any) -> Recipe:
    """A recipe on a base in a folder; `training` overrides its settings."""
    options = {"name": method} if isinstance(method, str) else method
    defaults = SETTINGS.get(options["name"], {})
    if options["name"] == "prompt" and task == "seq2seq-lm":
        defaults = {"length": 16}  # BART normalizes what it reads: four vectors hardly steer it
    options = defaults | options
    settings = {"epochs": 10, "batch_tokens": 128, "learning_rate": METHODS[options["name"]], "evaluations": 2}
    if options["name"] in ("prefix", "prompt"):  # they only steer what a random model sees
        settings["epochs"] = 20
    settings["head_learning_rate"] = min(1e-2, METHODS[options["name"]])
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


def base_of(store: Store, folder: Path) -> Base:
    """The base in a folder."""
    return resolve_base(store, BaseModelRef(folder=str(folder)))

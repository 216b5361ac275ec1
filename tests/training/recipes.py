"""Recipes for tiny models, and models as they begin to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.config.training import BaseModelRef
from tasks.config.words import Task
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.loading import load_base
from tasks.training.method import Method, method_named, method_of, methods
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.shapes import fresh_modules, head_modules
from tests.factories import ARCHITECTURES, ENCODERS

METHODS = tuple(methods())
WORDS = {"nervous": " nervous", "respiratory": " cough", "skin": " itch"}
"""For `cloze`, which needs a word for every label of the factories' records."""


MAIN: dict[Task, str] = {
    "causal-lm": "llama",
    "seq2seq-lm": "t5",
    "text-classification": "bert",
    "token-classification": "bert",
}
ENCODER_DECODERS = {"t5", "bart"}
LATER: dict[str, Task] = {
    "biogpt": "causal-lm",
    "gemma2": "causal-lm",
    "gpt_neox": "causal-lm",
    "qwen3_moe": "text-classification",
    "deberta-v2": "token-classification",
    "mpnet": "text-classification",
}
"""Architectures that do something otherwise than the first ones, and the task that each does in `make test`."""
LAYERED = ("adapter", "ia3", "mam", "partial", "unipelt")
"""Methods that must know where a layer's attention and feed-forward end."""


def refusal(task: Task, architecture: str, method: str) -> str | None:
    """Why a cell cannot work, None if it must."""
    if method == "feature-extraction" and task in ("causal-lm", "seq2seq-lm"):
        return "a frozen model with its own output layer learns nothing"
    if method == "cloze" and (task != "text-classification" or architecture in {*ENCODERS, *ENCODER_DECODERS}):
        return "cannot do" if task != "text-classification" else "does not write the next word"
    prefixes = method in ("prefix", "mam", "unipelt")
    unknown = None
    if (architecture, method) in (("deberta-v2", "ia3"), ("deberta-v2", "unipelt")):
        unknown = "of a deberta-v2 model are not known"
    elif method in LAYERED and architecture in ("gpt_neox", "qwen3_moe", "mpnet"):
        unknown = f"the layers of a {architecture} model are not known"
    elif prefixes and architecture in ("gemma2", "deberta-v2", "mpnet"):
        unknown = f"a {architecture} model cannot be used .* {method}"
    can = {
        "causal-lm": set(ARCHITECTURES) - set(ENCODERS) - ENCODER_DECODERS,
        "seq2seq-lm": ENCODER_DECODERS,
        "text-classification": set(ARCHITECTURES),
        "token-classification": set(ARCHITECTURES) - {"bart", "gemma3_text"},
    }[task]
    return unknown if architecture in can else f"a {architecture} model cannot do {task}"


def recipe(task: Task, folder: Path, method: str | dict[str, Any] = "lora", **training: Any) -> Recipe:
    """A recipe on a base in a folder; `training` overrides its settings."""
    options = {"name": method} if isinstance(method, str) else method
    tested = method_named(options["name"]).tested
    defaults = dict(tested.settings)
    if options["name"] == "prompt" and task == "seq2seq-lm":
        defaults = {"length": 16}  # BART normalizes what it reads: four vectors hardly steer it
    elif options["name"] == "cloze":
        defaults = {"words": WORDS}
    options = defaults | options
    settings = {"epochs": tested.epochs, "batch_tokens": 128, "learning_rate": tested.rate, "evaluations": 2}
    settings["head_learning_rate"] = min(1e-2, tested.rate)
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


def prepared(store: Store, given: Recipe, folder: Path, labels: list[str]) -> tuple[Method[Any], Any, Any]:
    """The method, its options, and a model as it begins to train, float32."""
    import torch

    method, options = method_of(given.method), given.method
    plain = fresh(store, given, folder, labels)
    heads = head_modules(plain, fresh_modules(base_of(store, folder), given.task, labels), given.task)
    with torch.random.fork_rng():
        torch.manual_seed(given.seed)
        return method, options, method.prepare(plain, options, given.task, heads)


def fresh(store: Store, given: Recipe, folder: Path, labels: list[str]) -> Any:
    """The base as loaded for the method, float32."""
    import torch

    quantization = method_of(given.method).base_quantization
    return load_base(
        base_of(store, folder),
        given.task,
        labels,
        quantization=quantization,
        dtype=torch.float32,
        seed=given.seed,
    )

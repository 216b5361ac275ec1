"""Fine-tuning: a recipe, a dataset version and a base in, one sealed artifact out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, key_of, write_atomically
from tasks.code import code_of
from tasks.config.words import DATASET_TASK
from tasks.data.version import DatasetVersion
from tasks.digest import canonical_json
from tasks.errors import InputError
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.checkpoint import Checkpoints
from tasks.training.distributed import check_processes
from tasks.training.fourbit import check_shapes
from tasks.training.hardware import machine, precision
from tasks.training.launch import in_processes
from tasks.training.learn import RELEVANT, kind_of, learn
from tasks.training.method import method_of
from tasks.training.objectives import objective_module
from tasks.training.recipe import Recipe
from tasks.training.shapes import task_config

if TYPE_CHECKING:
    from tasks.tracking.runs import Tracker


def finetune(
    store: Store, recipe: Recipe, dataset: DatasetVersion, base: Base, *, track: Tracker | None = None
) -> Artifact:
    """Train once; the same recipe, data, base and code find the same artifact again. A killed run goes on.

    Returns:
        An artifact of kind "adapter", or "merged" for methods that change the base itself.

    Raises:
        InputError: task, base and method do not fit together, or there is nothing to learn from.
        Interrupted: stopped by a signal; the state is on disk.
    """
    method = method_of(recipe.method)
    inputs = inputs_of(recipe, dataset, base)
    kind, code = kind_of(method), training_code(recipe)
    if found := store.find(kind, inputs, code):
        return found
    check(recipe, dataset, base)
    key = key_of(kind, inputs, code)
    kept = Checkpoints(store, key, machine(precision(recipe.training.precision)))
    timing: dict[str, float] = {}

    def build(folder: Path) -> dict[str, Any]:
        if track is not None:
            plain = recipe.plain()
            track.params({name: plain[name] for name in ("training", "method", "seed")})
            track.dataset(dataset)
        if recipe.training.processes > 1:
            meta, times = in_processes(store, folder, recipe, dataset, base, key, track)
        else:
            meta, times = learn(folder, recipe, dataset, base, kept, track)
        timing.update(times)
        return meta

    artifact = store.make(kind, inputs, build, code)
    if timing:
        write_atomically(store.root / "timings" / f"{artifact.digest}.json", canonical_json(timing))
    kept.clear()
    return artifact


def inputs_of(recipe: Recipe, dataset: DatasetVersion, base: Base) -> dict[str, Any]:
    """Everything that the content of the artifact depends on, apart from code: for `Store.find`."""
    plain = recipe.plain()
    return {"recipe": {key: plain[key] for key in RELEVANT}, "dataset": dataset.digest, "base": base.digest}


def training_code(recipe: Recipe) -> str:
    """Digest of the code that decides what a recipe learns: training, its method, and the objective of its task."""
    return code_of(__name__, method_of(recipe.method).module, objective_module(recipe.task))


def timing_of(store: Store, artifact: Artifact) -> dict[str, float] | None:
    """Seconds, tokens per second and peak memory (MiB) of the training, where this machine did it."""
    try:
        found: dict[str, float] = json.loads((store.root / "timings" / f"{artifact.digest}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def check(recipe: Recipe, dataset: DatasetVersion, base: Base) -> None:
    """See that recipe, data and base fit together, before anything heavy happens.

    Raises:
        InputError: they do not.
    """
    method = method_of(recipe.method)
    if dataset.task != DATASET_TASK[recipe.task]:
        hint = f"use a recipe for {dataset.task}, or another dataset"
        raise InputError(
            f"the recipe is for {recipe.task}, the dataset for {dataset.task}", value=dataset.name, hint=hint
        )
    if recipe.task not in method.tasks:
        hint = f"it can do: {', '.join(sorted(method.tasks))}"
        raise InputError(f"method {method.name} cannot do {recipe.task}", value=recipe.model, hint=hint)
    for split in ("train", "validation"):
        if not dataset.meta.counts[split]:
            raise InputError(
                f"the {split} split has no records", value=dataset.name, hint="add data, or change its shares"
            )
    check_processes(recipe)
    task_config(base.path, recipe.task, dataset.labels, recipe.training.dropout)
    if method.base_quantization is not None:
        check_shapes(base, recipe.task, dataset.labels, method.base_quantization)

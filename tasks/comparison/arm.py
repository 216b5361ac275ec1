"""Train one arm and measure it: `python -m tasks.comparison.arm JOB ANSWER`, started by `tasks.children`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tasks.artifact import Artifact
from tasks.children import answer
from tasks.comparison.bootstrap import resampled_sums
from tasks.comparison.cost import cost
from tasks.comparison.job import Job
from tasks.comparison.learned import learned, switched_off
from tasks.data.version import DatasetVersion, load_version
from tasks.errors import InputError
from tasks.evaluation.elsewhere import forgetting, transfer
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.metric import Sums
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune


def measure(store: Store, job: Job) -> dict[str, Any]:
    """All numbers of one arm with one seed; what was trained or judged before is found again.

    Raises:
        GalenError: it cannot be trained or judged.
    """
    recipe = job.entry.recipe
    dataset, base = load_version(store, job.dataset), resolve_base(store, recipe.base_model)
    if base.digest != job.base:
        raise InputError("the base model changed while the comparison ran", hint="run again")
    artifact = finetune(store, recipe, dataset, base)
    spent = cost(store, artifact, base, recipe, dataset, job.split)
    evaluation = evaluate(store, artifact, dataset, recipe.evaluation, split=job.split)
    quality, draws = _quality(evaluation)
    off = switched_off(store, artifact, base, dataset, recipe.evaluation, job.split)
    return {
        "artifact": artifact.digest,
        "method": dict(sorted(ModelMeta.read(artifact).method.plain().items())),
        "task": recipe.task,
        "base": base.ref,
        "records": evaluation.records,
        "groups": evaluation.groups,
        "training": _training(artifact, recipe),
        **spent,
        "quality": quality,
        "draws": draws,
        "switched_off": None if off is None else _values(off),
        "forgetting": forgetting(artifact, base, job.forgetting).plain() if job.forgetting else None,
        "transfer": _transfer(store, artifact, base, job, recipe),
        "learned": learned(artifact, base, dataset, job.split),
        "machine": _machine(),
    }


def _machine() -> dict[str, Any]:
    """What times depend on."""
    import torch

    from tasks.training.hardware import device

    where = torch.cuda.get_device_name() if device().type == "cuda" else "cpu"
    return {"device": where, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__}


def _transfer(store: Store, artifact: Artifact, base: Any, job: Job, recipe: Recipe) -> dict[str, Any] | None:
    if job.transfer is None:
        return None
    second: DatasetVersion = load_version(store, job.transfer)
    return transfer(store, artifact, base, second, recipe.evaluation, recipe.seed).plain()


def _quality(evaluation: Evaluation) -> tuple[dict[str, Any], dict[str, list[float | None]]]:
    """Every metric, and its values over the resamples of the split's groups, which are the same for every arm.

    They are what paired intervals are made of later: nothing about a single record or group is kept.
    """
    import numpy as np

    view = evaluation.scores().view()
    sums = resampled_sums(view.by_group, evaluation.settings.resamples, f"{evaluation.test}/all")
    drawn = Sums(view.names, sums)
    quality, draws = {}, {}
    for name, estimate in evaluation.metrics.items():
        quality[name] = estimate.plain() | {"better": view.metrics[name].better}
        values = view.metrics[name].of(drawn)
        draws[name] = [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
    return quality, draws


def _values(evaluation: Evaluation) -> dict[str, float]:
    return {name: one.value for name, one in evaluation.metrics.items()}


def _training(artifact: Artifact, recipe: Recipe) -> dict[str, Any]:
    said = ModelMeta.read(artifact).training
    names = ("steps", "tokens", "best_step", "stopped_early", "train_loss", "validation_loss", "precision", "cut")
    rates = {"learning_rate": recipe.training.learning_rate, "head_learning_rate": recipe.training.head_learning_rate}
    curve = json.loads(artifact.file("history.json").read_bytes())["validation"]
    return {name: said.plain()[name] for name in names} | rates | {"validation_curve": curve}


def _work(asked: dict[str, Any]) -> dict[str, Any]:
    return measure(Store.of_environment(), Job.of(asked))


if __name__ == "__main__":
    answer(_work, Path(sys.argv[1]), Path(sys.argv[2]))

"""What an arm costs: weights, time, memory, room on disk, and waiting at inference before and after merging."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.evaluation.forward import encoded, forward
from tasks.evaluation.sample import judged_rows
from tasks.meta.form import Form
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.method import method_of, options_of
from tasks.training.recipe import Recipe
from tasks.training.train import timing_of

if TYPE_CHECKING:
    from tasks.training.bases import Base

RECORDS = 32  # of the split that is judged on, for latency
ROUNDS = 3
WARM_UP = 4  # passes that do not count: the first ones are slower


def cost(
    store: Store, artifact: Artifact, base: Base, recipe: Recipe, dataset: DatasetVersion, split: Split
) -> dict[str, Any]:
    """Parameters, training cost, size and latency of a trained arm.

    Training times and memory are those of this machine; None where another one trained the artifact.
    """
    trained = ModelMeta.read(artifact).training.trained_parameters
    total, head = sizes(base, recipe, dataset.labels)
    return {
        "parameters": {"trained": trained, "head": head, "base": total, "share": trained / total},
        "cost": _timing(store, artifact),
        "size_bytes": sum(file.stat().st_size for file in artifact.path.glob("*.safetensors")),
        "latency": latency(store, artifact, base, recipe, dataset, split),
    }


def sizes(base: Base, recipe: Recipe, labels: list[str]) -> tuple[int, int]:
    """Weights of the base with its head, and those of the head alone; counted from shapes, nothing is loaded."""
    from tasks.training.library import on_meta
    from tasks.training.shapes import auto_class, fresh_modules, head_modules, task_config

    model = on_meta(auto_class(recipe.task), task_config(base.path, recipe.task, labels))
    heads = head_modules(model, fresh_modules(base, recipe.task, labels), recipe.task)
    inside = (weight for name in heads for weight in model.get_submodule(name).parameters())
    return sum(one.numel() for one in model.parameters()), sum(one.numel() for one in inside)


def _timing(store: Store, artifact: Artifact) -> dict[str, float] | None:
    timing = timing_of(store, artifact)
    if timing is None:
        return None
    speed = timing["tokens_per_second"]
    tokens = ModelMeta.read(artifact).training.tokens
    return {
        # From the rate: a training that was stopped and went on is timed since then only.
        "training_seconds": tokens / speed if speed else timing["training_seconds"],
        "tokens_per_second": speed,
        "peak_memory_mib": timing["peak_memory_mib"],
    }


def latency(
    store: Store, artifact: Artifact, base: Base, recipe: Recipe, dataset: DatasetVersion, split: Split
) -> dict[str, float | None]:
    """Milliseconds per record of one forward pass, alone and in a batch, as an adapter and merged where that can be.

    For models that write text this is the time to the first token, not that of an answer.
    """
    from tasks.release.merge import merge
    from tasks.training.opening import open_model
    from tasks.training.shapes import longest_input

    rows = list(judged_rows(dataset.rows(split), None))[:RECORDS]

    def timed(model: Artifact) -> tuple[float, float]:
        opened, tokenizer = open_model(model, recipe.task, dataset.labels, base=base)
        length = longest_input(opened.config, recipe.training.max_length)
        texts = encoded(tokenizer, rows, recipe.task, length)
        padding = int(tokenizer.pad_token_id or 0)
        for text in texts[:WARM_UP]:
            forward(opened, [text], padding)
        alone = [_milliseconds(opened, [text], padding) for text in texts]
        together = [_milliseconds(opened, texts, padding) for _ in range(ROUNDS)]
        return statistics.median(alone), statistics.median(together) / len(texts)

    one, batch = timed(artifact)
    mergeable = artifact.kind == Form.ADAPTER and method_of(options_of(ModelMeta.read(artifact))).mergeable
    merged_one, merged_batch = timed(merge(store, artifact)) if mergeable else (None, None)
    return {"one_ms": one, "batch_ms": batch, "merged_one_ms": merged_one, "merged_batch_ms": merged_batch}


def _milliseconds(model: Any, texts: list[list[int]], padding: int) -> float:
    import torch

    began = time.perf_counter()
    forward(model, texts, padding)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - began)

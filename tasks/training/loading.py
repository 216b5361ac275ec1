"""Weights from a folder into memory: a base for a task, or a model that was made here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.release import Quantization
from tasks.config.words import GENERATING, Task
from tasks.errors import InputError, IntegrityError
from tasks.training.bases import Base
from tasks.training.fourbit import check_shapes, keep_unpacked, quantization_config
from tasks.training.library import load
from tasks.training.quiet import quiet
from tasks.training.shapes import auto_class, fresh_modules, task_config
from tasks.training.tokenizer import load_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def load_base(
    base: Base,
    task: Task,
    labels: Sequence[str],
    *,
    quantization: Quantization | None = None,
    dtype: torch.dtype | None = None,
    dropout: float | None = None,
    seed: int = 0,
) -> PreTrainedModel:
    """The base with a head for the task, in evaluation mode.

    Args:
        labels: the label names, in order of their ids; ignored for tasks that write text.
        quantization: load in 4 bits (NF4), the head excepted.
        dtype: of the weights; default float32, or the compute dtype where quantized.
        dropout: instead of what the model's config says.
        seed: of the values that a new head starts with.

    Raises:
        InputError: the architecture cannot do the task, weights are missing, or a shape does not fit 4 bits.
    """
    import torch

    quiet()
    config = task_config(base.path, task, labels, dropout)
    fresh = fresh_modules(base, task, labels)
    if task in GENERATING and fresh:
        raise InputError("the base model holds no weights for a part that generation needs", value=", ".join(fresh))
    extra: dict[str, Any] = {}
    if quantization is not None:
        check_shapes(base, task, labels, quantization)
        extra["quantization_config"] = quantization_config(quantization, config, task, fresh)
        dtype = dtype or getattr(torch, quantization.compute_dtype)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, found = load(
            auto_class(task),
            base.path,
            config=config,
            dtype=dtype or torch.float32,
            ignore_mismatched_sizes=True,
            **extra,
        )
    absent = {name.rpartition(".")[0] for name in found["missing_keys"]} - set(fresh)
    if absent:
        raise InputError("weights of the base model are missing", value=sorted(absent)[0], hint="copy the whole folder")
    if model.config.pad_token_id is None:
        model.config.pad_token_id = load_tokenizer(base.path).pad_token_id
    if quantization is not None:
        keep_unpacked(model)
    return model.eval()


def load_made(folder: Path, task: Task, dtype: torch.dtype) -> PreTrainedModel:
    """A model that was made here, as saved, in evaluation mode."""
    model, found = load(auto_class(task), folder, dtype=dtype)
    if lost := sorted(found["missing_keys"]) or sorted(found["unexpected_keys"]):
        raise IntegrityError(f"weight {lost[0]} of a model does not fit its config", value=folder)
    if getattr(model, "is_loaded_in_4bit", False):  # transformers gave the dtype to some of the other weights only
        for weight in model.parameters():
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)
    return keep_unpacked(model.eval())

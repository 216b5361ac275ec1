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
from tasks.training.prompts import write_greedily
from tasks.training.quiet import quiet
from tasks.training.shapes import auto_class, fresh_modules, task_config
from tasks.training.tokenizer import load_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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
    config, tokenizer = task_config(base.path, task, labels, dropout), load_tokenizer(base.path)
    padding = config.pad_token_id
    if padding is not None:  # embeddings have a place for it; where none is named, no row is special
        config.pad_token_id = tokenizer.pad_token_id
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
    check_padding(model, padding, tokenizer)
    agree(model, tokenizer, task)
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


def check_padding(model: Any, padding: int | None, tokenizer: PreTrainedTokenizerBase) -> None:
    """See that a model can take the tokenizer's padding token.

    Args:
        padding: what the base's own config names.

    Raises:
        InputError: its config names another, and its positions are counted from that one (RoBERTa and its relatives).
    """
    counting = any(
        "position" in name.rpartition(".")[2] and getattr(module, "padding_idx", None) is not None
        for name, module in model.named_modules()
    )
    if counting and padding != tokenizer.pad_token_id:
        hint = f'name the model\'s own as "pad_token" in tokenizer_config.json (its config.json says {padding})'
        what = f"a {model.config.model_type} model counts positions from its padding token; the tokenizer has another"
        raise InputError(what, value=tokenizer.pad_token_id, hint=hint)


def agree(model: Any, tokenizer: PreTrainedTokenizerBase, task: Task, max_new_tokens: int | None = None) -> None:
    """Make what a model says of its tokens what its tokenizer says, so that whatever is saved of it is coherent.

    A decoder's classifier reads the state of the last token that is not its config's padding: with another padding
    than the tokenizer's, a label would depend on the texts beside it. A model that writes stops, in plain
    `model.generate`, at every token that ends an answer (`end_tokens`), and writes as it is judged: the sampling,
    searching and forced tokens of its base are dropped.

    Args:
        max_new_tokens: where an answer ends at the latest, for a model that is saved.
    """
    model.config.pad_token_id = tokenizer.pad_token_id
    if task in GENERATING:
        write_greedily(model, tokenizer, max_new_tokens)
    elif model.config.is_encoder_decoder and tokenizer.eos_token_id is not None:
        model.config.eos_token_id = tokenizer.eos_token_id  # the token whose state T5 and BART read the label from

"""How a base looks once it does a task, told from its config and the headers of its weights: nothing is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import GENERATING, DatasetTask, Task
from tasks.errors import InputError
from tasks.training.bases import Base
from tasks.training.folders import load_config
from tasks.training.library import look
from tasks.training.positions import positions

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def auto_class(task: Task) -> Any:
    """The transformers class that loads a model for a task."""
    import transformers

    return {
        "causal-lm": transformers.AutoModelForCausalLM,
        "seq2seq-lm": transformers.AutoModelForSeq2SeqLM,
        "text-classification": transformers.AutoModelForSequenceClassification,
        "token-classification": transformers.AutoModelForTokenClassification,
    }[task]


def task_of(base: Base, records: DatasetTask) -> Task:
    """What an untrained base does with records of a kind: an encoder-decoder answers questions as seq2seq-lm."""
    if records == "causal-lm" and load_config(base.path).is_encoder_decoder:
        return "seq2seq-lm"
    return records


def task_config(folder: Path, task: Task, labels: Sequence[str], dropout: float | None = None) -> PreTrainedConfig:
    """The configuration of a base for a task: labels set, dropout overridden where asked.

    Raises:
        InputError: the architecture cannot do the task, or is quantized already, or has no dropout to set.
    """
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    config = load_config(folder)
    known = auto_class(task)._model_mapping
    encoder = config.is_encoder_decoder or (
        type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    )
    if type(config) not in known or (task == "causal-lm" and encoder):
        hint = "choose another base"
        if task == "causal-lm":
            other = "; for this model say task: seq2seq-lm" if config.is_encoder_decoder else ""
            hint = f"causal-lm needs a decoder (Llama, Qwen3, GPT-2, ...){other}"
        elif task == "seq2seq-lm":
            hint = "seq2seq-lm needs an encoder-decoder (T5, BART, ...)"
        raise InputError(f"a {config.model_type} model cannot do {task}", value=folder, hint=hint)
    if task == "seq2seq-lm" and getattr(config, "decoder_start_token_id", None) is None:
        hint = "set decoder_start_token_id in its config.json (T5: the padding token, BART: the end token)"
        raise InputError("the model does not say what its decoder starts from", value=folder, hint=hint)
    if getattr(config, "quantization_config", None) is not None:
        raise InputError(
            "the base model is quantized already",
            value=folder,
            hint="start from the full-precision model (qlora quantizes)",
        )
    if config.pad_token_id is not None and not 0 <= config.pad_token_id < config.get_text_config().vocab_size:
        config.pad_token_id = None  # no token of the model: the tokenizer's is used (tasks/training/loading.py)
    if task not in GENERATING:
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    if dropout is not None:
        names = [key for key, value in config.to_dict().items() if _is_dropout(key) and isinstance(value, int | float)]
        if not names:
            raise InputError(f"a {config.model_type} model has no dropout to set", hint="remove training.dropout")
        for name in names:
            setattr(config, name, dropout)
    return config


def longest_input(config: PreTrainedConfig, max_length: int) -> int:
    """The recipe's `max_length`, or what the model's positions allow where that is less."""
    most = positions(config)
    return max_length if most is None else min(max_length, most)


def fresh_modules(base: Base, task: Task, labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the modules that the task adds and the base holds no weights for, sorted: its head, sometimes a pooler.

    Transformers says so, from the names and shapes in the safetensors headers: no weight is loaded.
    """
    found = look(auto_class(task), base.path, task_config(base.path, task, labels))
    names = {*found["missing_keys"], *(name for name, *_ in found["mismatched_keys"])}
    return tuple(sorted({name.rpartition(".")[0] for name in names}))


def head_modules(model: PreTrainedModel, fresh: Sequence[str], task: Task) -> tuple[str, ...]:
    """The modules that every method trains: what was made for the task, and for classification the head in any case.

    Sorted, and no module inside another one.
    """
    heads = set(fresh)
    if task not in GENERATING:
        outside = [(name, child) for name, child in model.named_children() if name != model.base_model_prefix]
        heads |= {name for name, child in outside if next(child.parameters(), None) is not None}
    return tuple(sorted(name for name in heads if not any(name.startswith(f"{other}.") for other in heads)))


def _is_dropout(name: str) -> bool:
    return "dropout" in name or name.endswith("pdrop")

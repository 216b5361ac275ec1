"""Base models: found, checked, named by digest, loaded for a task; and any trained artifact, opened for inference."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, artifacts, load, write_atomically
from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef
from tasks.config.words import GENERATING, DatasetTask, Task
from tasks.digest import canonical_json
from tasks.errors import InputError, IntegrityError
from tasks.home import CHECKOUT, home
from tasks.training.folders import TOKENIZER_FILES, check_folder, digest_model, from_hub, in_package, load_config
from tasks.training.hardware import device, native_dtype

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    OpenModel = tuple[Any, PreTrainedTokenizerBase]


SERVED_BASE = "base"
"""Folder in a quantized artifact of an adapter that cannot be merged: the base in 4 bits, for plain transformers."""


@dataclass(frozen=True)
class Base:
    """A base model on this machine: a Hugging Face folder, its digest, and how the recipe named it.

    Of a folder elsewhere on the machine, `ref` keeps the name alone.
    """

    path: Path
    digest: str
    ref: dict[str, Any]


def resolve_base(ref: BaseModelRef) -> Base:
    """The base model that a recipe names, its weights hashed; `locate_base` finds it again by digest.

    A base made here (`base: NAME`) is trained on first use. Its digest is that of its artifact.

    Raises:
        InputError: no such folder or package, no weights, pickle weights only, no readable config, no such hub model.
        Interrupted: the hub cannot be reached.
    """
    plain = {key: value for key, value in ref.plain().items() if value is not None}
    if ref.base is not None:
        from tasks.training.named_base import base_artifact

        artifact = base_artifact(ref.base)
        return Base(artifact.path, artifact.digest, plain)
    if ref.folder is not None:
        named = Path(ref.folder).expanduser()
        folder = CHECKOUT / named
        if named.is_absolute():  # artifacts tell how it was named, and hold no absolute path
            plain["folder"] = named.name
    elif ref.package is not None:
        folder = in_package(ref.package)
    else:
        folder = from_hub(str(ref.hub), str(ref.revision))
    base = Base(folder, digest_model(folder), plain)
    file = home() / "bases" / f"{base.digest}.json"
    record = canonical_json({"path": str(folder.absolute()), "ref": plain})
    if not file.is_file() or file.read_bytes() != record:  # the same bytes in the same place were looked at before
        check_folder(folder)
        write_atomically(file, record)
    return base


def locate_base(digest: str) -> Base:
    """The base model of that digest, hashed again.

    Raises:
        IntegrityError: it is not on this machine any more, or was changed.
    """
    if (artifacts() / digest).is_dir():
        artifact = load(digest)
        return Base(artifact.path, digest, {"base": artifact.meta.get("name")})
    try:
        record = json.loads((home() / "bases" / f"{digest}.json").read_bytes())
    except (OSError, ValueError) as error:
        hint = "run the recipe that used it once more, or restore GALEN_HOME/bases"
        raise IntegrityError("nobody knows where this base model is", value=digest, hint=hint) from error
    folder = Path(record["path"])
    if not folder.is_dir() or digest_model(folder) != digest:
        raise IntegrityError("the base model was moved or changed", value=folder, hint="put the same files back there")
    return Base(folder, digest, record["ref"])


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, padding on the right; one without a padding token pads with its end token.

    Raises:
        InputError: there is none, it is not a fast one, or it has no end token to pad with.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise InputError("the tokenizer cannot be loaded", value=folder, hint="tokenizer.json is needed") from error
    if not tokenizer.is_fast:
        raise InputError("the tokenizer is not a fast one", value=folder, hint="convert it to tokenizer.json")
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise InputError(
                "the tokenizer has no padding and no end token", value=folder, hint="name one in its config"
            )
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    tokenizer.model_max_length = int(1e30)  # `encode` cuts, and counts what it cut
    return tokenizer


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
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        return max_length
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):  # their positions start behind the padding id
        positions -= config.pad_token_id + 1
    return min(max_length, positions)


def fresh_modules(base: Base, task: Task, labels: Sequence[str]) -> tuple[str, ...]:
    """Names of the modules that the task adds and the base holds no weights for, sorted: its head, sometimes a pooler.

    Found from the names and shapes in the safetensors headers, so before any weight is loaded.
    """
    import torch
    from safetensors import safe_open

    with torch.device("meta"):
        model = auto_class(task).from_config(task_config(base.path, task, labels))
    prefix = f"{model.base_model_prefix}."
    stored = {}
    for file in base.path.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (not a mapping)
                known = name.removeprefix(prefix).replace("LayerNorm.gamma", "LayerNorm.weight")
                stored[known.replace("LayerNorm.beta", "LayerNorm.bias")] = list(tensors.get_slice(name).get_shape())
    tied: dict[str, str] = model.all_tied_weights_keys
    for other, name in tied.items():  # of weights that are one, a file may hold any
        if (shape := stored.get(other.removeprefix(prefix))) is not None:
            stored.setdefault(name.removeprefix(prefix), shape)
    return tuple(
        sorted(
            {
                name.rpartition(".")[0]
                for name, weight in model.named_parameters()
                if name not in tied and stored.get(name.removeprefix(prefix)) != list(weight.shape)
            }
        )
    )


def head_modules(model: PreTrainedModel, fresh: Sequence[str], task: Task) -> tuple[str, ...]:
    """The modules that every method trains: what was made for the task, and for classification the head in any case.

    Sorted, and no module inside another one.
    """
    heads = set(fresh)
    if task not in GENERATING:
        outside = [(name, child) for name, child in model.named_children() if name != model.base_model_prefix]
        heads |= {name for name, child in outside if next(child.parameters(), None) is not None}
    return tuple(sorted(name for name in heads if not any(name.startswith(f"{other}.") for other in heads)))


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

    from tasks.training.fourbit import check_shapes, keep_unpacked, quantization_config

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
        model, found = auto_class(task).from_pretrained(
            base.path,
            config=config,
            dtype=dtype or torch.float32,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
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


def open_model(
    model: Artifact | Base, task: Task, labels: Sequence[str], *, dtype: torch.dtype | None = None
) -> OpenModel:
    """Any model, ready for inference: a base, an adapter on its base, a merged folder or a quantized one.

    The quantized form of an adapter that cannot be merged holds its base: nothing outside its folder is needed.

    Args:
        dtype: of the weights that are not in 4 bits; default: bfloat16 where it is native, else float32.

    Raises:
        InputError: the artifact is none of these.
        IntegrityError: its base is gone, or weights are missing.
    """
    from tasks.training.method import method_named, parse_options

    quiet()
    dtype = dtype or native_dtype()
    if isinstance(model, Base):
        return _placed(load_base(model, task, labels, dtype=dtype)), load_tokenizer(model.path)
    if model.kind not in ("adapter", "merged", "quantized"):
        raise InputError(f"a {model.kind} is not a model", value=model.digest[:12])
    if model.meta["loader"] == "adapter":
        options = parse_options(model.meta["method"])
        method = method_named(options.name)
        if model.kind == "quantized":
            plain = _from_folder(model.path / SERVED_BASE, task, dtype)
        else:
            base = locate_base(model.meta["base"]["digest"])
            plain = load_base(base, task, labels, quantization=method.base_quantization, dtype=dtype)
        return _placed(method.load(plain, model.path, options)), load_tokenizer(model.path)
    return _placed(_from_folder(model.path, task, dtype)), load_tokenizer(model.path)


def _from_folder(folder: Path, task: Task, dtype: torch.dtype) -> PreTrainedModel:
    """A model that was made here, as saved, in evaluation mode."""
    from tasks.training.fourbit import keep_unpacked

    model, found = auto_class(task).from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation="sdpa",
        use_safetensors=True,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
    )
    if lost := sorted(found["missing_keys"]) or sorted(found["unexpected_keys"]):
        raise IntegrityError(f"weight {lost[0]} of a model does not fit its config", value=folder)
    if getattr(model, "is_loaded_in_4bit", False):  # transformers gave the dtype to some of the other weights only
        for weight in model.parameters():
            if weight.is_floating_point():
                weight.data = weight.data.to(dtype)
    return keep_unpacked(model.eval())


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the tokenizer's files byte for byte: a merged model must not get another one."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            (target / name).write_bytes((source / name).read_bytes())


def quiet() -> None:
    """Keep transformers from drawing bars and from reporting new heads, and bitsandbytes from a warning at import.

    What is missing or left over is checked here. bitsandbytes warns that the optional package `kernels` is absent:
    that kernel is for repacked weights, which are off here.
    """
    from transformers.utils import logging as transformers_logging

    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # PEFT asks for it on every load


def _placed(model: Any) -> Any:
    target = device()
    return model if target.type == "cpu" else model.to(target)


def _is_dropout(name: str) -> bool:
    return "dropout" in name or name.endswith("pdrop")

"""Any trained artifact, or a base as it is, opened for inference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.config.words import Task
from tasks.errors import InputError, IntegrityError
from tasks.meta.form import FORMS, Form
from tasks.meta.model import ModelMeta
from tasks.training.bases import Base
from tasks.training.hardware import device, native_dtype
from tasks.training.loading import agree, load_base, load_made
from tasks.training.method import method_of, options_of
from tasks.training.quiet import quiet
from tasks.training.tokenizer import load_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    OpenModel = tuple[Any, PreTrainedTokenizerBase]


SERVED_BASE = "base"
"""Folder in a quantized artifact of an adapter that cannot be merged: the base in 4 bits, for plain transformers."""


def open_model(
    model: Artifact | Base,
    task: Task,
    labels: Sequence[str],
    *,
    base: Base | None = None,
    dtype: torch.dtype | None = None,
) -> OpenModel:
    """Any model, ready for inference: a base, an adapter on its base, a merged folder or a quantized one.

    Nothing outside its folder is needed, except by an adapter: its base is given with it (`base_beside`). The quantized
    form of an adapter that cannot be merged holds its base.

    Args:
        base: what an adapter was trained on; the other forms need none.
        dtype: of the weights that are not in 4 bits; default: bfloat16 where it is native, else float32.

    Raises:
        InputError: the artifact is none of these.
        IntegrityError: the base is not the adapter's own, or weights are missing.
    """
    quiet()
    opened = _opened(model, task, labels, base, dtype)
    tokenizer = load_tokenizer(model.path)
    agree(opened, tokenizer, task)
    return _placed(opened), tokenizer


def _opened(
    model: Artifact | Base, task: Task, labels: Sequence[str], base: Base | None, dtype: torch.dtype | None
) -> Any:
    dtype = dtype or native_dtype()
    if isinstance(model, Base):
        return load_base(model, task, labels, dtype=dtype)
    if model.kind not in FORMS:
        raise InputError(f"a {model.kind} is not a model", value=model.digest[:12])
    said = ModelMeta.read(model)
    if not said.beside:
        return load_made(model.path, task, dtype)
    options = options_of(said)
    method = method_of(options)
    if model.kind == Form.QUANTIZED:
        plain = load_made(model.path / SERVED_BASE, task, dtype)
    else:
        if base is None or base.digest != said.base.digest:
            raise IntegrityError("an adapter needs the base that it was trained on", value=model.digest[:12])
        plain = load_base(base, task, labels, quantization=method.base_quantization, dtype=dtype)
    return method.load(plain, model.path, options)


def _placed(model: Any) -> Any:
    target = device()
    return model if target.type == "cpu" else model.to(target)

"""4-bit base models (NF4 with double quantization: Dettmers et al. 2023, QLoRA) that stay correct on every CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.config.release import Quantization
from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.library import on_meta

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel

    from tasks.training.bases import Base

BLOCK = 64  # weights that share one constant, along a row of the matrix
ROWS = 32  # bitsandbytes' CPU kernel takes rows in blocks of this size
M = TypeVar("M")


def quantization_config(
    settings: Quantization, config: PreTrainedConfig, task: Task, fresh: Sequence[str]
) -> BitsAndBytesConfig:
    """What transformers needs to load a model in 4 bits; a new head and the output embeddings are left out."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",  # the default is fp4
        bnb_4bit_use_double_quant=settings.double_quantization,
        bnb_4bit_compute_dtype=getattr(torch, settings.compute_dtype),
        llm_int8_skip_modules=list(skipped(settings, config, task, fresh)),
    )


def skipped(settings: Quantization, config: PreTrainedConfig, task: Task, fresh: Sequence[str]) -> tuple[str, ...]:
    """The modules that stay in full precision, sorted: output embeddings and heads, fresh modules, the recipe's own.

    Naming any module turns off transformers' own exclusion of the output embeddings, so they are named here; and so is
    what an architecture never gives to 4 bits (T5's `wo`).
    """
    from tasks.training.shapes import auto_class

    model = on_meta(auto_class(task), config)
    head = model.get_output_embeddings()
    outputs = [name for name, module in model.named_modules() if head is not None and module is head]
    inside = model.base_model_prefix  # T5 that writes text is not built around its base model: all of it is base
    heads = [name for name, _ in model.named_children() if name != inside] if hasattr(model, inside) else []
    kept = model._keep_in_fp32_modules or ()
    tied = [name.rpartition(".")[0] for name in model.all_tied_weights_keys]
    return tuple(sorted({*outputs, *heads, *kept, *tied, *fresh, *settings.skip_modules}))


def keep_unpacked(model: M) -> M:
    """Forbid bitsandbytes' in-place repacking on CPUs with AVX512-BF16, and return the model.

    An evaluation would otherwise change the layout of the 4-bit weights; gradients, merges and dequantization after
    it are then wrong without a word. Call it on every model right after loading.
    """
    modules: Any = model
    for module in modules.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def check_shapes(base: Base, task: Task, labels: Sequence[str], settings: Quantization) -> None:
    """See, from the config alone, that every matrix that 4 bits would hold has a shape that they can hold everywhere.

    Plain transformers on a CPU with AVX512-BF16 needs whole blocks: rows in multiples of 32, columns of 64.

    Raises:
        InputError: one has not; the message names it.
    """
    import torch
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.quantizers_utils import should_convert_module

    from tasks.training.shapes import auto_class, fresh_modules, task_config

    config = task_config(base.path, task, labels)
    left_out = list(skipped(settings, config, task, fresh_modules(base, task, labels)))
    model = on_meta(auto_class(task), config)
    found = 0
    for name, module in model.named_modules():
        if type(module) not in (torch.nn.Linear, Conv1D) or not should_convert_module(name, left_out):
            continue
        found += 1
        rows, columns = module.weight.shape if type(module) is torch.nn.Linear else reversed(module.weight.shape)
        if rows % ROWS or columns % BLOCK:
            raise InputError(
                f"4 bits cannot hold this matrix: {rows} x {columns} is not in multiples of {ROWS} x {BLOCK}",
                value=name,
                hint="choose a base with other sizes, or leave the module out (quantization.skip_modules)",
            )
    if not found:
        raise InputError("the base model has no matrix that 4 bits could hold", value=base.path)


def dequantized(model: PreTrainedModel) -> PreTrainedModel:
    """The same model with its 4-bit weights written out as float32: what a merge adds to."""
    import torch

    plain = keep_unpacked(model).dequantize(torch.float32)
    return plain.float()

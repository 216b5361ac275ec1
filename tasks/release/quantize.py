"""The served form: a model in NF4 (Dettmers et al. 2023, QLoRA), believed once it was read back from disk.

A merged model becomes one plain transformers folder. For an adapter that cannot be merged it is the base in NF4, a
plain transformers folder of its own in `base/`, with the adapter's files and its tokenizer beside it.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.code import code_of
from tasks.config.release import Quantization
from tasks.digest import digest_file
from tasks.errors import InputError, IntegrityError
from tasks.meta.form import Form
from tasks.meta.model import DifferenceMeta, ModelMeta, QuantizationChecks, QuantizationMeta
from tasks.meta.record import Plain
from tasks.release.probe import compare, logits_of, probe
from tasks.store import Store
from tasks.training.bases import Base, locate_base
from tasks.training.fourbit import check_shapes, keep_unpacked, skipped
from tasks.training.library import load
from tasks.training.loading import agree, load_base
from tasks.training.method import method_of, options_of
from tasks.training.opening import SERVED_BASE, open_model
from tasks.training.shapes import auto_class, fresh_modules
from tasks.training.tokenizer import copy_tokenizer, load_tokenizer

if TYPE_CHECKING:
    import torch

BLOCK, GROUP = 64, 256  # weights per constant; constants per constant of the constants
BLOCK_ERROR = 0.18
"""Of the largest weight in a block: NF4's widest gap allows 0.152, bfloat16 adds a little."""
LAYER_ERROR = 0.01
"""Of the largest weight in a layer: what double quantization adds."""
KL = 1.0
"""Nats from the form before it that need no second look. What 4 bits cost in quality, the gates judge."""
SERVED_KL = 0.01
"""Nats between the kernel that evaluation uses and the one that plain transformers chooses on this machine."""


def quantize(store: Store, model: Artifact, settings: Quantization) -> Artifact:
    """The quantized form of a merged model, or of an adapter that cannot be merged, made once.

    What was saved is loaded again and compared with the form that it was made from; the findings are in
    `ModelMeta.quantization`, and `ModelMeta.loader` says what opens it.

    Raises:
        InputError: neither of these, or it has a shape that 4 bits cannot take; nothing was written.
        IntegrityError: what came back from disk is not what it should be, or the adapter's base is gone.
    """
    beside = _served_beside_its_base(model)
    wide = _in_full(store, model)
    said = ModelMeta.read(model)
    check_shapes(wide, said.task, said.labels, settings)

    def build(folder: Path) -> Plain:
        if beside:
            for name in model.files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(model.path / name, folder / name)
        inner = folder / SERVED_BASE if beside else folder
        small = load_base(wide, said.task, said.labels, quantization=settings)
        agree(small, load_tokenizer(model.path), said.task, said.recipe.evaluation.generation.max_new_tokens)
        small.save_pretrained(inner)
        copy_tokenizer(wide.path, inner)
        del small
        found = QuantizationMeta.of(settings, verify_quantized(store, model, folder, settings))
        return said.quantized(model.digest, found).plain()

    return store.make(Form.QUANTIZED, _inputs(model, settings), build, _code(model))


def quantized_before(store: Store, model: Artifact, settings: Quantization) -> Artifact | None:
    """What `quantize` made of a model, if it did.

    Raises:
        IntegrityError: it does not match its digest.
    """
    return store.find(Form.QUANTIZED, _inputs(model, settings), _code(model))


def _inputs(model: Artifact, settings: Quantization) -> dict[str, Any]:
    return {"parent": model.digest, "settings": settings.plain()}


def _code(model: Artifact) -> str:
    """A method opens its adapter; a merged model needs none."""
    opens = [method_of(options_of(ModelMeta.read(model))).module] if model.kind == Form.ADAPTER else []
    return code_of(__name__, *opens)


def _served_beside_its_base(model: Artifact) -> bool:
    """Whether a model is an adapter that cannot be merged (True) or a merged model (False)."""
    if model.kind == Form.ADAPTER:
        method = method_of(options_of(ModelMeta.read(model)))
        if method.mergeable:
            hint = "merge it first, and quantize the merged form"
            raise InputError(f"an adapter of {method.name} cannot be quantized", value=model.digest[:12], hint=hint)
        return True
    if model.kind != Form.MERGED:
        raise InputError(f"a model of kind {model.kind} cannot be quantized", value=model.digest[:12])
    return False


def _in_full(store: Store, model: Artifact) -> Base:
    """What is put into 4 bits: a merged model itself, or the base of an adapter."""
    if model.kind == Form.ADAPTER:
        return locate_base(store, ModelMeta.read(model).base.digest)
    return Base(model.path, model.digest, {})


def verify_quantized(store: Store, model: Artifact, folder: Path, settings: Quantization) -> QuantizationChecks:
    """Load a quantized folder as anyone would, and compare it with the model that it was made from.

    Returns:
        layers in 4 bits, modules left out, bits per parameter as stored, bytes, errors of the weights, differences of
        the outputs on the probe.

    Raises:
        IntegrityError: a layer is not in NF4 that should be, or is that should not; a weight is further off than
            4 bits explain; what was left out changed, or a file of an adapter; the stored size is not the format's;
            the outputs are not finite, far from those of the model, or depend on the kernel.
    """
    from bitsandbytes.nn import Linear4bit

    beside, source = model.kind == Form.ADAPTER, _in_full(store, model)
    said = ModelMeta.read(model)
    task, labels = said.task, said.labels
    inner = folder / SERVED_BASE if beside else folder
    fresh = fresh_modules(source, task, labels) if beside else ()  # their trained weights are in the adapter's file
    wide = load_base(source, task, labels)
    small, report = load(auto_class(task), inner)
    if lost := sorted(report["missing_keys"]) or sorted(report["unexpected_keys"]):
        raise IntegrityError("the quantized model's weights do not fit its config", value=lost[0])
    repacking = [one for one in small.eval().modules() if getattr(one, "support_avx512bf16_for_cpu", False)]
    keep_unpacked(small)

    layers = {name: one for name, one in small.named_modules() if isinstance(one, Linear4bit)}
    weights = _matrices(wide)
    left_out = sorted(weights.keys() - layers.keys())
    planned = _planned(sorted(weights), skipped(settings, wide.config, task, fresh))
    if wrong := sorted(set(left_out) ^ set(planned)):
        raise IntegrityError(f"a layer is {'not ' * (wrong[0] in left_out)}in 4 bits", value=wrong[0])
    _check_untouched(small, dict(wide.named_parameters()), fresh)
    errors = [_weight_error(name, layer, weights[name]) for name, layer in layers.items()]
    found = partial(
        QuantizationChecks,
        layers=len(layers),
        left_out=left_out,
        bits_per_parameter=_bits_per_parameter(inner, {name: weights[name].numel() for name in layers}, settings),
        bytes=_weight_bytes(folder),
        parent_bytes=_weight_bytes(model.path) + (_weight_bytes(source.path) if beside else 0),
        weight_error=round(max(errors), 3),
    )
    if beside:
        del small, layers
        return found(from_parent=_compare_beside(model, folder, settings, wide, len(errors)))
    from_parent, as_served = _compare_merged(folder, wide, small, repacking)
    return found(from_parent=from_parent, as_served=as_served)


def _compare_merged(
    folder: Path, merged: Any, small: Any, repacking: list[Any]
) -> tuple[DifferenceMeta, DifferenceMeta]:
    """What a quantized model says, against the merged one, and with the kernel that plain transformers chooses."""
    ids = probe(load_tokenizer(folder), getattr(merged.config, "max_position_embeddings", None))
    unpacked = logits_of(small, ids)
    from_parent = _check_alike(logits_of(merged, ids), unpacked)
    for one in repacking:  # from here on `small` does as plain transformers would: it may repack its weights
        one.support_avx512bf16_for_cpu = True
    as_served = compare(unpacked, logits_of(small, ids))
    if not as_served.kl <= SERVED_KL:
        raise IntegrityError("what is served differs from what is evaluated", value=as_served.meta().plain())
    return from_parent, as_served.meta()


def _compare_beside(adapter: Artifact, folder: Path, settings: Quantization, base: Any, layers: int) -> DifferenceMeta:
    """What a folder of 4-bit base and adapter says, opened as it will be served, against the adapter on its base."""
    import torch
    from bitsandbytes.nn import Linear4bit

    for name, digest in adapter.files.items():
        if not (folder / name).is_file() or digest_file(folder / name) != digest:
            raise IntegrityError("a file of the adapter changed", value=name)
    said = ModelMeta.read(adapter)
    options = options_of(said)
    live = method_of(options).load(base, adapter.path, options)
    ids = probe(load_tokenizer(folder), getattr(live.config, "max_position_embeddings", None))
    expected = logits_of(live, ids)
    del live

    unsealed = Artifact("", Form.QUANTIZED, folder, said.quantized(adapter.digest).plain(), {})
    dtype = getattr(torch, settings.compute_dtype)
    small, _ = open_model(unsealed, said.task, said.labels, dtype=dtype)
    if sum(isinstance(one, Linear4bit) for one in small.modules()) != layers:
        raise IntegrityError("modules of the adapter are in 4 bits, or took the place of some that are")
    return _check_alike(expected, logits_of(small, ids))


def _check_alike(expected: torch.Tensor, found: torch.Tensor) -> DifferenceMeta:
    """The difference of a quantized model's outputs from those of the model that it was made from."""
    difference = compare(expected, found)
    # A confident model can be further off than KL and still be the same model: then it must at least be far closer to
    # the other one on the same row than on another.
    elsewhere = compare(expected.roll(1, 0), found)
    if not (difference.kl <= KL or difference.kl < elsewhere.kl / 2):
        raise IntegrityError("the quantized model does not say what it said before", value=difference.meta().plain())
    return difference.meta()


def _matrices(model: Any) -> dict[str, torch.Tensor]:
    """The weights of the linear modules, [out, in], by name of the module."""
    import torch
    from transformers.pytorch_utils import Conv1D

    return {
        name: one.weight.detach().T if isinstance(one, Conv1D) else one.weight.detach()
        for name, one in model.named_modules()
        if isinstance(one, torch.nn.Linear | Conv1D)
    }


def _planned(names: list[str], skip: tuple[str, ...]) -> list[str]:
    from transformers.quantizers.quantizers_utils import should_convert_module

    return [name for name in names if not should_convert_module(name, list(skip))]


def _check_untouched(small: Any, original: dict[str, torch.Tensor], fresh: tuple[str, ...]) -> None:
    """What is not in 4 bits must be as before, rounded to the dtype it is stored in; new heads hold nothing yet."""
    import torch
    from bitsandbytes.nn import Params4bit

    for name, weight in small.named_parameters():
        if isinstance(weight, Params4bit) or any(name.startswith(f"{one}.") for one in fresh):
            continue
        if not torch.equal(weight.cpu(), original[name].cpu().to(weight.dtype)):
            raise IntegrityError("a weight that was left out of 4 bits changed", value=name)


def _weight_error(name: str, layer: Any, weight: torch.Tensor) -> float:
    """Largest error of a weight, as a share of the largest weight in its block of 64."""
    from bitsandbytes.functional import dequantize_4bit

    state = layer.weight.quant_state
    if state.quant_type != "nf4":
        raise IntegrityError(f"a layer is in {state.quant_type}, not in nf4", value=name)
    back = dequantize_4bit(layer.weight.data, state).float().cpu()
    error = (back - weight.cpu()).abs().reshape(-1, BLOCK)
    largest = weight.cpu().abs().reshape(-1, BLOCK).amax(1, keepdim=True)
    if not bool((error <= BLOCK_ERROR * largest + LAYER_ERROR * largest.max()).all()):
        raise IntegrityError("the weights differ by more than 4-bit rounding explains", value=name)
    return float((error / largest.clamp(min=1e-30)).max())


def _bits_per_parameter(folder: Path, layers: dict[str, int], settings: Quantization) -> float:
    """Bits per parameter of the 4-bit layers, as stored; NF4 asks for 4.127 with double quantization, else 4.5.

    The code tables of each layer (1.1 KB at most, whatever its size) are counted in `bytes` only.
    """
    from safetensors import safe_open

    bits = dict.fromkeys(layers, 0)
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118 (not a mapping)
                name, _, part = key.rpartition(".weight")
                if name in layers and part in ("", ".absmax", ".nested_absmax"):
                    tensor = tensors.get_tensor(key)
                    # The constants of constants are padded to a whole group, and one offset follows: not counted.
                    bits[name] += 8 * tensor.element_size() * tensor.numel()
    for name, size in layers.items():
        constants = -(-size // BLOCK)
        groups = -(-constants // GROUP)
        least = 4 * size + (8 * constants + 32 * groups if settings.double_quantization else 32 * constants)
        if not least <= bits[name] <= least + 64:
            raise IntegrityError(f"a layer takes {bits[name]} bits, not {least}", value=name)
    return round(sum(bits.values()) / sum(layers.values()), 4)


def _weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.safetensors"))

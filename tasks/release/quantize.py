"""The served form: a merged model in NF4 (Dettmers et al. 2023, QLoRA), believed once it was read back from disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, Meta, make
from tasks.config import Quantization
from tasks.errors import InputError, IntegrityError
from tasks.release.probe import compare, logits_of, probe
from tasks.training.fourbit import check_shapes, keep_unpacked, skipped
from tasks.training.models import Base, auto_class, copy_tokenizer, load_base, load_tokenizer

if TYPE_CHECKING:
    import torch

BLOCK, GROUP = 64, 256  # weights per constant; constants per constant of the constants
BLOCK_ERROR = 0.18
"""Of the largest weight in a block: NF4's widest gap allows 0.152, bfloat16 adds a little."""
LAYER_ERROR = 0.01
"""Of the largest weight in a layer: what double quantization adds."""
KL = 1.0
"""Nats from the merged model that need no second look. What 4 bits cost in quality, the gates judge."""
SERVED_KL = 0.01
"""Nats between the kernel that evaluation uses and the one that plain transformers chooses on this machine."""


def quantize(model: Artifact, settings: Quantization) -> Artifact:
    """The quantized form of a merged model: a folder that plain transformers loads, made once.

    What was saved is loaded again and compared with the merged model; the findings are in `meta["quantization"]`.

    Raises:
        InputError: not a merged model, or it has a shape that 4 bits cannot take; nothing was written.
        IntegrityError: what came back from disk is not what it should be.
    """
    if model.kind != "merged":
        hint = "quantize its merged form" if model.kind == "adapter" else None
        raise InputError(f"a model of kind {model.kind} cannot be quantized", value=model.digest[:12], hint=hint)
    check_shapes(_as_base(model), model.meta["task"], model.meta["labels"], settings)

    def build(folder: Path) -> Meta:
        small = load_base(_as_base(model), model.meta["task"], model.meta["labels"], quantization=settings)
        small.save_pretrained(folder)
        copy_tokenizer(model.path, folder)
        del small
        changed = {"form": "quantized", "parent": model.digest, "loader": "transformers"}
        checks = verify_quantized(model, folder, settings)
        return {**model.meta, **changed, "quantization": {"type": "nf4", **settings.plain(), **checks}}

    return make("quantized", {"parent": model.digest, "settings": settings.plain()}, build)


def verify_quantized(model: Artifact, folder: Path, settings: Quantization) -> Meta:
    """Load a quantized folder as anyone would, and compare it with the merged model that it was made from.

    Returns:
        plain data: layers in 4 bits, modules left out, bits per parameter as stored, bytes, errors of the weights,
        differences of the outputs on the probe.

    Raises:
        IntegrityError: a layer is not in NF4 that should be, or is that should not; a weight is further off than
            4 bits explain; what was left out changed; the stored size is not the format's; the outputs are not
            finite, far from the merged model's, or depend on the kernel.
    """
    import torch
    from bitsandbytes.nn import Linear4bit
    from transformers.pytorch_utils import Conv1D

    task, labels = model.meta["task"], model.meta["labels"]
    merged = load_base(_as_base(model), task, labels)
    ids = probe(load_tokenizer(folder), getattr(merged.config, "max_position_embeddings", None))
    small, found = auto_class(task).from_pretrained(
        folder, use_safetensors=True, local_files_only=True, output_loading_info=True
    )
    if lost := sorted(found["missing_keys"]) or sorted(found["unexpected_keys"]):
        raise IntegrityError("the quantized model's weights do not fit its config", value=lost[0])
    repacking = [one for one in small.eval().modules() if getattr(one, "support_avx512bf16_for_cpu", False)]
    keep_unpacked(small)

    layers = {name: one for name, one in small.named_modules() if isinstance(one, Linear4bit)}
    wide = {
        name: one.weight.detach().T if isinstance(one, Conv1D) else one.weight.detach()
        for name, one in merged.named_modules()
        if isinstance(one, torch.nn.Linear | Conv1D)
    }
    left_out = sorted(wide.keys() - layers.keys())
    if unplanned := sorted(set(left_out) - set(_planned(left_out, skipped(settings, merged.config, task, ())))):
        raise IntegrityError("a layer is not in 4 bits", value=unplanned[0])
    _check_untouched(small, dict(merged.named_parameters()))
    errors = [_weight_error(name, layer, wide[name]) for name, layer in layers.items()]

    expected, unpacked = logits_of(merged, ids), logits_of(small, ids)
    from_merged = compare(expected, unpacked)
    # A confident model can be further off than KL and still be the same model: then it must at least be far closer to
    # the merged one on the same row than on another.
    elsewhere = compare(expected.roll(1, 0), unpacked)
    if not (from_merged.kl <= KL or from_merged.kl < elsewhere.kl / 2):
        raise IntegrityError("the quantized model does not say what the merged one does", value=from_merged.plain())
    for one in repacking:  # from here on `small` does as plain transformers would: it may repack its weights
        one.support_avx512bf16_for_cpu = True
    as_served = compare(unpacked, logits_of(small, ids))
    if not as_served.kl <= SERVED_KL:
        raise IntegrityError("what is served differs from what is evaluated", value=as_served.plain())
    return {
        "layers": len(layers),
        "left_out": left_out,
        **_sizes(folder, {name: wide[name].numel() for name in layers}, settings),
        "merged_bytes": _weight_bytes(model.path),
        "weight_error": round(max(errors), 3),
        "from_merged": from_merged.plain(),
        "as_served": as_served.plain(),
    }


def _planned(names: list[str], skip: tuple[str, ...]) -> list[str]:
    from transformers.quantizers.quantizers_utils import should_convert_module

    return [name for name in names if not should_convert_module(name, list(skip))]


def _check_untouched(small: Any, original: dict[str, torch.Tensor]) -> None:
    """What is not in 4 bits must be the merged model's, rounded to the dtype it is stored in."""
    import torch
    from bitsandbytes.nn import Params4bit

    for name, weight in small.named_parameters():
        same = isinstance(weight, Params4bit) or torch.equal(weight.cpu(), original[name].cpu().to(weight.dtype))
        if not same:
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
        raise IntegrityError("weights are further off than 4 bits explain", value=name)
    return float((error / largest.clamp(min=1e-30)).max())


def _sizes(folder: Path, layers: dict[str, int], settings: Quantization) -> Meta:
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
    return {"bits_per_parameter": round(sum(bits.values()) / sum(layers.values()), 4), "bytes": _weight_bytes(folder)}


def _weight_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _as_base(model: Artifact) -> Base:
    return Base(model.path, model.digest, {})

"""An adapter made part of its base's weights, and checked against the two of them side by side."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.code import code_of
from tasks.digest import digest_data, digest_file
from tasks.errors import InputError, IntegrityError
from tasks.meta.form import FORMS, Form
from tasks.meta.model import MergeMeta, ModelMeta
from tasks.meta.record import Plain
from tasks.release.probe import Difference, compare, logits_of, probe
from tasks.store import Store
from tasks.training.bases import Base, locate_base
from tasks.training.folders import TOKENIZER_FILES, load_config
from tasks.training.fourbit import dequantized
from tasks.training.library import load
from tasks.training.loading import agree, load_base
from tasks.training.method import Method, method_of, options_of
from tasks.training.shapes import auto_class
from tasks.training.tokenizer import copy_tokenizer, load_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

MERGED_KL = 1e-6
"""Nats between adapter and merged model, both float32: the same sums in another order."""
SAVED_KL = 1e-3
"""Nats between adapter and what was saved: the rounding of the base's own dtype comes on top."""


def merge(store: Store, adapter: Artifact) -> Artifact:
    """The merged form of an adapter: a folder that plain transformers loads, in the dtype of the base, made once.

    An adapter that was trained on a 4-bit base is merged into that base dequantized, not into the original: it
    learned to work with the rounded weights. Everything is added in float32.

    Raises:
        InputError: not an adapter, or of a method that cannot be merged.
        IntegrityError: the base is gone or was changed, or the merged model is not what adapter and base make.
    """
    if adapter.kind != Form.ADAPTER:
        hint = "it is merged already" if adapter.kind in FORMS else None
        raise InputError(f"a model of kind {adapter.kind} cannot be merged", value=adapter.digest[:12], hint=hint)
    said = ModelMeta.read(adapter)
    method = method_of(options_of(said))
    if not method.mergeable:
        raise InputError(cannot_merge(method), value=adapter.digest[:12], hint="quantize it as it is")

    def build(folder: Path) -> Plain:
        base = locate_base(store, said.base.digest)
        return said.merged(adapter.digest, _merge(adapter, method, base, folder)).plain()

    return store.make(Form.MERGED, _inputs(adapter), build, code_of(__name__, method.module))


def merged_before(store: Store, adapter: Artifact) -> Artifact | None:
    """What `merge` made of an adapter, if it did.

    Raises:
        IntegrityError: it does not match its digest.
    """
    method = method_of(options_of(ModelMeta.read(adapter)))
    return store.find(Form.MERGED, _inputs(adapter), code_of(__name__, method.module))


def _inputs(adapter: Artifact) -> dict[str, Any]:
    return {"parent": adapter.digest}


def cannot_merge(method: Method[Any]) -> str:
    """Why an adapter of a method stays one, in words."""
    return f"{method.name} cannot be merged into the base's weights; it is served beside its base"


def _merge(adapter: Artifact, method: Method[Any], base: Base, folder: Path) -> MergeMeta:
    import torch

    said = ModelMeta.read(adapter)
    options = options_of(said)
    live = method.load(_live_base(adapter, method, base), adapter.path, options)
    ids = probe(load_tokenizer(adapter.path), getattr(live.config, "max_position_embeddings", None))
    reference = logits_of(live, ids)
    del live

    plain = load_plain_base(adapter, method, base)
    before, tied = _weights(plain), ties(plain)
    wrapped = method.load(plain, adapter.path, options)
    aimed_at = targets(wrapped)
    merged = method.merge(wrapped)
    changed = check_changes(before, _weights(merged), aimed_at)
    exact = compare(reference, logits_of(merged, ids))
    _require(exact, MERGED_KL, "the merged model does not say what the adapter does")

    dtype = load_config(base.path).dtype or torch.float32
    agree(merged, load_tokenizer(adapter.path), said.task, said.recipe.evaluation.generation.max_new_tokens)
    merged.to(dtype).save_pretrained(folder)
    copy_tokenizer(adapter.path, folder)
    tokenizer = _check_tokenizer(base.path, adapter.path, folder)
    del merged, plain, wrapped

    saved, found = load(auto_class(said.task), folder, dtype=torch.float32)
    if lost := sorted(found["missing_keys"]) or sorted(found["unexpected_keys"]):
        raise IntegrityError("the merged model's weights do not fit its config", value=lost[0])
    if list(saved.config.id2label.values())[: len(said.labels)] != said.labels and said.task != "causal-lm":
        raise IntegrityError("the merged model has other labels", value=len(said.labels))
    from_disk = compare(reference, logits_of(saved.eval(), ids))
    _require(from_disk, SAVED_KL, "the saved model does not say what the adapter does")
    return MergeMeta(
        base="dequantized" if method.base_quantization else "original",
        dtype=str(dtype).removeprefix("torch."),
        changed=changed,
        tied_embeddings=check_ties(saved, tied),
        tokenizer=tokenizer,
        from_adapter=exact.meta(),
        saved_from_adapter=from_disk.meta(),
    )


def load_plain_base(adapter: Artifact, method: Method[Any], base: Base) -> PreTrainedModel:
    """What an adapter's update is added to, float32: its base, or the dequantized one if it was trained in 4 bits."""
    import torch

    said = ModelMeta.read(adapter)
    if method.base_quantization is None:
        return load_base(base, said.task, said.labels)
    quantized = load_base(base, said.task, said.labels, quantization=method.base_quantization, dtype=_trained_in(said))
    for weight in quantized.parameters():
        if hasattr(weight, "quant_state"):
            weight.quant_state.dtype = torch.float32  # else it is written out in the dtype it was loaded in
    return dequantized(quantized)


def _live_base(adapter: Artifact, method: Method[Any], base: Base) -> Any:
    """The base as training held it (4-bit weights stay in 4 bits), computing in float32."""
    import torch

    said = ModelMeta.read(adapter)
    if method.base_quantization is None:
        return load_base(base, said.task, said.labels)
    from bitsandbytes.nn import Linear4bit, Params4bit

    # Rounded to 4 bits from the same dtype as in training, else the constants differ.
    live = load_base(base, said.task, said.labels, quantization=method.base_quantization, dtype=_trained_in(said))
    for weight in live.parameters():
        if not isinstance(weight, Params4bit):
            weight.data = weight.data.float()
    for module in live.modules():
        if isinstance(module, Linear4bit):
            module.compute_dtype, module.compute_type_is_set = torch.float32, True
    return live


def _trained_in(said: ModelMeta) -> torch.dtype:
    import torch

    found: torch.dtype = getattr(torch, said.training.precision)
    return found


def targets(model: Any) -> dict[str, bool]:
    """The weights that an adapter on a model aims at, by their name in the plain model, and whether its update is zero.

    A weight whose update is zero (as before the first step) is free to stay as it is. Most updates are added to a
    weight; factors on what a linear module gives scale its bias too.
    """
    from peft.tuners.ia3.layer import IA3Layer
    from peft.tuners.lora.layer import ParamWrapper
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    found: dict[str, bool] = {}
    for name, module in model.named_modules():
        plain = name.removeprefix("base_model.model.")
        if isinstance(module, AuxiliaryTrainingWrapper):
            found |= {f"{plain}.{key}": False for key in module.original_module.state_dict()}
        elif isinstance(module, ParamWrapper):  # of the matrices of all experts at once, one wrapped in the other
            outer = plain.replace(".base_layer", "")
            found[f"{outer}.{module.parameter_name}"] = not bool(module.get_delta_weight("default").any())
        elif isinstance(module, IA3Layer):
            factors = module.ia3_l["default"]
            found[f"{plain}.weight"] = bool((factors == 1).all())
            bias = getattr(module.get_base_layer(), "bias", None)
            if bias is not None and not module.is_feedforward:
                found[f"{plain}.bias"] = bool((bias * factors.flatten() == bias).all())
        elif isinstance(module, BaseTunerLayer):
            update = getattr(module, "get_delta_weight", None)
            found[f"{plain}.weight"] = update is not None and not bool(update("default").any())
    return found


def check_changes(before: dict[str, str], after: dict[str, str], aimed_at: dict[str, bool]) -> int:
    """See that a merge changed the weights that the adapter aims at, and no others; returns how many.

    Args:
        before: digest of each weight of the plain base.
        after: the same of the merged model.
        aimed_at: as `targets` returns it.

    Raises:
        IntegrityError: a weight appeared, vanished, changed without being aimed at, or was aimed at and did not.
    """
    for name in sorted(before.keys() | after.keys()):
        changed = before.get(name) != after.get(name)
        if name not in before or name not in after:
            fault = "appeared" if name in after else "vanished"
        elif changed and name not in aimed_at:
            fault = "changed, and the adapter does not aim at it"
        elif not changed and name in aimed_at and not aimed_at[name]:
            fault = "did not change, and the adapter aims at it"
        else:
            continue
        raise IntegrityError(f"merging: weight {name} {fault}")
    if lost := sorted(aimed_at.keys() - before.keys()):
        raise IntegrityError(f"merging: the adapter changes weight {lost[0]}, which the base does not have")
    return sum(before[name] != after[name] for name in before)


def ties(model: Any) -> tuple[bool, bool]:
    """Whether input and output embeddings are one: what the config says, and what the weights say."""
    import torch

    inputs, outputs = model.get_input_embeddings(), model.get_output_embeddings()
    flag = bool(getattr(model.config, "tie_word_embeddings", False)) and outputs is not None
    return flag, outputs is not None and torch.equal(inputs.weight, outputs.weight)


def check_ties(model: Any, base: tuple[bool, bool] | None = None) -> bool:
    """Whether input and output embeddings are one, said by the config and seen in the weights.

    Args:
        base: `ties` of the base. In T5's family transformers has every config say "tied", also where the output is a
            matrix of its own (T5 1.1, mT5): what disagrees in the base may disagree here in the same way.

    Raises:
        IntegrityError: the two disagree: one of the embeddings was changed alone.
    """
    flag, equal = ties(model)
    if flag != equal and (flag, equal) != base:
        raise IntegrityError(f"the config says tied embeddings: {flag}, the weights say: {equal}")
    return equal


def _check_tokenizer(base: Path, adapter: Path, merged: Path) -> str:
    """The digest of the tokenizer's files and chat template, the same in all three folders."""
    found = {}
    for where, folder in (("base", base), ("adapter", adapter), ("merged", merged)):
        files = {name: digest_file(folder / name) for name in TOKENIZER_FILES if (folder / name).is_file()}
        template = load_tokenizer(folder).chat_template
        found[where] = digest_data({"files": files, "chat_template": template})
    if len(set(found.values())) != 1:
        listed = ", ".join(f"{where} {digest[:12]}" for where, digest in found.items())
        raise IntegrityError("the tokenizer or its chat template changed on the way", value=listed)
    return found["merged"]


def _weights(model: PreTrainedModel) -> dict[str, str]:
    """SHA-256 of each weight and buffer, of floating ones as float32: some keep a buffer in bfloat16 until they are
    merged. Tied ones count once."""
    import torch

    named = [*model.named_parameters(), *model.named_buffers()]
    wide = ((name, value.float() if value.is_floating_point() else value) for name, value in named)
    return {
        name: hashlib.sha256(value.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy()).hexdigest()
        for name, value in wide
    }


def _require(difference: Difference, limit: float, otherwise: str) -> None:
    if not difference.kl <= limit:
        raise IntegrityError(otherwise, value=f"KL {difference.kl:.1e} nats, at most {limit:.0e} is allowed")

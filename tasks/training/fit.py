"""Whether what a recipe names can ever work together: told from configs and headers, before any data is built."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef
from tasks.config.words import GENERATING
from tasks.errors import InputError
from tasks.store import Store
from tasks.training.distributed import check_processes
from tasks.training.library import on_meta
from tasks.training.method import Method, method_of
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    from tasks.training.bases import Base

LABELS = ("one", "two")
"""Stand in for a dataset's labels: a head stays in full precision, so their number changes no verdict here."""


def check_fit(store: Store, recipe: Recipe) -> None:
    """See that method, task, base model, 4 bits and this machine fit together. Loads no weights; imports torch.

    Of a base that Galen makes and has not made yet, the shape is known from its spec; 4 bits can hold it.

    Raises:
        InputError: they do not; or the base's folder, tokenizer or weights cannot be used.
        Interrupted: the hub cannot be reached.
    """
    method = method_of(recipe.method)
    if recipe.task not in method.tasks:
        can = f"it can do {', '.join(sorted(method.tasks))}"
        hint = f"{method.why_not}; {can}" if method.why_not else can
        raise InputError(f"method {method.name} cannot do {recipe.task}", value=recipe.model, hint=hint)
    check_processes(recipe)
    base = _base(store, recipe.base_model)
    if base is None:
        _check_spec(recipe, method, str(recipe.base_model.base))
    else:
        _check_base(recipe, method, base)


def remarks(store: Store, recipe: Recipe) -> list[str]:
    """What is not as the recipe or its reader may expect, as the base's architecture cannot do it; none is a fault.

    To be asked after `check_fit`. Nothing is said of a base that Galen makes and has not made yet.
    """
    from tasks.training.abilities import abilities
    from tasks.training.objectives import objective_for
    from tasks.training.shapes import longest_input, task_config

    base, method, wanted = _base(store, recipe.base_model), method_of(recipe.method), recipe.training.max_length
    if base is None:
        return []
    config = task_config(base.path, recipe.task, LABELS)
    seen, longest = abilities(config, recipe.task), longest_input(config, wanted)
    found = []
    if longest < wanted:
        found.append(f"records are cut at {longest} tokens: the base reads no more (training.max_length: {wanted})")
    if recipe.training.packing and objective_for(recipe.task).packs and method.packs and not seen.packs:
        why = f"records of a {config.model_type} model would see each other" if seen.tried else "it is too large to try"
        found.append(f"each record has a row of its own in training: {why} (training.packing)")
    if recipe.task == "causal-lm" and not seen.pads_left:
        found.append(f"questions are answered one at a time: padding moves what a {config.model_type} model says")
    if seen.attention == "eager":
        found.append(f"attention is transformers' eager one: a {config.model_type} model has no faster one there")
    return found


def _base(store: Store, ref: BaseModelRef) -> Base | None:
    from tasks.training.bases import Base
    from tasks.training.resolve import resolve_base

    if ref.base is None:
        return resolve_base(store, ref)
    from tasks.training.named_base import known_base

    made = known_base(store, ref.base)
    return Base(made.path, made.digest, ref.plain()) if made else None


def _check_spec(recipe: Recipe, method: Method[Any], name: str) -> None:
    """As `_check_base`, for a base that is still to be made."""
    from tasks.training.base_spec import llama_config
    from tasks.training.named_base import spec_of
    from tasks.training.quiet import quiet
    from tasks.training.shapes import task_config

    quiet()
    spec, _ = spec_of(name)
    with tempfile.TemporaryDirectory(prefix="galen-shape-") as folder:
        llama_config(spec, spec.vocabulary).save_pretrained(folder)
        try:
            config = task_config(Path(folder), recipe.task, LABELS, recipe.training.dropout)
        except InputError as error:  # it names the folder
            raise InputError(error.what, value=f"base {name}", hint=error.hint) from error
    _check_skipped(recipe, config)
    _check_method(recipe, method, config, ())


def _check_base(recipe: Recipe, method: Method[Any], base: Base) -> None:
    from tasks.training.folders import load_config
    from tasks.training.fourbit import check_shapes
    from tasks.training.loading import check_padding
    from tasks.training.quiet import quiet
    from tasks.training.rehearsal import rehearse
    from tasks.training.shapes import auto_class, fresh_modules, task_config
    from tasks.training.tokenizer import check_writing, load_tokenizer

    quiet()
    config = task_config(base.path, recipe.task, LABELS, recipe.training.dropout)
    tokenizer = load_tokenizer(base.path)
    check_writing(tokenizer, recipe.task, base.path)
    tokens = len(tokenizer)
    if tokens > config.get_text_config().vocab_size:
        hint = "tokenizer and weights must come from the same model"
        raise InputError(f"the tokenizer has {tokens} tokens, more than the model knows", value=base.path, hint=hint)
    fresh = fresh_modules(base, recipe.task, LABELS)
    if recipe.task in GENERATING and fresh:
        raise InputError("the base model holds no weights for a part that generation needs", value=", ".join(fresh))
    _check_skipped(recipe, config)
    _check_method(recipe, method, config, fresh)
    check_padding(on_meta(auto_class(recipe.task), config), load_config(base.path).pad_token_id, tokenizer)
    check_shapes(base, recipe.task, LABELS, recipe.quantization)
    if method.base_quantization is not None:
        _check_trainable_in_4_bits(recipe, method, method.base_quantization, base)
    _check_abilities(recipe, config)
    rehearse(recipe, config, base, LABELS)


def _check_abilities(recipe: Recipe, config: Any) -> None:
    """What the architecture cannot do on a small model, it cannot do here."""
    from tasks.training.abilities import abilities
    from tasks.training.shapes import longest_input

    try:
        seen = abilities(config, recipe.task)
    except Exception as error:  # of any kind: it is transformers that fails
        why = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        hint = "choose another base"
        raise InputError(f"a {config.model_type} model cannot read a few tokens", value=why, hint=hint) from error
    if not seen.pads:
        hint = "choose another base: what is judged in batches would be answered otherwise one at a time"
        what = f"what a {config.model_type} model says of a text changes when longer texts are beside it"
        raise InputError(what, value=recipe.task, hint=hint)
    longest_input(config, recipe.training.max_length)


def _check_method(recipe: Recipe, method: Method[Any], config: Any, fresh: Sequence[str]) -> None:
    """The method's own look at the model's shapes and names."""
    from tasks.training.shapes import auto_class, head_modules

    model = on_meta(auto_class(recipe.task), config)
    method.check(model, recipe.method, recipe.task, head_modules(model, fresh, recipe.task))


def _check_trainable_in_4_bits(recipe: Recipe, method: Method[Any], quantization: Quantization, base: Base) -> None:
    """The base that a method holds in 4 bits leaves out nothing: `quantization.skip_modules` is for the served form."""
    from tasks.training.fourbit import check_shapes

    try:
        check_shapes(base, recipe.task, LABELS, quantization)
    except InputError as error:
        hint = "choose a base with other sizes, or another method (galen methods)"
        raise InputError(f"method {method.name}: {error.what}", value=error.value, hint=hint) from error


def _check_skipped(recipe: Recipe, config: Any) -> None:
    """Every entry of `quantization.skip_modules` must name something: one that does not would be ignored."""
    import torch
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.quantizers_utils import should_convert_module

    from tasks.training.shapes import auto_class

    model = on_meta(auto_class(recipe.task), config)
    names = [name for name, module in model.named_modules() if type(module) in (torch.nn.Linear, Conv1D)]
    for entry in recipe.quantization.skip_modules:
        try:
            found = any(not should_convert_module(name, [entry]) for name in names)
        except re.error:
            found = False
        if not found:
            hint = f"a name, its end, or a pattern of names such as {names[0]}"
            raise InputError("quantization.skip_modules names no module of the base model", value=entry, hint=hint)

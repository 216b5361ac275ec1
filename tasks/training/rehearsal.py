"""What a recipe asks for, done once on a small model of the base's architecture, before any data is built.

A step forward and back, then every form that the chain makes: the method's own file saved and loaded again, merged, in
4 bits saved and loaded again. What fails here would fail after hours, and by then as a fault that nobody can place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import Task
from tasks.errors import GalenError, InputError
from tasks.training.abilities import LENGTHS, TOLERANCE, some_records
from tasks.training.bases import Base
from tasks.training.batches import collate, layout
from tasks.training.encode import flat
from tasks.training.fourbit import keep_unpacked
from tasks.training.hardware import precision
from tasks.training.library import load
from tasks.training.loading import load_base, load_made
from tasks.training.method import Method, method_of
from tasks.training.objectives import objective_for
from tasks.training.recipe import Recipe
from tasks.training.reduced import reduced
from tasks.training.shapes import auto_class, head_modules
from tasks.training.tokenizer import copy_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

MOVED = 0.05
"""How far each weight that trains is moved, standard deviation: what was learned must be seen in the outputs."""
_HELD: set[str] = set()


def rehearse(recipe: Recipe, config: PreTrainedConfig, base: Base, labels: Sequence[str]) -> None:
    """Go through the forms of a recipe's model on a small one; what went well once is not done again in this process.

    Args:
        config: of the base, for the recipe's task.
        base: whose tokenizer is used.

    Raises:
        InputError: a step fails, or gives another model than the step before; the message names step and architecture.
    """
    key = f"{config.to_json_string(use_diff=False)}{recipe.method.plain()}{recipe.task}{recipe.quantization.plain()}"
    key += str(recipe.training.gradient_checkpointing)
    if key in _HELD:
        return
    import torch

    method = method_of(recipe.method)
    with tempfile.TemporaryDirectory(prefix="galen-rehearsal-") as made, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        folder = Path(made)
        with _step(recipe, config, "making a small model of this kind"):
            model = reduced(config, auto_class(recipe.task), whole_vocabulary=method.reads_vocabulary)
        if model is None:
            return
        small = Base(folder / "base", "", {})
        with _step(recipe, config, "saving and loading it"):
            expected = outputs(model, recipe.task)
            model.save_pretrained(small.path)
            copy_tokenizer(base.path, small.path)
            again = load_made(small.path, recipe.task, torch.float32)
            _alike(outputs(again, recipe.task), expected)
        del model, again
        whole = _learned(recipe, method, config, small, labels, folder) if method.rehearsed else small
        _in_4_bits(recipe, config, whole, labels, folder / "4-bits")
    _HELD.add(key)


def _learned(
    recipe: Recipe, method: Method[Any], config: PreTrainedConfig, base: Base, labels: Sequence[str], folder: Path
) -> Base:
    """A step, and what is saved of it; returns the merged model, or the base where there is none."""
    import torch

    def plain(dtype: torch.dtype = torch.float32) -> Any:
        return load_base(base, recipe.task, labels, quantization=method.base_quantization, dtype=dtype)

    def prepared(loaded: Any) -> Any:
        return method.prepare(loaded, recipe.method, recipe.task, head_modules(loaded, (), recipe.task))

    dtype = precision(recipe.training.precision)
    with _step(recipe, config, f"{method.name} on it"):
        model = prepared(plain(dtype))
    with _step(recipe, config, f"a step of {method.name} in {str(dtype).removeprefix('torch.')}"):
        if recipe.training.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        _trained(model, recipe.task, dtype)
    model = prepared(plain())
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(MOVED * torch.randn_like(weight))
    with _step(recipe, config, f"saving and loading what {method.name} learned"):
        expected = outputs(model.eval(), recipe.task)
        (folder / "learned").mkdir()
        method.save(model, folder / "learned")
        again = method.load(plain(), folder / "learned", recipe.method)
        _alike(outputs(again, recipe.task), expected)
    if not method.mergeable or method.base_quantization is not None:
        return base
    with _step(recipe, config, f"merging what {method.name} learned"):
        merged = method.merge(again)
        _alike(outputs(merged, recipe.task), expected)
        merged.save_pretrained(folder / "merged")
        copy_tokenizer(base.path, folder / "merged")
        _alike(outputs(load_made(folder / "merged", recipe.task, torch.float32), recipe.task), expected)
    return Base(folder / "merged", "", {})


def _trained(model: Any, task: Task, dtype: torch.dtype) -> None:
    """A step forward and back over one batch, as the loop makes it: every weight in one dtype."""
    import torch

    for weight in model.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)

    objective = objective_for(task)
    ids = some_records(model, LENGTHS)
    label = (0, 1, 1)
    per_token = [[0] * len(one) for one in ids]
    targets: Any = {"text-classification": label, "token-classification": per_token}.get(task, ids)
    encoded = flat(
        ((row, one, target) for row, (one, target) in enumerate(zip(ids, targets, strict=True))),
        own_targets=task == "seq2seq-lm",
    )
    how = layout(encoded, 10**6, 10**6, pack=False)
    padding = int(model.config.get_text_config().pad_token_id or 0)
    batch = collate(encoded, [[0], [1], [2]], padding, how, torch.device("cpu"))
    loss = objective.loss(model.train(), batch, 0.0)
    if not bool(loss.isfinite()):
        raise InputError("the loss is not a number")
    if any(weight.requires_grad for weight in model.parameters()):
        torch.autograd.backward(loss)
    model.zero_grad()


def _in_4_bits(recipe: Recipe, config: PreTrainedConfig, whole: Base, labels: Sequence[str], folder: Path) -> None:
    with _step(recipe, config, "4 bits"):
        small = load_base(whole, recipe.task, labels, quantization=recipe.quantization)
        expected = outputs(small, recipe.task)
        small.save_pretrained(folder)
        again, _ = load(auto_class(recipe.task), folder)  # as anyone would, who has plain transformers
        _alike(outputs(keep_unpacked(again.eval()), recipe.task), expected, tolerance=0.1)


def outputs(model: Any, task: Task) -> torch.Tensor:
    """What a model says of one record: (tokens, ...) or (labels,), float32."""
    import torch

    from tasks.training.objectives.seq2seq_lm import shifted_right

    ids = torch.tensor(some_records(model, LENGTHS[:1]))
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if task == "seq2seq-lm":
        given["decoder_input_ids"] = shifted_right(ids, model.config.decoder_start_token_id)
    with torch.inference_mode():
        found: torch.Tensor = model(**given).logits[0].float()
    return found


def _alike(found: torch.Tensor, expected: torch.Tensor, *, tolerance: float = TOLERANCE) -> None:
    """See that two models say the same.

    Raises:
        InputError: they do not.
    """
    if not float((found - expected).abs().max()) <= tolerance * float(expected.abs().max()):
        raise InputError("it does not say what it said before")


@contextmanager
def _step(recipe: Recipe, config: PreTrainedConfig, what: str) -> Iterator[None]:
    """Whatever goes wrong within is a fault of the pair of architecture and recipe, and is said so."""
    try:
        yield
    except Exception as error:
        why = error.what if isinstance(error, GalenError) else f"{type(error).__name__}: {error}".split("\n")[0][:200]
        raise InputError(
            f"a {config.model_type} model cannot be used for {recipe.task} with {recipe.method.name}: {what} fails",
            value=why,
            hint="choose another method (galen methods --base ...), or another base",
        ) from error

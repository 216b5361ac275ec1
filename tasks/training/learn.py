"""One training, from a base in memory to the files of what it learned; alone, or as one process of several."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import GENERATING
from tasks.data.version import DatasetVersion
from tasks.digest import canonical_json
from tasks.errors import InputError
from tasks.meta.base import BaseRef
from tasks.meta.form import Form
from tasks.meta.model import MethodMeta, ModelMeta, RecipeMeta, TrainingMeta
from tasks.training.bases import Base
from tasks.training.checkpoint import Checkpoints
from tasks.training.course import Progressed
from tasks.training.distributed import ALONE, Team
from tasks.training.fast import fast_attention
from tasks.training.folders import TOKENIZER_FILES
from tasks.training.hardware import device, peak_memory, precision
from tasks.training.lesson import Lesson, lesson_of
from tasks.training.loading import agree, load_base
from tasks.training.loop import Curves, Outcome, run
from tasks.training.method import Method, method_of
from tasks.training.optimizer import Masters, adamw
from tasks.training.prompts import template_of
from tasks.training.recipe import Recipe
from tasks.training.shapes import fresh_modules, head_modules, longest_input
from tasks.training.tokenizer import check_writing, copy_tokenizer, load_tokenizer
from tasks.training.words import learned_words

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

RELEVANT = ("task", "method", "training", "seed")
"""Parts of a recipe that decide what is learned; base and dataset count by digest, not by name."""
SERVING = ("evaluation", "quantization")
"""Parts that say how the model is to be used."""


def kind_of(method: Method[Any]) -> Form:
    """What training with a method makes."""
    return Form.ADAPTER if method.has_adapter else Form.MERGED


def learn(
    folder: Path,
    recipe: Recipe,
    dataset: DatasetVersion,
    base: Base,
    kept: Checkpoints,
    track: Curves | None,
    team: Team = ALONE,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Train into an empty folder, alone or as one of a team, whose first process writes.

    Returns:
        the metadata to seal, and the timing (`timing_of`).

    Raises:
        InputError: there is nothing to learn from, or the loss is not a number.
        Stopped: by a signal; the state is on disk.
    """
    import torch

    from tasks.training.cpu import speed_up

    began = time.perf_counter()
    method = method_of(recipe.method)
    own = load_tokenizer(base.path)
    check_writing(own, recipe.task, base.path)
    tokenizer = method.tokenizer(own, recipe.method)
    dtype = precision(recipe.training.precision)
    with torch.random.fork_rng():
        model, heads = _prepared(recipe, dataset.labels, base, dtype if method.has_adapter else torch.float32)
        if not team.sharded:  # slices go to the GPU, never the whole
            model.to(device())
        fast = dtype == torch.bfloat16 and device().type == "cpu" and method.plain_attention
        by_document = fast and speed_up(model, attention=fast_attention(model.config, recipe.task))
        lesson = lesson_of(recipe, dataset, tokenizer, model.config, by_document=by_document)
        if recipe.training.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
            # Only reentrant checkpointing needs gradients of inputs; frozen layers would be computed again for them.
            model.disable_input_require_grads()
        if any(weight.requires_grad for weight in model.parameters()):
            make = partial(adamw, model=model, settings=recipe.training, fresh=heads, paged=method.paged_optimizer)
            masters = Masters(model, dtype, make, recipe.training.max_gradient_norm, team)
            torch.manual_seed(recipe.seed + (team.rank << 32))  # dropout differs between processes
            beside = partial(method.companion, model, recipe.method)
            outcome = run(model, masters, lesson, kept, track, beside, team)
            values = masters.whole(masters.values())
        else:
            outcome, values = _untrained(model, lesson, team), {}
        train_loss = lesson.train_loss(model, team)
        if team.rank == 0 and (team.sharded or not method.has_adapter):  # in slices, or rounded for computing
            model, _ = _prepared(recipe, dataset.labels, base, dtype if method.has_adapter else torch.float32)
    if team.rank == 0:
        if not method.has_adapter:
            agree(model, tokenizer, recipe.task, recipe.evaluation.generation.max_new_tokens)
        _save(folder, method, model, values, tokenizer_from=base.path)
        if tokenizer is not own:
            _save_tokenizer(tokenizer, folder)
        curves = {"train": outcome.progressed.train_curve, "validation": outcome.progressed.validation_curve}
        (folder / "history.json").write_bytes(canonical_json(curves))
    timing = _timing(outcome, time.perf_counter() - began, team)
    if track is not None:
        track.metrics({"train_loss_final": train_loss, **timing}, outcome.progressed.step)
    learned = sum(tensor.numel() for tensor in values.values())
    meta = ModelMeta(
        form=kind_of(method),
        task=recipe.task,
        labels=dataset.labels,
        method=MethodMeta.model_validate(recipe.method.plain()),
        base=BaseRef(digest=base.digest, ref=base.ref),
        parent=None,
        dataset=dataset.digest,
        # Not the name or the use of the model: another recipe may find these bytes again, for a model of its own.
        recipe=RecipeMeta.model_validate(
            {key: value for key, value in recipe.plain().items() if key in (*RELEVANT, *SERVING)}
        ),
        loader="adapter" if method.has_adapter else "transformers",
        prompt=template_of(tokenizer, recipe.task) if recipe.task in GENERATING else None,
        training=_training_meta(lesson, outcome, train_loss, learned, model.config, dtype),
    )
    if recipe.task == "token-classification":
        meta = meta.model_copy(update={"words": learned_words(dataset)})
    return meta.plain(), timing


def _prepared(recipe: Recipe, labels: Sequence[str], base: Base, dtype: torch.dtype) -> tuple[Any, tuple[str, ...]]:
    """The base with the method applied, and the modules made for the task; the same for the same seed (of torch)."""
    method = method_of(recipe.method)
    import torch

    torch.manual_seed(recipe.seed)
    quantization = method.base_quantization
    if quantization is not None:  # 4-bit matrices compute in what the recipe says, too
        computing = str(precision(recipe.training.precision)).removeprefix("torch.")
        quantization = quantization.model_copy(update={"compute_dtype": computing})
    plain = load_base(
        base,
        recipe.task,
        labels,
        quantization=quantization,
        dtype=dtype,
        dropout=recipe.training.dropout,
        seed=recipe.seed,
    )
    heads = head_modules(plain, fresh_modules(base, recipe.task, labels), recipe.task)
    return method.prepare(plain, recipe.method, recipe.task, heads), heads


def _untrained(model: Any, lesson: Lesson, team: Team) -> Outcome:
    """What `run` would return for a model of which nothing trains: no step, and its validation loss."""
    loss = lesson.validation_loss(model, team)
    model.eval()
    now = Progressed(best_loss=loss, validation_curve=[{"step": 0, "loss": loss}])
    return Outcome(now, 0, False, 0.0, 0.0, 0)


def _save(folder: Path, method: Method[Any], model: Any, values: dict[str, torch.Tensor], tokenizer_from: Path) -> None:
    """Put the learned float32 values into the model, and write them with the base's own tokenizer files."""
    for name, weight in model.named_parameters():
        if name in values:
            weight.data = values[name]
    method.save(model, folder)
    copy_tokenizer(tokenizer_from, folder)


def _save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write a method's own tokenizer over the base's, and see that it is read back as it is.

    Raises:
        InputError: transformers makes another one of its files.
    """
    for name in TOKENIZER_FILES:
        (folder / name).unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)
    text = "A text, to compare."
    if load_tokenizer(folder)(text)["input_ids"] != tokenizer(text)["input_ids"]:
        raise InputError("the base's tokenizer cannot keep what the method adds", value=type(tokenizer).__name__)


def _training_meta(
    lesson: Lesson, outcome: Outcome, train_loss: float, learned: int, config: PreTrainedConfig, dtype: torch.dtype
) -> TrainingMeta:
    """Deterministic numbers only: times are in `timing_of` and in the tracker."""
    now = outcome.progressed
    return TrainingMeta(
        steps=now.step,
        planned_steps=outcome.total_steps,
        stopped_early=outcome.stopped_early,
        best_step=now.best_step,
        tokens=now.tokens,
        target_tokens=now.targets,
        train_loss=train_loss,
        validation_loss=now.best_loss,
        records={"train": len(lesson.train), "validation": len(lesson.validation)},
        cut={"train": lesson.train.cut, "validation": lesson.validation.cut},
        left_out={"train": lesson.train.left_out, "validation": lesson.validation.left_out},
        padding_share=lesson.padding_share if outcome.total_steps else 0.0,
        max_length=longest_input(config, lesson.settings.max_length),
        trained_parameters=learned,
        precision=str(dtype).removeprefix("torch."),
    )


def _timing(outcome: Outcome, seconds: float, team: Team) -> dict[str, float]:
    """Of all processes: tokens and CPU seconds together, the most memory that one of them needed."""
    speed = outcome.tokens_timed / outcome.seconds if outcome.seconds else 0.0
    return {
        "seconds": seconds,
        "training_seconds": outcome.seconds,
        "training_cpu_seconds": outcome.cpu_seconds,
        "tokens_per_second": speed,
        "peak_memory_mib": team.most(peak_memory()),
    }

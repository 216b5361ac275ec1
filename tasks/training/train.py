"""Fine-tuning: a recipe, a dataset version and a base in, one sealed artifact out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, key_of, write_atomically
from tasks.config.words import DATASET_TASK, GENERATING
from tasks.data.version import DatasetVersion
from tasks.digest import canonical_json, digest_data, digest_file
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.meta.base import BaseRef
from tasks.meta.form import Form
from tasks.meta.model import MethodMeta, ModelMeta, RecipeMeta, TrainingMeta
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.batches import layout, plan_in_order
from tasks.training.checkpoint import Checkpoints
from tasks.training.distributed import ALONE, Team, check_processes
from tasks.training.folders import TOKENIZER_FILES
from tasks.training.fourbit import check_shapes
from tasks.training.hardware import device, native_dtype
from tasks.training.launch import in_processes
from tasks.training.loading import load_base
from tasks.training.loop import Curves, Lesson, Outcome, mean_loss, run, untrained
from tasks.training.method import Method, method_of
from tasks.training.objectives import objective_for
from tasks.training.objectives.text_classification import TextClassification
from tasks.training.optimizer import Masters
from tasks.training.prompts import template_of
from tasks.training.recipe import Recipe
from tasks.training.shapes import fresh_modules, head_modules, longest_input, task_config
from tasks.training.tokenizer import copy_tokenizer, load_tokenizer

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.tracking.runs import Tracker

CPU_MICRO_BATCH = 2048
"""Tokens of a forward pass on a CPU, unless the recipe says: its activations stay in the cache. Measured with MiniLM
(text classification, steps of 8192 tokens): a fifth to two fifths faster than whole steps, in half the memory."""

RELEVANT = ("task", "method", "training", "seed")
"""Parts of a recipe that decide what is learned; base and dataset count by digest, not by name."""
SERVING = ("evaluation", "quantization")
"""Parts that say how the model is to be used."""


def finetune(
    store: Store, recipe: Recipe, dataset: DatasetVersion, base: Base, *, track: Tracker | None = None
) -> Artifact:
    """Train once; the same recipe, data, base and code find the same artifact again. A killed run goes on.

    Returns:
        An artifact of kind "adapter", or "merged" for methods that change the base itself.

    Raises:
        InputError: task, base and method do not fit together, or there is nothing to learn from.
        Interrupted: stopped by a signal; the state is on disk.
    """
    method = method_of(recipe.method)
    inputs = inputs_of(recipe, dataset, base)
    kind, code = kind_of(method), training_code()
    if found := store.find(kind, inputs, code):
        return found
    check(recipe, dataset, base)
    key = key_of(kind, inputs, code)
    kept = Checkpoints(store, key, machine(recipe))
    timing: dict[str, float] = {}

    def build(folder: Path) -> dict[str, Any]:
        if track is not None:
            plain = recipe.plain()
            track.params({name: plain[name] for name in ("training", "method", "seed")})
            track.dataset(dataset)
        if recipe.training.processes > 1:
            meta, times = in_processes(store, folder, recipe, dataset, base, key, track)
        else:
            meta, times = learn(folder, recipe, dataset, base, kept, track)
        timing.update(times)
        return meta

    artifact = store.make(kind, inputs, build, code)
    if timing:
        write_atomically(store.root / "timings" / f"{artifact.digest}.json", canonical_json(timing))
    kept.clear()
    return artifact


def inputs_of(recipe: Recipe, dataset: DatasetVersion, base: Base) -> dict[str, Any]:
    """Everything that the content of the artifact depends on, apart from code: for `Store.find`."""
    plain = recipe.plain()
    return {"recipe": {key: plain[key] for key in RELEVANT}, "dataset": dataset.digest, "base": base.digest}


def kind_of(method: Method[Any]) -> Form:
    """What training with a method makes."""
    return Form.ADAPTER if method.has_adapter else Form.MERGED


def training_code() -> str:
    """Digest of the code that decides what is learned: this package (how bases are made aside) and the lock."""
    here = Path(__file__).parent
    files = [file for file in sorted(here.rglob("*.py")) if "base" not in file.name]
    files += [*sorted((CHECKOUT / "tasks" / "config").glob("*.py")), CHECKOUT / "requirements.lock"]
    return digest_data({file.relative_to(CHECKOUT).as_posix(): digest_file(file) for file in files})


def timing_of(store: Store, artifact: Artifact) -> dict[str, float] | None:
    """Seconds, tokens per second and peak memory (MiB) of the training, where this machine did it."""
    try:
        found: dict[str, float] = json.loads((store.root / "timings" / f"{artifact.digest}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def check(recipe: Recipe, dataset: DatasetVersion, base: Base) -> None:
    """See that recipe, data and base fit together, before anything heavy happens.

    Raises:
        InputError: they do not.
    """
    method = method_of(recipe.method)
    if dataset.task != DATASET_TASK[recipe.task]:
        hint = f"use a recipe for {dataset.task}, or another dataset"
        raise InputError(
            f"the recipe is for {recipe.task}, the dataset for {dataset.task}", value=dataset.name, hint=hint
        )
    if recipe.task not in method.tasks:
        hint = f"it can do: {', '.join(sorted(method.tasks))}"
        raise InputError(f"method {method.name} cannot do {recipe.task}", value=recipe.model, hint=hint)
    for split in ("train", "validation"):
        if not dataset.meta.counts[split]:
            raise InputError(
                f"the {split} split has no records", value=dataset.name, hint="add data, or change its shares"
            )
    check_processes(recipe)
    task_config(base.path, recipe.task, dataset.labels, recipe.training.dropout)
    if method.base_quantization is not None:
        check_shapes(base, recipe.task, dataset.labels, method.base_quantization)


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
    tokenizer = method.tokenizer(own, recipe.method)
    dtype = precision_of(recipe)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model, heads = _prepared(recipe, dataset.labels, base, torch.float32 if not method.has_adapter else dtype)
        if not team.sharded:  # slices go to the GPU, never the whole
            model.to(device())
        by_document = dtype == torch.bfloat16 and device().type == "cpu" and method.plain_attention and speed_up(model)
        lesson = _lesson(recipe, dataset, tokenizer, model, by_document)
        if recipe.training.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
            # Only reentrant checkpointing needs gradients of inputs; frozen layers would be computed again for them.
            model.disable_input_require_grads()
        if any(weight.requires_grad for weight in model.parameters()):
            masters = Masters(model, dtype, recipe.training, heads, paged=method.paged_optimizer, team=team)
            torch.manual_seed(recipe.seed + (team.rank << 32))  # dropout differs between processes
            beside = partial(method.companion, model, recipe.method)
            outcome = run(model, masters, lesson, kept, track, beside, team)
            values = masters.whole(masters.values())
        else:
            outcome, values = untrained(model, lesson, team), {}
        train_loss = mean_loss(model, lesson, lesson.train, _like_validation(lesson), team)
        if team.rank == 0 and (team.sharded or not method.has_adapter):  # in slices, or rounded for computing
            torch.manual_seed(recipe.seed)
            model, _ = _prepared(recipe, dataset.labels, base, dtype if method.has_adapter else torch.float32)
    if team.rank == 0:
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
        training=_training_meta(lesson, outcome, train_loss, learned, model, dtype),
    )
    return meta.plain(), timing


def _prepared(recipe: Recipe, labels: Sequence[str], base: Base, dtype: torch.dtype) -> tuple[Any, tuple[str, ...]]:
    """The base with the method applied, and the modules made for the task; the same for the same seed."""
    method = method_of(recipe.method)
    quantization = method.base_quantization
    if quantization is not None:  # 4-bit matrices compute in what the recipe says, too
        computing = str(precision_of(recipe)).removeprefix("torch.")
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


def _lesson(
    recipe: Recipe, dataset: DatasetVersion, tokenizer: PreTrainedTokenizerBase, model: Any, by_document: bool
) -> Lesson:
    """The splits encoded, and how batches are filled."""
    objective, settings = objective_for(recipe.task), recipe.training
    length = longest_input(model.config, settings.max_length)
    train, validation = (
        objective.encode(dataset.read(split), tokenizer, dataset.labels, length) for split in ("train", "validation")
    )
    for split, encoded in (("train", train), ("validation", validation)):
        if not encoded.target_counts().sum():
            hint = f"raise training.max_length (now {length} tokens)"
            raise InputError(f"no {split} record fits into max_length", value=dataset.name, hint=hint)
    if settings.class_weights == "balanced" and isinstance(objective, TextClassification):
        objective = objective.balanced(train, len(dataset.labels))
    pack = settings.packing and objective.packs and method_of(recipe.method).packs
    micro = settings.micro_batch_tokens or (CPU_MICRO_BATCH if device().type == "cpu" else settings.batch_tokens)
    how = layout(train, settings.batch_tokens, micro, pack=pack, by_document=pack and by_document)
    return Lesson(objective, train, validation, how, int(tokenizer.pad_token_id or 0), settings, recipe.seed)


def _like_validation(lesson: Lesson) -> Any:
    """Forward passes over as many train records as there are validation records, spread evenly over the split.

    Their loss and the validation loss are measured alike (no dropout, no smoothing), so their gap means something.
    """
    import numpy as np

    wanted = min(len(lesson.train), len(lesson.validation))
    chosen = np.linspace(0, len(lesson.train) - 1, wanted).astype(np.int64)
    made = plan_in_order(lesson.train.lengths[chosen], lesson.how)
    return [[[int(chosen[record]) for record in row] for row in micro] for micro in made]


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
    lesson: Lesson, outcome: Outcome, train_loss: float, learned: int, model: Any, dtype: torch.dtype
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
        padding_share=outcome.padding_share,
        max_length=longest_input(model.config, lesson.settings.max_length),
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


def peak_memory() -> float:
    """The most memory used so far, MiB: of the GPU where there is one, else of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    try:  # getrusage would count what the parent held before it started this process
        status = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def precision_of(recipe: Recipe) -> torch.dtype:
    """What the model computes in."""
    import torch

    asked = recipe.training.precision
    return native_dtype() if asked == "auto" else torch.bfloat16 if asked == "bf16" else torch.float32


def machine(recipe: Recipe) -> dict[str, Any]:
    """What else must be the same for a killed run to go on (`Checkpoints`)."""
    import torch

    return {
        "precision": str(precision_of(recipe)),
        "device": device().type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }

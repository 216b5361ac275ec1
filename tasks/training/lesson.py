"""A fine-tuning as the loop sees it: splits, the order of their records, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.training import Training
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.training.abilities import abilities
from tasks.training.batches import (
    Batch,
    Layout,
    Micro,
    Step,
    collate,
    layout,
    padding_share,
    plan_epoch,
    plan_in_order,
    real_tokens,
)
from tasks.training.course import Course, Exams, Progressed, Work
from tasks.training.distributed import ALONE, Team
from tasks.training.encode import IGNORED, Encoded
from tasks.training.hardware import device, precision
from tasks.training.method import method_of
from tasks.training.objectives import Objective, objective_for
from tasks.training.objectives.text_classification import TextClassification
from tasks.training.optimizer import learning_rate
from tasks.training.recipe import Recipe
from tasks.training.shapes import longest_input

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

LEARNED: tuple[Split, Split] = ("train", "validation")
"""Splits that a training reads."""
POINTS = 50  # of the training curve
CPU_MICRO_BATCH = 2048
"""Tokens of a forward pass on a CPU, unless the recipe says: its activations stay in the cache. Measured with MiniLM
(text classification, steps of 8192 tokens): a fifth to two fifths faster than whole steps, in half the memory."""
SMALLEST_PASS = 512
"""Fewer tokens would make the sum of gradients, which costs the same for every pass, a large part of it."""
REMEMBERED = 25
"""Values that a layer keeps of each token for the backward pass, as a multiple of its width. Measured with LoRA on a
Llama of 30 layers: states, queries, keys, values and attention, and four times the feed-forward part."""
PASS_MEMORY = 1 << 29
"""Bytes that a pass may keep for its backward pass, by that measure: a model of 30 layers gets fewer tokens at once."""


@dataclass(frozen=True)
class Lesson(Course):
    """What is to be learned from a dataset version."""

    title = "fine-tuning"
    lower = "training.learning_rate"

    objective: Objective
    train: Encoded
    validation: Encoded
    how: Layout
    pad_id: int
    settings: Training
    seed: int

    @cached_property
    def steps(self) -> list[Step]:
        """Every step of the training, in order: a pure function of the lengths, the settings and the seed.

        Raises:
            InputError: there is nothing to learn.
        """
        epochs, most = self.settings.epochs, self.settings.max_steps
        steps: list[Step] = []
        for epoch in range(math.ceil(epochs)):
            made = plan_epoch(self.train.lengths, self.how, seed=self.seed, epoch=epoch)
            share = min(1.0, epochs - epoch)
            steps += made[: max(1, round(share * len(made)))]
            if most is not None and len(steps) >= most:
                steps = steps[:most]
                break
        if not steps:
            raise InputError("no training record is left to learn from", hint="raise training.max_length")
        return steps

    @cached_property
    def _validation_plan(self) -> list[Micro]:
        return plan_in_order(self.validation.lengths, self.how)

    @property
    def padding_share(self) -> float:
        """Of the tokens that the planned steps compute."""
        return padding_share(self.train.lengths, self.steps)

    @property
    def peak(self) -> float:
        """The recipe's learning rate."""
        return self.settings.learning_rate

    @property
    def point_every(self) -> int:
        """So that the curve has about `POINTS` points."""
        return max(1, len(self.steps) // POINTS)

    @property
    def saves_at(self) -> frozenset[int]:
        """`training.checkpoints`, spread evenly; not at the end."""
        return _evenly(len(self.steps), self.settings.checkpoints) - {len(self.steps)}

    @property
    def exams(self) -> Exams:
        """`training.evaluations`, spread evenly."""
        at = _evenly(len(self.steps), self.settings.evaluations)
        return Exams(at, self.validation_loss, self.settings.keep, self.settings.patience)

    def total(self, now: Progressed) -> int:
        """The steps of all epochs."""
        return len(self.steps)

    def factor(self, now: Progressed) -> float:
        """As `training.schedule` says."""
        return learning_rate(now.step, len(self.steps), self.settings)

    def works(self, first: int, device: torch.device, team: Team) -> Iterator[Work]:
        """The planned steps."""
        counts = _target_counts(self.train, self.how)
        for micros in self.steps[first:]:
            targets = int(counts[[record for micro in micros for row in micro for record in row]].sum())
            tokens = real_tokens(self.train.lengths, micros)
            yield Work(self._batches(self.train, micros, device, team), targets, tokens)

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """The objective's, with label smoothing."""
        return self.objective.loss(model, batch, self.settings.label_smoothing)

    def validation_loss(self, model: Any, team: Team = ALONE) -> float:
        """Mean loss on the validation split."""
        return self.mean_loss(model, self.validation, self._validation_plan, team)

    def train_loss(self, model: Any, team: Team = ALONE) -> float:
        """Mean loss on as many train records as there are validation records, spread evenly over the split.

        Both losses are measured alike (no dropout, no smoothing), so their gap means something.
        """
        wanted = min(len(self.train), len(self.validation))
        chosen = np.linspace(0, len(self.train) - 1, wanted).astype(np.int64)
        made = plan_in_order(self.train.lengths[chosen], self.how)
        micros = [[[int(chosen[record]) for record in row] for row in micro] for micro in made]
        return self.mean_loss(model, self.train, micros, team)

    def mean_loss(self, model: Any, encoded: Encoded, micros: list[Micro], team: Team = ALONE) -> float:
        """Mean loss over the targets, in evaluation mode, without smoothing; the model is left in training mode."""
        import torch

        device = next(model.parameters()).device
        loss, targets = 0.0, 0
        model.eval()
        with torch.no_grad():
            for batch in self._batches(encoded, micros, device, team):
                loss += float(self.objective.loss(model, batch, 0.0))
                targets += int((batch.targets != IGNORED).sum())
        model.train()
        loss, targets_all = team.total(loss, targets)
        return loss / max(1, targets_all)

    def _batches(self, encoded: Encoded, micros: list[Micro], device: torch.device, team: Team) -> Iterator[Batch]:
        """This process's share of some forward passes.

        A process with nothing to do in a pass computes one record without a target: layers that are sharded are put
        together by all processes at once, and a weight has a gradient in all of them or in none.
        """
        for micro in team.share(micros):
            batch = collate(encoded, micro or [micros[0][0][:1]], self.pad_id, self.how, device)
            if not micro:
                batch.targets.fill_(IGNORED)
            yield batch


def lesson_of(
    recipe: Recipe,
    dataset: DatasetVersion,
    tokenizer: PreTrainedTokenizerBase,
    config: PreTrainedConfig,
    *,
    by_document: bool,
) -> Lesson:
    """The splits of a dataset version encoded, and how batches are filled.

    Args:
        config: of the model that trains.
        by_document: attention is told where records begin (`tasks.training.cpu`).

    Raises:
        InputError: no record of a split fits, or more are left out than `training.left_out_budget` allows.
    """
    objective, settings = objective_for(recipe.task), recipe.training
    length = longest_input(config, settings.max_length)
    train, validation = (objective.encode(dataset.read(split), tokenizer, dataset.labels, length) for split in LEARNED)
    _check_fitting({"train": train, "validation": validation}, dataset.name, settings, config)
    if settings.class_weights == "balanced" and isinstance(objective, TextClassification):
        objective = objective.balanced(train, len(dataset.labels))
    pack = settings.packing and objective.packs and method_of(recipe.method).packs
    if pack:
        pack = abilities(config, recipe.task).packs
    micro = settings.micro_batch_tokens or (
        pass_tokens(config, precision(settings.precision).itemsize) if device().type == "cpu" else settings.batch_tokens
    )
    how = layout(train, settings.batch_tokens, micro, pack=pack, by_document=pack and by_document)
    return Lesson(objective, train, validation, how, int(tokenizer.pad_token_id or 0), settings, recipe.seed)


def pass_tokens(config: PreTrainedConfig, size: int) -> int:
    """Tokens of a forward pass on a CPU that suit a model, a power of two.

    Args:
        config: of the model that trains.
        size: bytes of a value that it computes with.
    """
    text = config.get_text_config()
    of_token = REMEMBERED * size * text.num_hidden_layers * text.hidden_size
    fitting: int = 1 << max(0, (PASS_MEMORY // of_token).bit_length() - 1)
    return min(CPU_MICRO_BATCH, max(SMALLEST_PASS, fitting))


def _check_fitting(
    encoded: Mapping[Split, Encoded], dataset: str, settings: Training, config: PreTrainedConfig
) -> None:
    """See that what is left out stays within the budget, and that something is left of each split."""
    length, budget = longest_input(config, settings.max_length), settings.left_out_budget
    faults, enough, whole = [], length, length
    for split, found in encoded.items():
        total = len(found) + found.left_out
        if found.left_out > budget * total:
            faults.append(f"{found.left_out:,} of {total:,} {split} records ({found.left_out / total:.1%})")
            needs = np.sort(found.needs)
            enough = max(enough, int(needs[found.left_out - int(budget * total) - 1]))
            whole = max(whole, int(needs[-1]))
    if faults:
        what = f"{' and '.join(faults)} do not fit into {length:,} tokens and would be left out"
        if longest_input(config, enough) == enough:
            remedy = f"set training.max_length to {enough} (all fit into {whole})"
        else:
            most = longest_input(config, enough)
            remedy = f"{enough} tokens are needed and this base reads at most {most}: use another base, shorter answers"
        hint = f"{remedy}, or raise training.left_out_budget (now {budget:.1%})"
        raise InputError(what, value=dataset, hint=hint)
    for split, found in encoded.items():
        if not found.target_counts().sum():
            hint = f"raise training.max_length (now {length} tokens)"
            raise InputError(f"no {split} record fits into max_length", value=dataset, hint=hint)


def _target_counts(encoded: Encoded, how: Layout) -> NDArray[np.int64]:
    """How many targets each record has once it lies in a batch, shape (n,)."""
    counts = encoded.target_counts()
    if encoded.per_token and how.capacity:  # nothing before it predicts a packed record's first token
        counts = counts - (encoded.targets[encoded.starts[:-1]] != IGNORED)
    return counts


def _evenly(total: int, times: int) -> frozenset[int]:
    """`times` steps spread evenly, the last one among them (1-based: after that many steps)."""
    return frozenset(max(1, round(total * (number + 1) / times)) for number in range(times))

"""The training loop: reproducible to the bit, exact to resume, and nothing in it that a step does not need."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from tasks.config.training import Training
from tasks.errors import InputError, Stopped
from tasks.progress import progress
from tasks.training.batches import (
    Batch,
    Layout,
    Micro,
    Step,
    collate,
    padding_share,
    plan_epoch,
    plan_in_order,
    real_tokens,
)
from tasks.training.checkpoint import Checkpoints
from tasks.training.distributed import ALONE, Team
from tasks.training.encode import IGNORED, Encoded
from tasks.training.method import Companion
from tasks.training.objectives import Objective
from tasks.training.optimizer import Masters, learning_rate

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

POINTS = 50  # of the training curve


class Curves(Protocol):
    """Where points of curves go: a `Tracker`, or what stands between it and another process."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""


@dataclass(frozen=True)
class Lesson:
    """What is to be learned, ready for the loop."""

    objective: Objective
    train: Encoded
    validation: Encoded
    how: Layout
    pad_id: int
    settings: Training
    seed: int


@dataclass
class Progressed:
    """How far training is; with the weights, everything that a checkpoint needs. Only deterministic values."""

    step: int = 0
    tokens: int = 0
    targets: int = 0
    loss: float = 0.0
    """Sum over the targets since the last point of the curve."""
    loss_targets: int = 0
    best_loss: float = math.inf
    best_step: int = 0
    worse: int = 0
    """Evaluations since the best one."""
    train_curve: list[dict[str, float]] = field(default_factory=list)
    validation_curve: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What the loop leaves behind: the best weights are in the model."""

    progressed: Progressed
    total_steps: int
    stopped_early: bool
    seconds: float
    """In optimizer steps alone, in this process."""
    cpu_seconds: float
    """The same, of all cores together: what to compare where a machine is shared."""
    tokens_timed: int
    """Real tokens in those seconds."""
    padding_share: float
    """Of the tokens that the planned steps compute."""


def plan(lesson: Lesson) -> list[Step]:
    """Every step of the training, in order: a pure function of the lengths, the settings and the seed.

    Raises:
        InputError: there is nothing to learn.
    """
    epochs = lesson.settings.epochs
    steps: list[Step] = []
    for epoch in range(math.ceil(epochs)):
        made = plan_epoch(lesson.train.lengths, lesson.how, seed=lesson.seed, epoch=epoch)
        share = min(1.0, epochs - epoch)
        steps += made[: max(1, round(share * len(made)))]
        if lesson.settings.max_steps is not None and len(steps) >= lesson.settings.max_steps:
            steps = steps[: lesson.settings.max_steps]
            break
    if not steps:
        raise InputError("no training record is left to learn from", hint="raise training.max_length")
    return steps


def run(
    model: Any,
    masters: Masters,
    lesson: Lesson,
    kept: Checkpoints,
    track: Curves | None = None,
    companion: Callable[[int], Companion | None] = lambda _: None,
    team: Team = ALONE,
) -> Outcome:
    """Train to the end, or go on from the last checkpoint; leaves the best weights in `masters` and the model.

    Args:
        companion: gives what the method does beside the optimizer, for the number of steps.
        team: the processes that share each step; every one must call this with the same lesson.

    Raises:
        InputError: the loss is not a number.
        Stopped: SIGTERM or Ctrl-C came; the state is saved.
    """
    import torch

    settings, device = lesson.settings, next(model.parameters()).device
    steps = plan(lesson)
    beside = companion(len(steps))
    now, best = _resume(kept, masters, beside, team)
    evaluate_at = _evenly(len(steps), settings.evaluations)
    save_at = _evenly(len(steps), settings.checkpoints) - {len(steps)}
    point_every = max(1, len(steps) // POINTS)
    validation = plan_in_order(lesson.validation.lengths, lesson.how)
    counts = _target_counts(lesson.train, lesson.how)
    seconds, cpu_seconds, timed, stopped = 0.0, 0.0, 0, False
    loss_since = torch.tensor(now.loss, dtype=torch.float64, device=device)

    with progress("fine-tuning", len(steps), "steps") as bar, stoppable() as stop:
        bar.advance(now.step)
        model.train()
        while now.step < len(steps):
            began, cpu_began = time.perf_counter(), time.process_time()
            micros = steps[now.step]
            targets = int(counts[[record for micro in micros for row in micro for record in row]].sum())
            loss_here = torch.zeros_like(loss_since)
            for batch in _batches(lesson, lesson.train, micros, device, team):
                loss = lesson.objective.loss(model, batch, settings.label_smoothing)
                torch.autograd.backward(loss / max(1, targets))
                masters.gather()
                loss_here += loss.detach()
            if beside is not None and team.rank == 0 and (penalty := beside.penalty()) is not None:
                torch.autograd.backward(penalty)
                masters.gather()
            factor = learning_rate(now.step, len(steps), settings)
            norm = masters.step(factor, partial(beside.after_step, now.step + 1) if beside else None)
            tokens = real_tokens(lesson.train.lengths, micros)
            stopping = stop.is_set()
            if team.size > 1:  # a signal may reach the others a step later: all stop where the first one does
                loss_all, asked = team.total(float(loss_here), stopping)
                loss_here.fill_(loss_all)
                stopping = asked > 0
            loss_since += loss_here
            now.step += 1
            now.tokens += tokens
            now.targets += targets
            now.loss_targets += targets
            seconds += time.perf_counter() - began
            cpu_seconds += time.process_time() - cpu_began
            timed += tokens

            if now.step % point_every == 0 or now.step == len(steps) or now.step in evaluate_at:
                _point(now, loss_since, norm, factor * settings.learning_rate, timed / seconds, track)
            if now.step in evaluate_at:
                value = mean_loss(model, lesson, lesson.validation, validation, team)
                if _better(now, value, track, beside.ready_at if beside else 0, settings.keep):
                    best = masters.values()
                elif settings.patience is not None and now.worse >= settings.patience:
                    stopped = True
            if (now.step in save_at or stopping) and not stopped:
                now.loss = float(loss_since)
                state = _state(now, masters, best, beside, team)
                if team.rank == 0:
                    kept.save(now.step, state)
                if stopping:
                    hint = "run again to go on from here"
                    raise Stopped(f"training was stopped at step {now.step} of {len(steps)}", hint=hint)
            bar.advance(1, f"loss {now.train_curve[-1]['loss']:.3f}" if now.train_curve else "")
            if stopped:
                break
    masters.set_values(best)
    model.eval()
    [cpu_seconds] = team.total(cpu_seconds)
    return Outcome(now, len(steps), stopped, seconds, cpu_seconds, timed, padding_share(lesson.train.lengths, steps))


def untrained(model: Any, lesson: Lesson, team: Team = ALONE) -> Outcome:
    """What `run` would return for a model of which nothing trains: no step, and its validation loss."""
    loss = mean_loss(model, lesson, lesson.validation, plan_in_order(lesson.validation.lengths, lesson.how), team)
    model.eval()
    now = Progressed(best_loss=loss, validation_curve=[{"step": 0, "loss": loss}])
    return Outcome(now, 0, False, 0.0, 0.0, 0, 0.0)


def mean_loss(model: Any, lesson: Lesson, encoded: Encoded, micros: list[Micro], team: Team = ALONE) -> float:
    """Mean loss over the targets, in evaluation mode, without label smoothing; the model is left in training mode."""
    import torch

    device = next(model.parameters()).device
    loss, targets = 0.0, 0
    model.eval()
    with torch.no_grad():
        for batch in _batches(lesson, encoded, micros, device, team):
            loss += float(lesson.objective.loss(model, batch, 0.0))
            targets += int((batch.targets != IGNORED).sum())
    model.train()
    loss, targets_all = team.total(loss, targets)
    return loss / max(1, targets_all)


def _batches(
    lesson: Lesson, encoded: Encoded, micros: list[Micro], device: torch.device, team: Team
) -> Iterator[Batch]:
    """This process's share of some forward passes.

    A process with nothing to do in a pass computes one record without a target: layers that are sharded are put
    together by all processes at once, and a weight has a gradient in all of them or in none.
    """
    for micro in team.share(micros):
        batch = collate(encoded, micro or [micros[0][0][:1]], lesson.pad_id, lesson.how, device)
        if not micro:
            batch.targets.fill_(IGNORED)
        yield batch


def _target_counts(encoded: Encoded, how: Layout) -> NDArray[np.int64]:
    """How many targets each record has once it lies in a batch, shape (n,)."""
    counts = encoded.target_counts()
    if encoded.per_token and how.capacity:  # nothing before it predicts a packed record's first token
        counts = counts - (encoded.targets[encoded.starts[:-1]] != IGNORED)
    return counts


def _point(
    now: Progressed, loss_since: torch.Tensor, norm: torch.Tensor, rate: float, speed: float, track: Curves | None
) -> None:
    """Close a stretch of the training curve."""
    mean = float(loss_since) / max(1, now.loss_targets)
    loss_since.zero_()
    now.loss_targets = 0
    if not (math.isfinite(mean) and math.isfinite(float(norm))):
        hint = "lower training.learning_rate, or lengthen the warm-up"
        raise InputError(f"the loss is not a number any more at step {now.step}", hint=hint)
    now.train_curve.append({"step": now.step, "tokens": now.tokens, "loss": mean, "learning_rate": rate})
    if track is not None:
        values = {"train_loss": mean, "learning_rate": rate, "gradient_norm": float(norm), "tokens_per_second": speed}
        track.metrics(values, now.step)


def _better(now: Progressed, value: float, track: Curves | None, ready_at: int, keep: str) -> bool:
    """Record an evaluation; whether its weights are to be kept. Before step `ready_at` none are."""
    if not math.isfinite(value):
        raise InputError(f"the validation loss is not a number at step {now.step}", hint="lower training.learning_rate")
    now.validation_curve.append({"step": now.step, "loss": value})
    if track is not None:
        track.metrics({"validation_loss": value}, now.step)
    if now.step < ready_at:
        return False
    better = value < now.best_loss or keep == "last"
    now.worse = 0 if better else now.worse + 1
    if better:
        now.best_loss, now.best_step = value, now.step
    return better


def _evenly(total: int, times: int) -> set[int]:
    """`times` steps spread evenly, the last one among them (1-based: after that many steps)."""
    return {max(1, round(total * (number + 1) / times)) for number in range(times)}


def _state(
    now: Progressed, masters: Masters, best: dict[str, torch.Tensor], beside: Companion | None, team: Team
) -> dict[str, Any]:
    """Everything to go on from, put together from all processes; whole in the first one."""
    import torch

    return {
        "progressed": vars(now),
        "weights": masters.whole(masters.values()),
        "optimizer": masters.optimizer_state(),
        "best": masters.whole(best),
        "beside": beside.state() if beside else {},
        "random": team.each(torch.get_rng_state()),
        "random_cuda": team.each(torch.cuda.get_rng_state()) if torch.cuda.is_available() else [],
    }


def _resume(
    kept: Checkpoints, masters: Masters, beside: Companion | None, team: Team
) -> tuple[Progressed, dict[str, torch.Tensor]]:
    import torch

    state = kept.load()
    if state is None:
        return Progressed(), {}
    masters.set_values(masters.own(state["weights"]))
    masters.set_optimizer_state(state["optimizer"])
    if beside is not None:
        beside.restore(state["beside"])
    torch.set_rng_state(state["random"][team.rank])
    if state["random_cuda"]:
        torch.cuda.set_rng_state(state["random_cuda"][team.rank])
    return Progressed(**state["progressed"]), masters.own(state["best"])


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Within the block, SIGTERM and Ctrl-C set an event instead of ending the process in the middle of a step."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield stop
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

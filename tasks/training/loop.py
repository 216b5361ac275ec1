"""The training loop: reproducible to the bit, exact to resume, and nothing in it that a step does not need."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from tasks.errors import InputError, Stopped
from tasks.progress import progress
from tasks.training.checkpoint import Checkpoints
from tasks.training.course import Course, Progressed
from tasks.training.distributed import ALONE, Team
from tasks.training.method import Companion
from tasks.training.optimizer import Masters

if TYPE_CHECKING:
    import torch


class Curves(Protocol):
    """Where points of curves go: a `Tracker`, or what stands between it and another process."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """One point of each curve."""


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


def run(
    model: Any,
    masters: Masters,
    course: Course,
    kept: Checkpoints,
    track: Curves | None = None,
    companion: Callable[[int], Companion | None] = lambda _: None,
    team: Team = ALONE,
) -> Outcome:
    """Train to the end, or go on from the last checkpoint; leaves the weights to keep in `masters` and the model.

    Args:
        companion: gives what the method does beside the optimizer, for the number of steps.
        team: the processes that share each step; every one must call this with the same course.

    Raises:
        InputError: the loss is not a number.
        Stopped: SIGTERM or Ctrl-C came; the state is saved.
    """
    import torch

    device = next(model.parameters()).device
    beside = companion(course.total(Progressed()))
    now, best = _resume(kept, masters, beside, team)
    works, exams, saves_at = course.works(now.step, device, team), course.exams, course.saves_at
    seconds, cpu_seconds, timed, stopped = 0.0, 0.0, 0, False
    loss_since = torch.tensor(now.loss, dtype=torch.float64, device=device)

    with progress(course.title, course.total(now), "steps") as bar, stoppable() as stop:
        bar.advance(now.step)
        model.train()
        while now.step < course.total(now) and not stopped:
            began, cpu_began = time.perf_counter(), time.process_time()
            work = next(works)
            loss_here = torch.zeros_like(loss_since)
            for batch in work.batches:
                loss = course.loss(model, batch)
                torch.autograd.backward(loss / max(1, work.targets))
                masters.gather()
                loss_here += loss.detach()
                del loss  # and its graph, which keeps what our own functions saved: the next pass needs that memory
            if beside is not None and team.rank == 0 and (penalty := beside.penalty()) is not None:
                torch.autograd.backward(penalty)
                masters.gather()
            factor = course.factor(now)
            norm = masters.step(factor, partial(beside.after_step, now.step + 1) if beside else None)
            stopping = stop.is_set()
            if team.size > 1:  # a signal may reach the others a step later: all stop where the first one does
                loss_all, asked = team.total(float(loss_here), stopping)
                loss_here.fill_(loss_all)
                stopping = asked > 0
            loss_since += loss_here
            now.step += 1
            now.tokens += work.tokens
            now.targets += work.targets
            now.loss_targets += work.targets
            seconds += time.perf_counter() - began
            cpu_seconds += time.process_time() - cpu_began
            timed += work.tokens

            examined = exams is not None and now.step in exams.at
            if now.step % course.point_every == 0 or now.step == course.total(now) or examined:
                _point(course, now, loss_since, norm, factor * course.peak, timed / seconds, track)
            if exams is not None and examined:
                value = exams.measure(model, team)
                if _better(course, now, value, track, beside.ready_at if beside else 0, exams.keep):
                    best = masters.values()
                elif exams.patience is not None and now.worse >= exams.patience:
                    stopped = True
            if (now.step in saves_at or stopping) and not stopped:
                now.loss = float(loss_since)
                state = _state(now, masters, best, beside, team)
                if team.rank == 0:
                    kept.save(now.step, state)
                if stopping:
                    hint = "run again to go on from here"
                    raise Stopped(f"training was stopped at step {now.step} of {course.total(now)}", hint=hint)
            bar.advance(1, f"loss {now.train_curve[-1]['loss']:.3f}" if now.train_curve else "")
    if exams is not None:
        masters.set_values(best)
    model.eval()
    [cpu_seconds] = team.total(cpu_seconds)
    return Outcome(now, course.total(now), stopped, seconds, cpu_seconds, timed)


def _point(
    course: Course,
    now: Progressed,
    loss_since: torch.Tensor,
    norm: torch.Tensor,
    rate: float,
    speed: float,
    track: Curves | None,
) -> None:
    """Close a stretch of the training curve."""
    mean = float(loss_since) / max(1, now.loss_targets)
    loss_since.zero_()
    now.loss_targets = 0
    if not (math.isfinite(mean) and math.isfinite(float(norm))):
        hint = f"lower {course.lower}, or lengthen the warm-up"
        raise InputError(f"the loss is not a number any more at step {now.step}", hint=hint)
    now.train_curve.append({"step": now.step, "tokens": now.tokens, "loss": mean, "learning_rate": rate})
    if track is not None:
        values = {"train_loss": mean, "learning_rate": rate, "gradient_norm": float(norm), "tokens_per_second": speed}
        track.metrics(values, now.step)


def _better(course: Course, now: Progressed, value: float, track: Curves | None, ready_at: int, keep: str) -> bool:
    """Record an evaluation; whether its weights are to be kept. Before step `ready_at` none are."""
    if not math.isfinite(value):
        raise InputError(f"the validation loss is not a number at step {now.step}", hint=f"lower {course.lower}")
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


def _state(
    now: Progressed, masters: Masters, best: dict[str, torch.Tensor], beside: Companion | None, team: Team
) -> dict[str, Any]:
    """Everything to go on from, put together from all processes; whole in the first one."""
    import torch

    return {
        "progressed": vars(now),
        "weights": masters.whole(masters.values()),
        "optimizers": masters.optimizer_states(),
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
    masters.set_optimizer_states(state["optimizers"])
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

"""A model that knows its training records much better than others has learned them by heart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

from tasks.errors import NotJudgeable
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Finite, Gate, GateResult, Protocol, number


class TrainGap(Gate):
    """Validation loss minus train loss is at most `max`, in nats per target."""

    kind: Literal["train-gap"]
    max: Finite

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """A wider gap is weaker."""
        if self.max > approved.max:
            yield "max"

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """From the losses that the training ended with."""
        train = _known(evidence.losses.train_loss, "train_loss")
        gap = _known(evidence.losses.validation_loss, "validation_loss") - train
        reason = f"validation loss minus train loss is {number(gap)}, at most {number(self.max)} is asked"
        return self.result(slice_, gap <= self.max, reason, gap, self.max)


def _known(loss: float | None, name: str) -> float:
    if loss is None or not math.isfinite(loss):
        raise NotJudgeable(f"the training record holds no finite {name}")
    return loss

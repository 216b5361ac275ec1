"""What the training loop asks of a course: its steps, its loss, its rates, and when it ends.

Two are known: a fine-tuning (`lesson`), and the training of a base from a corpus (`pretraining`).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tasks.training.batches import Batch
from tasks.training.distributed import Team

if TYPE_CHECKING:
    import torch


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
class Work:
    """One optimizer step."""

    batches: Iterable[Batch]
    """This process's share, made one after the other."""
    targets: int
    """Of all processes: what the loss is divided by; 1 where it is a mean already, and all steps count alike."""
    tokens: int
    """Of all processes, without padding."""


@dataclass(frozen=True)
class Exams:
    """Evaluations on records that are not learned from: they say which weights are kept."""

    at: frozenset[int]
    """After which steps."""
    measure: Callable[[Any, Team], float]
    """The mean loss of a model in training mode, which it is left in."""
    keep: Literal["best", "last"]
    patience: int | None
    """Evaluations in a row without improvement that end the training."""


class Course(ABC):
    """What is trained. It holds no state: what it says follows from how far training is, so it can go on anywhere."""

    title: ClassVar[str]
    """Of the progress bar."""
    lower: ClassVar[str]
    """What to lower where the loss is not a number any more: the name of a setting."""

    @property
    @abstractmethod
    def peak(self) -> float:
        """The learning rate that curves show where `factor` is 1."""

    @property
    @abstractmethod
    def point_every(self) -> int:
        """Steps between two points of the training curve."""

    @property
    def saves_at(self) -> frozenset[int]:
        """After which steps a checkpoint is written; one is in any case where training is stopped."""
        return frozenset()

    @property
    def exams(self) -> Exams | None:
        """None where the last weights are what is wanted."""
        return None

    @abstractmethod
    def total(self, now: Progressed) -> int:
        """Steps in all, as far as is known by now."""

    @abstractmethod
    def factor(self, now: Progressed) -> float:
        """Share of the peak rates in the next step."""

    @abstractmethod
    def works(self, first: int, device: torch.device, team: Team) -> Iterator[Work]:
        """The steps in order, from the one after `first` steps on; at least `total` of them."""

    @abstractmethod
    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """The loss of a batch, float32, a scalar: its share of the step's loss, times the step's targets."""

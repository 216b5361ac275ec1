"""A trained model must be worth more than a rule that needs no training."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.config.words import DatasetTask
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Fault, GateResult, Protocol
from tasks.evaluation.rival import BetterGate
from tasks.evaluation.rules import rival_faults


class BetterThanRival(BetterGate):
    """Gains more than `margin` over a simple rival, such as the majority label or the nearest training text."""

    kind: Literal["better-than-rival"]
    rival: str
    """Which rule: for causal-lm `majority answer` or `nearest train question`; for text-classification `majority
    label` or `nearest train text`; for token-classification `no entity` or `word's tag in training`."""

    always: ClassVar[bool] = True
    about: ClassVar[tuple[str, ...]] = (*BetterGate.about, "rival")

    @property
    def rivals(self) -> tuple[str, ...]:
        """The one that it names."""
        return (self.rival,)

    def faults(self, task: DatasetTask) -> list[Fault]:
        """The task has no such rival, or a rule has no such metric."""
        return [*super().faults(task), *rival_faults(task, self.rival, self.metric)]

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Beside the rival."""
        return self.against(evidence.other(self.rival), f"the rival {self.rival!r}", protocol, evidence, slice_)

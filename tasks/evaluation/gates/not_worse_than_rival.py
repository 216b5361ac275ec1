"""A trained model may lose only so much to a rule that needs no training."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.config.words import DatasetTask
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Fault, GateResult, Protocol
from tasks.evaluation.rival import NotWorseGate
from tasks.evaluation.rules import rival_faults


class NotWorseThanRival(NotWorseGate):
    """Loses at most `tolerance` to a simple rival: for a metric that the training does not aim at, such as accuracy
    where rare labels count as much as frequent ones."""

    kind: Literal["not-worse-than-rival"]
    rival: str
    """Which rule, as for better-than-rival."""

    about: ClassVar[tuple[str, ...]] = (*NotWorseGate.about, "rival")

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

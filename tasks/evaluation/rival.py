"""Gates that compare with another model, or with a simple rule, on the same records."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field

from tasks.config.words import DatasetTask
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import difference
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Fault, Finite, GateResult, MetricGate, Protocol, number
from tasks.evaluation.rules import rival_faults


class RivalGate(MetricGate):
    """A gate on what the candidate gains over a rival: positive where it is better, also where lower is better."""

    @abstractmethod
    def enough(self, gain: float) -> tuple[bool, str, float]:
        """Whether a gain is enough, and what is asked: "more than" or "at least", and the limit."""

    def against(
        self, rival: Evaluation, called: str, protocol: Protocol, evidence: Evidence, slice_: str | None
    ) -> GateResult:
        """What it says beside a rival's evaluation; `value` of the result is the gain.

        Raises:
            NotJudgeable: the two cannot be compared.
        """
        protocol.check(rival, called)
        scores = evidence.candidate.scores()
        found = difference(scores, rival.scores(), self.metric, protocol.evaluation, slice_=slice_)
        gain = found.low if self.significant else found.gain
        if gain is None:
            raise NotJudgeable(f"the difference in {self.metric} has no interval over {found.groups} groups")
        passed, asked, limit = self.enough(gain)
        span = f" [{number(found.low)}, {number(found.high)}]" if found.low is not None else ""
        reason = (
            f"{self.metric} is {number(found.candidate)}, {number(found.other)} for {called}: gain {number(found.gain)}"
            f"{span}, {asked} {number(limit)}{self.whole()} is asked"
        )
        return self.result(slice_, passed, reason, found.gain, limit)


class BetterGate(RivalGate):
    """A gate that asks the candidate to gain more than `margin` over a rival."""

    margin: Annotated[Finite, Field(ge=0)] = 0.0

    def enough(self, gain: float) -> tuple[bool, str, float]:
        """More than the margin."""
        return gain > self.margin, "more than", self.margin

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """Less margin is weaker."""
        if self.margin < approved.margin:
            yield "margin"
        yield from super().weaker_than(approved)


class NotWorseGate(RivalGate):
    """A gate that lets the candidate lose at most `tolerance` to a rival."""

    tolerance: Annotated[Finite, Field(ge=0)] = 0.0

    def enough(self, gain: float) -> tuple[bool, str, float]:
        """At least minus the tolerance."""
        return gain >= -self.tolerance, "at least", -self.tolerance

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """More tolerance is weaker."""
        if self.tolerance > approved.tolerance:
            yield "tolerance"
        yield from super().weaker_than(approved)


class RuleGate(RivalGate):
    """A gate whose rival is a simple rule."""

    rival: str
    """Which rule: for causal-lm `majority answer` or `nearest train question`; for text-classification `majority
    label` or `nearest train text`; for token-classification `no entity` or `word's tag in training`."""

    about: ClassVar[tuple[str, ...]] = (*RivalGate.about, "rival")

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

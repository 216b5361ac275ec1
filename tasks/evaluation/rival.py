"""Gates that compare with another model, or with a simple rule, on the same records."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field

from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import difference
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Finite, GateResult, MetricGate, Protocol, number


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

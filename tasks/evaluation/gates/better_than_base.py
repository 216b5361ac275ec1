"""Training must have helped: the candidate beats the base model that it started from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Finite, GateResult, Protocol
from tasks.evaluation.rival import RivalGate


class BetterThanBase(RivalGate):
    """Gains more than `margin` over the untrained base."""

    kind: Literal["better-than-base"]
    margin: Annotated[Finite, Field(ge=0)] = 0.0

    always: ClassVar[bool] = True

    def enough(self, gain: float) -> tuple[bool, str, float]:
        """More than the margin."""
        return gain > self.margin, "more than", self.margin

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """Less margin is weaker."""
        if self.margin < approved.margin:
            yield "margin"
        yield from super().weaker_than(approved)

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Beside the base."""
        return self.against(evidence.the_base(), "the base", protocol, evidence, slice_)

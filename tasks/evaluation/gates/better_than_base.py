"""Training must have helped: the candidate beats the base model that it started from."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import GateResult, Protocol
from tasks.evaluation.rival import BetterGate


class BetterThanBase(BetterGate):
    """Gains more than `margin` over the untrained base."""

    kind: Literal["better-than-base"]

    always: ClassVar[bool] = True

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Beside the base."""
        return self.against(evidence.the_base(), "the base", protocol, evidence, slice_)

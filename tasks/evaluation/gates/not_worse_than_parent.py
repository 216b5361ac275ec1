"""Merging and quantizing may cost only so much."""

from __future__ import annotations

from typing import Literal

from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import GateResult, Protocol
from tasks.evaluation.rival import NotWorseGate


class NotWorseThanParent(NotWorseGate):
    """Loses at most `tolerance` to the form that it was made from."""

    kind: Literal["not-worse-than-parent"]

    def applies(self, evidence: Evidence) -> bool:
        """What training itself made has no parent."""
        return evidence.candidate.parent is not None

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Beside the parent form."""
        return self.against(evidence.the_parent(), "its parent form", protocol, evidence, slice_)

"""Nothing may be lost since the last release."""

from __future__ import annotations

from typing import Literal

from tasks.errors import NotJudgeable
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import GateResult, Protocol
from tasks.evaluation.rival import NotWorseGate


class NotWorseThanChampion(NotWorseGate):
    """Loses at most `tolerance` to the champion. On a first release: to the base, or a person decides, as the protocol
    says."""

    kind: Literal["not-worse-than-champion"]

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Beside the champion."""
        if evidence.champion is not None:
            return self.against(evidence.champion, "the champion", protocol, evidence, slice_)
        if not evidence.first_release:
            raise NotJudgeable("there is no evaluation of the champion")
        if protocol.first_release == "base":
            return self.against(evidence.the_base(), "the base (first release)", protocol, evidence, slice_)
        reason = "no champion yet: a person approves the first release"
        return GateResult(self.name, slice_, "not-applicable", reason)

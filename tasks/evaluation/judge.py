"""Judging: what all gates of a protocol say about a candidate. What cannot be judged has failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tasks.artifact import Artifact
from tasks.errors import GateRejected, NoLook, NotJudgeable
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate, GateResult, Protocol


@dataclass(frozen=True)
class Verdict:
    """What all gates of a protocol said about one artifact, by digest."""

    subject: str
    evaluation: str
    protocol: str
    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether something was judged, and nothing failed or could not be judged."""
        outcomes = {result.outcome for result in self.results}
        return "passed" in outcomes and outcomes <= {"passed", "not-applicable", "reported"}

    @property
    def worth_a_look(self) -> bool:
        """Whether nothing that was screened speaks against looking at the test split."""
        return not self.reasons()

    def reasons(self) -> list[str]:
        """Why it did not pass: one line for each gate and slice that failed or could not be judged."""
        return [
            f"{result.name}{f' [{result.slice}]' if result.slice else ''}: {result.reason}"
            for result in self.results
            if result.outcome in ("failed", "not-judged")
        ]

    def plain(self) -> dict[str, Any]:
        """As JSON, for the ledger."""
        return {
            "subject": self.subject,
            "evaluation": self.evaluation,
            "protocol": self.protocol,
            "verdict": "passed" if self.passed else "failed",
            "gates": [result.plain() for result in self.results],
        }


@dataclass(frozen=True)
class Judged:
    """An artifact that passed: what registration takes. There is no other way to make one.

    Raises:
        GateRejected: the verdict is not `passed`, or is about another artifact or evaluation.
    """

    artifact: Artifact
    evaluation: Evaluation
    verdict: Verdict

    def __post_init__(self) -> None:
        if not self.verdict.passed:
            reasons = "\n".join(f"  - {reason}" for reason in self.verdict.reasons())
            raise GateRejected(f"this {self.artifact.kind} model did not pass its gates\n{reasons}")
        if not self.artifact.digest == self.evaluation.model_digest == self.verdict.subject:
            raise GateRejected("the verdict is about another model", value=self.verdict.subject)
        if self.verdict.evaluation != self.evaluation.digest:
            raise GateRejected("the verdict is about another evaluation", value=self.verdict.evaluation)


def judge(protocol: Protocol, evidence: Evidence) -> Verdict:
    """The verdict of every gate of a protocol. Never raises for what is missing: that fails.

    Args:
        protocol: gates and settings, fixed before training.
        evidence: the candidate's evaluation on the test split, under the protocol's settings, and what it is compared
            with.
    """
    candidate = evidence.candidate
    results: list[GateResult] = []
    for gate in protocol.gates:
        if not gate.applies(evidence):
            continue
        try:
            protocol.check(candidate, "the model")
            slices = gate.slices(evidence)
        except NotJudgeable as error:
            results.append(_not_judged(gate, gate.pattern, error, protocol))
        else:
            results += gate.together(protocol, [_one(gate, protocol, evidence, slice_) for slice_ in slices])
    return Verdict(candidate.model_digest, candidate.digest, protocol.digest, tuple(results))


def _one(gate: Gate, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
    try:
        return gate.too_small(evidence, slice_) or gate.verdict(protocol, evidence, slice_)
    except NotJudgeable as error:
        return _not_judged(gate, slice_, error, protocol)


def _not_judged(gate: Gate, slice_: str | None, error: NotJudgeable, protocol: Protocol) -> GateResult:
    if protocol.screens and not isinstance(error, NoLook):  # the test split may well say it
        return GateResult(gate.name, slice_, "not-applicable", f"the validation split does not say: {error}")
    return GateResult(gate.name, slice_, "not-judged", f"could not be judged: {error}")

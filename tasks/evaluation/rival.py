"""Gates that compare with another model, or with a simple rule, on the same records."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import DatasetTask
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import difference
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Fault, Finite, GateResult, MetricGate, Outcome, Protocol, number
from tasks.evaluation.intervals import paired
from tasks.evaluation.many import holm
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
        scores, part = evidence.part(evidence.candidate, slice_)
        found = difference(scores, evidence.part(rival, slice_)[0], self.metric, protocol.evaluation, slice_=part)
        gain = found.low if self.proves(protocol) else found.gain
        if gain is None:
            raise NotJudgeable(f"the difference in {self.metric} has no interval over {found.groups} groups")
        passed, asked, limit = self.enough(gain)
        span = f" [{number(found.low)}, {number(found.high)}]" if found.low is not None else ""
        reason = (
            f"{self.metric} is {number(found.candidate)}, {number(found.other)} for {called}: gain {number(found.gain)}"
            f"{span}, {asked} {number(limit)}{self.whole(protocol)} is asked"
        )
        result = self.result(slice_, passed, reason, found.gain, limit)
        if not self.corrects(protocol):
            return result
        sides = evidence.candidate.scores().view(slice_), rival.scores().view(slice_)
        names, sums = (sides[0].names, sides[1].names), (sides[0].by_group, sides[1].by_group)
        return replace(result, proof=paired(sides[0].metric(self.metric), names, sums))

    def corrects(self, protocol: Protocol) -> bool:
        """Whether it asks more of each slice the more there are."""
        return False


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
    correction: Literal["holm", "none"] | None = None
    """With `slice: KEY=*` and `significant: true`, whether the number of slices counts; it must be said. `none` tests
    each at the whole error probability, which is enough for "no slice was harmed"; `holm` holds the probability that
    too much is said of any slice (Holm 1979)."""

    about: ClassVar[tuple[str, ...]] = (*RivalGate.about, "correction")

    @model_validator(mode="after")
    def _corrected(self) -> Self:
        asks = self.many and self.significant
        if asks and self.correction is None:
            raise ValueError(f"gate {self.name}: a significant gate over many slices needs a correction: holm or none")
        if self.correction is not None and not asks:
            raise ValueError(f"gate {self.name}: correction needs a slice KEY=* and significant: true")
        return self

    def corrects(self, protocol: Protocol) -> bool:
        """With Holm's procedure."""
        return self.correction == "holm" and self.proves(protocol)

    def level(self, protocol: Protocol) -> float:
        """One-sided error probability of its claims."""
        return (1 - protocol.evaluation.confidence) / 2

    def together(self, protocol: Protocol, results: list[GateResult]) -> list[GateResult]:
        """What Holm's procedure leaves of what was proven of each slice alone. A slice that could not be judged
        counts as one that proves nothing."""
        places = [place for place, one in enumerate(results) if one.proof or one.outcome == "not-judged"]
        if not any(one.proof for one in results):
            return results
        chances = [one.proof.chance(self.tolerance) if (one := results[place]).proof else 1.0 for place in places]
        found = list(results)
        for place, (holds, level) in zip(places, holm(chances, self.level(protocol)), strict=True):
            found[place] = self._stepped(results[place], len(places), holds, level, self.level(protocol))
        return found

    def _stepped(self, result: GateResult, many: int, holds: bool, level: float, whole: float) -> GateResult:
        if result.proof is None:
            return result
        alone, corrected = number(result.proof.low(whole)), number(result.proof.low(level))
        reason = f"{result.reason}; lower end {alone} alone, {corrected} as one of {many} slices (Holm, {level:.2g})"
        outcome: Outcome = "failed" if result.outcome == "passed" and not holds else result.outcome
        return replace(result, outcome=outcome, reason=reason)

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

"""Nothing may be lost since a person last approved a release, however many releases have followed it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from tasks.config.gates import Budget
from tasks.config.words import DatasetTask
from tasks.errors import NoLook, NotJudgeable
from tasks.evaluation.estimates import Difference, difference
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import ARRIVED, Evidence, Looks
from tasks.evaluation.gate import Fault, GateResult, Protocol, number
from tasks.evaluation.intervals import MIN_GROUPS
from tasks.evaluation.rival import NotWorseGate

FEWEST = 4
"""Equal candidates that should pass in a budget of looks."""
REMEDY = "add test records, or let a person approve the champion as the new anchor"


class NotWorseThanAnchor(NotWorseGate):
    """Has lost at most `tolerance` to the anchor, the last release that a person approved: over all releases since, and
    proven by an interval. One candidate after the other that loses a little to the last one (bio-creep: Feng, Emerson &
    Simon, Biometrics 2021) is stopped where the sum reaches the tolerance.

    Every candidate is another hypothesis on the same test split, so the looks share one error probability: each is
    judged at `alpha / looks`, and no more than `looks` are made. A candidate whose recipe, data settings, policy or
    base a person changed since the anchor may owe its figures to what was learned from the test split: it is judged
    on the records that nobody had seen before (`adaptive_cost`).
    """

    kind: Literal["not-worse-than-anchor"]
    significant: Literal[True] = True
    """Always: an estimate alone lets a loss through by luck, one look after the other."""
    budget: Budget = Budget()
    adaptive_cost: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many looks an adaptive candidate costs. None: it must pass on prospective records alone."""
    underpowered: Literal["refuse", "report"] = "refuse"
    """Where the test split is so small that equal candidates would hardly ever pass (fewer than `FEWEST` of the
    budget's looks): refuse the candidate, or only report what was found. That counts neither as passed nor as failed,
    unless a loss beyond the tolerance is proven."""

    about: ClassVar[tuple[str, ...]] = (*NotWorseGate.about, "underpowered")

    @property
    def looks(self) -> int:
        """As its budget says."""
        return self.budget.looks

    def faults(self, task: DatasetTask) -> list[Fault]:
        """As for every metric; and adaptive candidates choose the prospective records themselves."""
        found = super().faults(task)
        if (self.slice or "").partition("=")[0] == ARRIVED and self.adaptive_cost is None:
            found.append(("slice", "an adaptive candidate is judged on arrived records anyway: give adaptive_cost"))
        if self.correction == "holm":
            found.append(("correction", "each slice is tested at the error probability of one look: say none"))
        return found

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """A higher error probability for each look, or in all, and cheaper adaptive looks are weaker."""
        if self.budget.level > approved.budget.level or self.budget.alpha > approved.budget.alpha:
            yield "budget"
        if self.adaptive_cost is not None and (
            approved.adaptive_cost is None or self.adaptive_cost < approved.adaptive_cost
        ):
            yield "adaptive_cost"
        yield from super().weaker_than(approved)

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """By the lower end of the interval of what was gained since the anchor."""
        if evidence.anchor is None:
            if not evidence.first_release:
                raise NotJudgeable("there is no evaluation of the anchor")
            reason = "no release yet: later ones are measured against the first"
            return GateResult(self.name, slice_, "not-applicable", reason)
        if evidence.looks is None:
            raise NotJudgeable("nobody counted how often this test split was looked at")
        cost, only = self._terms(evidence.looks)
        self._check_budget(evidence.looks, cost)
        fresh = evidence.arrived.get("since-setup", frozenset())
        if only and len(fresh) < MIN_GROUPS:
            raise NoLook(
                "its recipe, data settings, policy or base changed since the anchor, so only records count that nobody "
                f"had seen before: there are {len(fresh)} groups of them, at least {MIN_GROUPS} are needed",
                hint=REMEDY,
            )
        if protocol.screens:
            return self.against(evidence.anchor, "the anchor", protocol, evidence, slice_)
        protocol.check(evidence.anchor, "the anchor")
        return self._judged(self._lost(evidence, evidence.anchor, slice_, protocol, only), slice_, evidence.looks, only)

    def _terms(self, looks: Looks) -> tuple[int, bool]:
        """What this look costs, and whether only prospective records count."""
        if not looks.adaptive:
            return 1, False
        return (1, True) if self.adaptive_cost is None else (self.adaptive_cost, False)

    def _check_budget(self, looks: Looks, cost: int) -> None:
        if looks.used + cost <= self.budget.looks:
            return
        fresh = looks.missing(self.budget.looks, cost)
        more = f"{fresh} fresh test groups would allow another" if fresh else "one alone costs more than there are"
        raise NoLook(
            f"the budget of {self.budget.looks} looks is spent: {number(looks.used)} were made, this one costs {cost}; "
            f"{more}",
            hint=REMEDY,
        )

    def _lost(
        self, evidence: Evidence, anchor: Evaluation, slice_: str | None, protocol: Protocol, only: bool
    ) -> Difference:
        confidence = 1 - 2 * self.budget.level
        scores, part = evidence.part(evidence.candidate, slice_)
        others = evidence.part(anchor, slice_)[0]
        if only:
            fresh = evidence.arrived["since-setup"]
            scores, others = scores.only(fresh), others.only(fresh)
        return difference(scores, others, self.metric, protocol.evaluation, slice_=part, confidence=confidence)

    def _seldom(self, half: float) -> bool:
        """Whether equal candidates would pass fewer than `FEWEST` of the looks, with intervals that reach so far."""
        from scipy.special import ndtr, ndtri  # type: ignore[import-untyped]

        error = half / ndtri(1 - self.budget.level)
        return bool(ndtr((self.tolerance - half) / error) * self.budget.looks < FEWEST)

    def _judged(self, found: Difference, slice_: str | None, looks: Looks, only: bool) -> GateResult:
        if found.low is None or found.high is None:
            if self.underpowered == "report":
                reason = f"{self.metric}: no interval over {found.groups} groups; only reported"
                return GateResult(self.name, slice_, "reported", reason, found.gain, -self.tolerance)
            raise NotJudgeable(f"the difference in {self.metric} has no interval over {found.groups} groups")
        passed, _, limit = self.enough(found.low)
        where = " on records that nobody had seen before" if only else ""
        reason = (
            f"{self.metric} is {number(found.candidate)}, {number(found.other)} for the anchor{where}: gain "
            f"{number(found.gain)} [{number(found.low)}, {number(found.high)}] at "
            f"{100 - 200 * self.budget.level:.6g} %, "
            f"at least {number(limit)} (whole interval) is asked; look {number(looks.used + 1)} of {self.budget.looks}"
        )
        if self._seldom((found.high - found.low) / 2) and self.underpowered == "report" and found.high >= limit:
            reason += f"; {found.groups} groups are too few to tell, so this is only reported"
            return GateResult(self.name, slice_, "reported", reason, found.gain, limit)
        return self.result(slice_, passed, reason, found.gain, limit)

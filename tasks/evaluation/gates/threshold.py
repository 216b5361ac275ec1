"""A metric must lie within fixed bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal, NamedTuple, Self

from pydantic import model_validator

from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import measure
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Finite, GateResult, MetricGate, Protocol, number


class _Bound(NamedTuple):
    held: bool
    words: str
    limit: float


class Threshold(MetricGate):
    """`metric` within `min` and `max`."""

    kind: Literal["threshold"]
    min: Finite | None = None
    max: Finite | None = None

    always: ClassVar[bool] = True

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(f"gate {self.name}: threshold needs min or max")
        return self

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """A bound that is gone, or further out, is weaker."""
        if approved.min is not None and (self.min is None or self.min < approved.min):
            yield "min"
        if approved.max is not None and (self.max is None or self.max > approved.max):
            yield "max"
        yield from super().weaker_than(approved)

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Both bounds are named; the result's one `limit` is the bound that does not hold, else the first there is."""
        scores, part = evidence.part(evidence.candidate, slice_)
        view = scores.view(part)
        name = view.measured(self.metric).name
        estimate = measure(view, protocol.evaluation).get(name)
        if estimate is None:
            raise NotJudgeable(f"{name} is not defined on {view.records} records")
        low, high = (estimate.low, estimate.high) if self.proves(protocol) else (estimate.value, estimate.value)
        if low is None or high is None:
            raise NotJudgeable(f"{name} has no interval over {view.groups} groups")
        bounds = []
        if self.min is not None:
            bounds.append(_Bound(low >= self.min, f"at least {number(self.min)}", self.min))
        if self.max is not None:
            bounds.append(_Bound(high <= self.max, f"at most {number(self.max)}", self.max))
        named = next((bound for bound in bounds if not bound.held), bounds[0])
        span = f" [{number(estimate.low)}, {number(estimate.high)}]" if estimate.low is not None else ""
        words = " and ".join(bound.words for bound in bounds)
        reason = f"{name} is {number(estimate.value)}{span}, {words}{self.whole(protocol)} is asked"
        result = self.result(slice_, all(bound.held for bound in bounds), reason, estimate.value, named.limit)
        return replace(result, asked=words)

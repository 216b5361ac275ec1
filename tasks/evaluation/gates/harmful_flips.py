"""What one form has right, the form made from it must not have wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from tasks.config.words import DatasetTask
from tasks.errors import NotJudgeable
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.flips import NAMES, harmful, share_of
from tasks.evaluation.gate import Fault, Finite, Gate, GateResult, Protocol, number
from tasks.evaluation.intervals import of_value
from tasks.evaluation.slices import RECORD_SLICES


class HarmfulFlips(Gate):
    """At most a share `max` of the records are right in the form that this one was made from, and wrong in this one,
    by the upper end of the share's interval.

    Right is a right label, all entities of a text right, a right choice. A generated answer counts where its token F1
    falls by more than `fall`.
    """

    kind: Literal["harmful-flips"]
    max: Annotated[Finite, Field(ge=0, lt=1)]
    fall: Annotated[Finite, Field(gt=0, lt=1)] = 0.5
    slice: str | None = None
    """Judge these records, e.g. `language=zh`; `category=*` judges each category. Default: all records."""

    underpowered: Literal["refuse", "report"] = "refuse"
    """Where there are so few groups that the interval of no flip at all would reach beyond `max`: refuse the form, or
    only report what was found. That counts neither as passed nor as failed, unless more flips than `max` are proven."""

    about: ClassVar[tuple[str, ...]] = ("slice", "underpowered")

    @property
    def pattern(self) -> str | None:
        """As for every gate."""
        return self.slice

    def faults(self, task: DatasetTask) -> list[Fault]:
        """The slice is none of records."""
        key, _, value = (self.slice or "").partition("=")
        if self.slice is None or (key in RECORD_SLICES and value):
            return []
        return [("slice", f"{self.slice!r} is not KEY=VALUE or KEY=* with KEY one of {', '.join(RECORD_SLICES)}")]

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """More flips, or a deeper fall, are weaker."""
        if self.max > approved.max:
            yield "max"
        if self.fall > approved.fall:
            yield "fall"

    def applies(self, evidence: Evidence) -> bool:
        """What training itself made has no parent."""
        return evidence.candidate.parent is not None

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """By the upper end of the interval."""
        parent = evidence.the_parent()
        protocol.check(parent, "its parent form")
        scores = evidence.candidate.scores()
        flipped = harmful(parent.scores(), scores, self.fall)
        inside = scores.inside(slice_)
        sums = scores.summed(np.column_stack([np.ones(len(flipped)), flipped]), inside)
        records, flips = int(inside.sum()), int((inside & flipped).sum())
        metric, confidence = share_of(scores.task), protocol.evaluation.confidence
        span = of_value(metric, NAMES, sums, confidence)
        said = f"{flips} of {records} records are worse than in its parent form"
        if protocol.screens:
            share = flips / records
            return self.result(slice_, share <= self.max, f"{said}, a share of {number(share)}", share, self.max)
        best = of_value(metric, NAMES, sums * (1, 0), confidence)
        if (
            self.underpowered == "report"
            and (best is None or best.high > self.max)
            and not (span and span.low > self.max)
        ):
            needs = "more test groups are needed to tell; only reported"
            return GateResult(self.name, slice_, "reported", f"{said}; {needs}", flips / records, self.max)
        if span is None:
            raise NotJudgeable(f"{flips} of {records} records flipped, and there are too few groups for an interval")
        reason = (
            f"{said}: with {confidence:.0%} confidence at most {number(span.high)} of all, "
            f"at most {number(self.max)} is asked"
        )
        return self.result(slice_, span.high <= self.max, reason, span.high, self.max)

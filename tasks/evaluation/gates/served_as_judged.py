"""What was judged must be what is served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from tasks.errors import NotJudgeable
from tasks.evaluation.evidence import AsServed, Evidence, Way
from tasks.evaluation.gate import Finite, Gate, GateResult, Protocol, number
from tasks.meta.form import Form

NAMED = 5  # rows in a reason


class ServedAsJudged(Gate):
    """Raw test texts get the answers that were judged, but for a share of at most `tolerance`: from MLflow's `predict`,
    and from the code that an export's README shows.
    """

    kind: Literal["served-as-judged"]
    tolerance: Annotated[Finite, Field(ge=0, lt=1)] = 0.0
    """Share of the texts that may get another answer: in 16 bits the two likeliest ones can be as good as equal, and
    change places with the kernel or the neighbours in a batch."""

    asks_served: ClassVar[bool] = True
    screens: ClassVar[bool] = False

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """More tolerance is weaker."""
        if self.tolerance > approved.tolerance:
            yield "tolerance"

    def applies(self, evidence: Evidence) -> bool:
        """Only one form is served."""
        return evidence.candidate.form == Form.QUANTIZED

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """By the way that differs most."""
        served = evidence.served
        if served is None or not served.ways or not served.records:
            raise NotJudgeable("the served form was not asked")
        if served.artifact != evidence.candidate.model_digest:
            raise NotJudgeable("another model was asked than was judged")
        worst = max(len(way.differing) for way in served.ways) / served.records
        said = "; ".join(_in_words(way, served) for way in served.ways)
        reason = f"of {served.records} raw test texts, {said}; at most a share of {number(self.tolerance)} may differ"
        return self.result(slice_, worst <= self.tolerance, reason, worst, self.tolerance)


def _in_words(way: Way, served: AsServed) -> str:
    if way.error:
        return f"{way.name} answers none ({way.error})"
    rows = ", ".join(str(row + 1) for row in way.differing[:NAMED]) + ", ..." * (len(way.differing) > NAMED)
    where = f" (rows {rows} of predictions.parquet)" if way.differing else ""
    return f"{len(way.differing)} get another answer from {way.name} than was judged{where}"

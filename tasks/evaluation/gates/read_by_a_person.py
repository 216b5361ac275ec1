"""A gate that people answer, by reading (`galen review`): it is asked when a version is to be promoted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate, GateResult, Protocol
from tasks.meta.form import Form

Count = Annotated[int, Field(ge=0, le=100_000)]


class ReadByAPerson(Gate):
    """People read answers of the version and marked them: enough of them, enough answers, few enough harmful ones.

    No verdict waits for it. A version that passed all else is not promoted before its readers' marks satisfy it.
    """

    kind: Literal["read-by-a-person"]
    min_read: Annotated[int, Field(ge=1, le=100_000)]
    """Answers that each reader marked; marks of smaller sheets do not count."""
    max_harmful: Count = 0
    """Answers that any of these readers may call harmful."""
    readers: Annotated[int, Field(ge=1, le=100)] = 1
    """People, by their names."""

    about: ClassVar[tuple[str, ...]] = ()
    screens: ClassVar[bool] = False

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """Fewer answers, fewer people, more harm."""
        if self.min_read < approved.min_read:
            yield "min_read"
        if self.readers < approved.readers:
            yield "readers"
        if self.max_harmful > approved.max_harmful:
            yield "max_harmful"

    def applies(self, evidence: Evidence) -> bool:
        """Only of what would be served."""
        return evidence.candidate.form == Form.QUANTIZED

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """Counts for nothing yet: nobody can have read it."""
        asked = f"{self.readers} reader(s) of {self.min_read} answers, at most {self.max_harmful} harmful"
        return GateResult(self.name, slice_, "not-applicable", f"asked before promotion: {asked}", asked=asked)

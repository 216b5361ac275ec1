"""What a gate says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from tasks.evaluation.intervals import Paired

Outcome = Literal["passed", "failed", "not-judged", "not-applicable", "reported"]
"""not-judged counts as failed. Two count for nothing: not-applicable, of gates that compare with an earlier release
where there is none yet, or that a validation split cannot answer; reported, of a gate that the data are too few for,
where its policy says so."""
Fault = tuple[str, str]
"""A setting's name, and what is wrong with it."""


Finite = Annotated[float, Field(ge=-1e9, le=1e9)]
"""A threshold: no metric comes anywhere near its bounds."""


@dataclass(frozen=True)
class GateResult:
    """What one gate said about one slice (None: all records)."""

    name: str
    slice: str | None
    outcome: Outcome
    reason: str
    """One sentence with the numbers, and no content of records."""
    value: float | None = None
    limit: float | None = None
    asked: str | None = None
    """Every limit in words, where one number does not say it: "at least 0.2 and at most 0.9"."""
    proof: Paired | None = None
    """How surely, where other slices have a say in that."""

    def plain(self) -> dict[str, Any]:
        """As JSON; what is `asked`, and how sure that is, stands in the reason."""
        return {name: value for name, value in vars(self).items() if name not in ("asked", "proof")}


def number(value: float | None) -> str:
    """A number in a reason."""
    return "?" if value is None else f"{value:.4g}"

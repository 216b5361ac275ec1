"""A model must fit where it is served, and answer as fast as the one before it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.errors import NotJudgeable
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate, GateResult, Protocol, number
from tasks.evaluation.measured import Measure, Resources
from tasks.meta.form import Form

KEY = "measure"
"""What the parts of its answer are called: `measure=size_mib`."""
MIB = 2**20
Mib = Annotated[float, Field(gt=0, le=1e9)]
Ratio = Annotated[float, Field(gt=0, le=1e3)]
MEASURES: dict[str, Measure] = {
    "size_mib": "size",
    "peak_memory_mib": "memory",
    "latency_ratio": "pace",
    "tokens_per_second_ratio": "pace",
}


class ResourcesGate(Gate):
    """What the served form needs stays within bounds: absolute ones of room and memory, and of time beside the
    champion, whose served form takes turns with it in one process. Each bound that is given is judged by itself.
    """

    kind: Literal["resources"]
    size_mib: Mib | None = None
    """All files of the served form, at most, in MiB."""
    peak_memory_mib: Mib | None = None
    """The most that a fresh process holds which opens it and answers a few texts, in MiB, the libraries included; on a
    GPU, what the GPU holds."""
    latency_ratio: Ratio | None = None
    """Seconds for one text alone, over the champion's, at most: the median of the rounds."""
    tokens_per_second_ratio: Ratio | None = None
    """Tokens in a second for texts together, over the champion's, at least: the median of the rounds."""

    screens: ClassVar[bool] = False

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self._given():
            raise ValueError(f"gate {self.name}: resources needs one of {', '.join(MEASURES)}")
        return self

    def _given(self) -> list[str]:
        return [name for name in MEASURES if getattr(self, name) is not None]

    @property
    def pattern(self) -> str:
        """All of them, where none can be judged."""
        return f"{KEY}=*"

    @property
    def measures(self) -> frozenset[Measure]:
        """As its bounds need."""
        return frozenset(MEASURES[name] for name in self._given())

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """A bound that is gone, or wider."""
        for name in MEASURES:
            mine, theirs = getattr(self, name), getattr(approved, name)
            if theirs is None:
                continue
            wider = mine is not None and (mine < theirs if name == "tokens_per_second_ratio" else mine > theirs)
            if mine is None or wider:
                yield name

    def applies(self, evidence: Evidence) -> bool:
        """Only one form is served."""
        return evidence.candidate.form == Form.QUANTIZED

    def slices(self, evidence: Evidence) -> list[str | None]:
        """The bounds that are given."""
        return [f"{KEY}={name}" for name in self._given()]

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """By what was measured."""
        found = evidence.resources
        if found is None:
            raise NotJudgeable("nobody measured what it needs")
        if found.candidate != evidence.candidate.model_digest:
            raise NotJudgeable("another model was measured than was judged")
        name = (slice_ or "").partition("=")[2]
        if MEASURES[name] == "pace":
            return self._beside(name, slice_, found, evidence)
        value = found.size / MIB if name == "size_mib" else found.memory
        if value is None:
            raise NotJudgeable("its memory was not measured")
        limit = float(getattr(self, name))
        what = "its files have" if name == "size_mib" else "it holds up to"
        reason = f"{what} {number(value)} MiB, at most {number(limit)} is asked"
        return self.result(slice_, value <= limit, reason, value, limit)

    def _beside(self, name: str, slice_: str | None, found: Resources, evidence: Evidence) -> GateResult:
        """A ratio to the champion, round by round."""
        if evidence.champion is None:
            if not evidence.first_release:
                raise NotJudgeable("there is no evaluation of the champion")
            return GateResult(self.name, slice_, "not-applicable", "no champion yet to take turns with")
        if found.paces is None or found.champion != evidence.champion.model_digest:
            raise NotJudgeable("it was not timed beside this champion")
        field = "latency" if name == "latency_ratio" else "tokens"
        mine, theirs = (getattr(pace, field) for pace in found.paces)
        if not mine or len(mine) != len(theirs) or min(*mine, *theirs) <= 0:
            raise NotJudgeable("there are no rounds to compare")
        value = statistics.median(one / other for one, other in zip(mine, theirs, strict=True))
        limit = float(getattr(self, name))
        slow = field == "latency"
        unit, asked = ("s for one text", "at most") if slow else ("tokens per second", "at least")
        medians = f"{number(statistics.median(mine))} {unit}, {number(statistics.median(theirs))} of the champion"
        reason = f"{medians}: {number(value)} times as much in {len(mine)} rounds, {asked} {number(limit)} is asked"
        return self.result(slice_, value <= limit if slow else value >= limit, reason, value, limit)

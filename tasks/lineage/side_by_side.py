"""A candidate beside what was released before it: overall, slice by slice, record by record.

Nothing is decided here: the verdict was given before. All values are those of the evaluations that the gates looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.config.evaluation import EvaluationSettings
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import Difference, Estimate, difference
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.flips import harmful
from tasks.evaluation.gate import GateResult, Protocol
from tasks.evaluation.gates.harmful_flips import HarmfulFlips
from tasks.evaluation.intervals import MIN_GROUPS
from tasks.evaluation.metric import usual_metric
from tasks.evaluation.rival import NotWorseGate
from tasks.evaluation.slices import metrics_in
from tasks.lineage.roles import Roles

EARLIER = {"anchor": "anchor", "champion": "champion", "base": "untrained base"}
"""What a candidate is shown beside, by what gates call it."""
FALL = 0.5
"""Of the token F1 of an answer that counts as a harmful flip, where no gate says another one."""
WEIGHTIEST = ("not-worse-than-anchor", "not-worse-than-champion", "harmful-flips", "better-than-base")
"""Kinds of gates whose answer a person asks for first, where all passed."""
REASONS = 3
NAMED = 40
"""Records of a list that are named."""


@dataclass(frozen=True)
class Earlier:
    """A model that the candidate is compared with."""

    role: str
    """anchor, champion or base."""
    called: str
    """With its version: "champion (version 3)"."""
    evaluation: Evaluation


@dataclass(frozen=True)
class Beside:
    """One earlier model's value, what the candidate gains over it, and the most that it may lose (a negative gain)."""

    value: Estimate | None
    gain: Difference | None
    margin: float | None
    """None where no gate of the policy asks about this."""

    @property
    def outcome(self) -> str:
        """better or worse, where the whole interval of the gain lies on that side of zero; else undecided."""
        if self.gain is None or self.gain.low is None:
            return "no interval"
        return "better" if self.gain.better else "worse" if self.gain.worse else "undecided"


@dataclass(frozen=True)
class Line:
    """One metric over all records or in one slice."""

    slice: str | None
    metric: str
    records: int
    groups: int
    candidate: Estimate | None
    beside: tuple[Beside, ...]

    @property
    def room(self) -> float:
        """The lower end of the gain over the first model beside it; the gain itself without an interval."""
        gain = self.beside[0].gain if self.beside else None
        return float("inf") if gain is None else gain.gain if gain.low is None else gain.low


@dataclass(frozen=True)
class Flips:
    """Records that an earlier model had right and the candidate has wrong."""

    before: str
    records: int
    ids: tuple[str, ...]
    """The first `NAMED`, in the order of the test set."""
    count: int


@dataclass(frozen=True)
class SideBySide:
    """A candidate beside the models before it."""

    metric: str
    """The one that slices are compared by."""
    earlier: tuple[Earlier, ...]
    overall: tuple[Line, ...]
    """One line for each metric."""
    slices: tuple[Line, ...]
    """One line for each slice, the worst first."""
    flips: tuple[Flips, ...]

    @property
    def worst(self) -> Line | None:
        """The slice with the least certain gain, among those with an interval."""
        return next((line for line in self.slices if line.beside and line.beside[0].outcome != "no interval"), None)

    @property
    def unsure(self) -> list[tuple[str, int, int]]:
        """Slices that are too small for an interval: name, groups, how many more groups they need at least."""
        return [
            (line.slice, line.groups, max(MIN_GROUPS - line.groups, 0))
            for line in self.slices
            if line.slice and (line.candidate is None or line.candidate.low is None)
        ]


def side_by_side(evidence: Evidence, protocol: Protocol, found: Roles) -> SideBySide:
    """The candidate of some evidence beside the anchor and the champion; beside the base before the first release."""
    candidate = evidence.candidate
    earlier = tuple(_earlier(evidence.beside, found))
    metric = _metric(protocol, candidate)
    overall = tuple(_line(candidate, earlier, protocol, None, name) for name in candidate.metrics)
    lines = [
        _line(candidate, earlier, protocol, slice_, _in_slice(candidate, slice_, metric)) for slice_ in candidate.slices
    ]
    fall = next((gate.fall for gate in protocol.gates if isinstance(gate, HarmfulFlips)), FALL)
    before = [(one.called, one.evaluation) for one in earlier if one.role != "base"]
    if evidence.parent is not None:
        before.append((f"form that it was made from ({evidence.parent.form})", evidence.parent))
    return SideBySide(
        metric,
        earlier,
        overall,
        tuple(sorted(lines, key=lambda line: line.room)),
        tuple(_flips(called, one, candidate, fall) for called, one in before),
    )


def reasons(results: Sequence[GateResult], protocol: Protocol | None) -> list[GateResult]:
    """The results that a person must know first: what failed or could not be judged, else the weightiest that passed.

    Of a gate that passed in many slices, the one with the least room to its limit.
    """
    bad = [one for outcome in ("failed", "not-judged") for one in results if one.outcome == outcome]
    if bad:
        return bad[:REASONS]
    kinds = {gate.name: gate.kind for gate in protocol.gates} if protocol else {}
    closest: dict[str, GateResult] = {}
    for one in results:
        if one.outcome == "passed" and (one.name not in closest or _room(one) < _room(closest[one.name])):
            closest[one.name] = one
    ranked = sorted(closest.values(), key=lambda one: _weight(kinds.get(one.name, "")))
    return ranked[:REASONS]


def _room(result: GateResult) -> float:
    return float("inf") if result.value is None or result.limit is None else abs(result.value - result.limit)


def _weight(kind: str) -> int:
    return WEIGHTIEST.index(kind) if kind in WEIGHTIEST else len(WEIGHTIEST)


def _earlier(beside: Mapping[str, Evaluation], found: Roles) -> Iterator[Earlier]:
    roles = [role for role in ("champion", "anchor") if role in beside] or ["base"]
    numbers = {version.artifact: version.number for version in found.versions}
    for role in roles:
        if role in beside:
            number = numbers.get(beside[role].model_digest)
            yield Earlier(role, EARLIER[role] + (f" (version {number})" if number else ""), beside[role])


def _metric(protocol: Protocol, candidate: Evaluation) -> str:
    asked = [gate.metric for gate in protocol.gates if isinstance(gate, NotWorseGate) and gate.slice is None]
    return next((name for name in asked if name in candidate.metrics), usual_metric(candidate.task))


def _in_slice(candidate: Evaluation, slice_: str, metric: str) -> str:
    known = metrics_in(candidate.task, slice_)
    return metric if metric in known else next(iter(known))


def _line(
    candidate: Evaluation, earlier: Sequence[Earlier], protocol: Protocol, slice_: str | None, metric: str
) -> Line:
    records, groups = candidate.slice_sizes[slice_] if slice_ else (candidate.records, candidate.groups)
    beside = tuple(
        Beside(
            _estimate(one.evaluation, slice_, metric),
            _gain(candidate, one.evaluation, metric, protocol.evaluation, slice_),
            _margin(protocol, one.role, slice_, metric),
        )
        for one in earlier
    )
    return Line(slice_, metric, records, groups, _estimate(candidate, slice_, metric), beside)


def _estimate(evaluation: Evaluation, slice_: str | None, metric: str) -> Estimate | None:
    measured = evaluation.slices.get(slice_, {}) if slice_ else evaluation.metrics
    return measured.get(metric)


def _gain(
    candidate: Evaluation, other: Evaluation, metric: str, settings: EvaluationSettings, slice_: str | None
) -> Difference | None:
    try:
        return difference(candidate.scores(), other.scores(), metric, settings, slice_=slice_)
    except NotJudgeable:  # not defined for one of them, or of two tokenizers
        return None


def _margin(protocol: Protocol, role: str, slice_: str | None, metric: str) -> float | None:
    """The least gain that a gate of the policy lets pass here; the strictest of several."""
    asked = "champion" if role == "base" and protocol.first_release == "base" else role
    limits = [
        -gate.tolerance
        for gate in protocol.gates
        if isinstance(gate, NotWorseGate)
        and gate.kind == f"not-worse-than-{asked}"
        and gate.metric == metric
        and _means(gate.slice, slice_)
    ]
    return max(limits, default=None)


def _means(pattern: str | None, slice_: str | None) -> bool:
    if pattern is None or slice_ is None:
        return pattern == slice_
    return pattern == slice_ or (pattern.endswith("=*") and slice_.startswith(pattern[:-1]))


def _flips(called: str, before: Evaluation, after: Evaluation, fall: float) -> Flips:
    worse = harmful(before.scores(), after.scores(), fall)
    ids = after.scores().columns["record_id"]
    places = worse.nonzero()[0].tolist()
    return Flips(called, len(worse), tuple(ids[place] for place in places[:NAMED]), len(places))

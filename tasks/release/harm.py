"""Ways in which a model, or what is said of it, may be bad: planted into the evidence of a good one, to see which gates
of a policy notice.

A harm that is planted into scores is a pure function of a case, a strength and chance. Its strength is a multiple of
the margin of the gate that is meant for it; a policy without such a gate is held to the margins of `USUAL`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tasks.errors import InputError
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate, MetricGate, Protocol, number
from tasks.evaluation.judge import Verdict, judge
from tasks.evaluation.metric import metrics_of, usual_metric
from tasks.evaluation.slices import Scores
from tasks.meta.form import Form
from tasks.release.harmed_scores import CONFIDENCE, LIKELIHOOD, Spoil, can_lose, gain, planted, spoiler, value_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 5
"""Records that a slice must hold to be harmed."""
TIMES = 1.5
"""How many times the gate's own margin a harm is planted at."""
USUAL = {"open": 0.05, "confidence": 0.1, "share": 0.03}
"""Margins of likelihoods, of calibration and of shares, where the policy has no gate for a harm."""
CHAMPION, ANCHOR, PARENT, BASE = (
    "not-worse-than-champion",
    "not-worse-than-anchor",
    "not-worse-than-parent",
    "better-than-base",
)
ROBUST, RESOURCES = "robust", "resources"
RIVAL, ABOVE, FLIPS, BOUNDS, GAP, SERVED = (
    "better-than-rival",
    "not-worse-than-rival",
    "harmful-flips",
    "threshold",
    "train-gap",
    "served-as-judged",
)
COMPARING = (CHAMPION, ANCHOR, PARENT, BASE, RIVAL, ABOVE)
"""Kinds of gates that compare two evaluations record by record."""
Place = Literal["scores", "weights", "served files"]


class DoesNotApply(InputError):
    """There is no such harm to this model, these records or by this policy; the words say why."""


@dataclass(frozen=True)
class Case:
    """A candidate in all its forms, each with the evidence that it is judged by."""

    protocol: Protocol
    forms: Mapping[Form, Evidence]
    """In the order in which they are made; the last is served."""
    lengths: tuple[int, ...] = ()
    """Of each record's input, in characters."""

    @property
    def served(self) -> Evidence:
        """Of the form that is served."""
        return self.forms[list(self.forms)[-1]]

    @property
    def scores(self) -> Scores:
        """Of the form that is served."""
        return self.served.candidate.scores()

    def verdicts(self) -> dict[Form, Verdict]:
        """What the gates say of each form. One that does not pass ends the candidate."""
        return {form: judge(self.protocol, evidence) for form, evidence in self.forms.items()}

    def gates(self, *kinds: str) -> list[Gate]:
        """The policy's gates of some kinds."""
        return [gate for gate in self.protocol.gates if gate.kind in kinds]

    def edited(self, edit: Callable[[Evaluation], Evaluation], of: Collection[Form] | None = None) -> Case:
        """With the evaluations of some forms (None: all) changed wherever they are looked at: of the form itself, and
        as parent of the next one."""
        found: dict[Form, Evidence] = {}
        before: Evaluation | None = None
        for form, evidence in self.forms.items():
            hit = of is None or form in of
            candidate = edit(evidence.candidate) if hit else evidence.candidate
            parent = before if before is not None and evidence.parent is not None else evidence.parent
            found[form] = replace(evidence, candidate=candidate, parent=parent)
            before = candidate
        return replace(self, forms=found)

    def beside(self, **changed: Any) -> Case:
        """With something else in the evidence of every form."""
        return replace(self, forms={form: replace(one, **changed) for form, one in self.forms.items()})


@dataclass(frozen=True)
class Harmed:
    """A case with a harm in it."""

    case: Case
    strength: str = ""
    """In words; empty for what is there or is not."""


@dataclass(frozen=True)
class Harm:
    """A way in which a candidate may be bad, planted into its scores."""

    name: str
    what: str
    """In plain words."""
    meant: tuple[str, ...]
    """Kinds of gates that should notice."""
    plant: Callable[[Case, float, Random], Harmed]
    """Raises `DoesNotApply` where there is no such harm."""
    graded: bool = False
    """Whether it can be planted at less and more strength."""


@dataclass(frozen=True)
class Aim:
    """By which metric, in which slice, and by how much a harm makes a candidate worse."""

    metric: str
    slice: str | None
    margin: float


def aim(
    case: Case, *kinds: str, key: str | None = None, slice_: str | None = None, metrics: Collection[str] | None = None
) -> Aim:
    """What the first fitting gate of a policy measures, and its own margin; where there is none, what is usual.

    Args:
        case: the unharmed candidate.
        kinds: of gates, in order of preference.
        key: of the slices that the gate judges, such as `language`; None for all records.
        slice_: the one of them that is harmed.
        metrics: by which the gate may judge; None: any that is neither a likelihood nor a calibration.
    """
    known = metrics_of(case.scores.task, "label" if key in ("label", "entity") else "records")
    plain = [name for name in known if name not in LIKELIHOOD | CONFIDENCE]
    metric = "accuracy" if key is not None and "accuracy" in known else usual_metric(case.scores.task)
    fallback = metric if metrics is None and metric in known else next(iter(metrics or plain))
    for gate in (one for kind in kinds for one in case.gates(kind)):
        if not isinstance(gate, MetricGate) or gate.metric not in known:
            continue
        fits = gate.metric in metrics if metrics is not None else key is not None or gate.metric in plain
        if fits and (gate.pattern or "").partition("=")[0] == (key or ""):
            margin = margin_of(gate, case, slice_)
            if margin:
                return Aim(gate.metric, slice_, margin)
    scale = "open" if fallback in LIKELIHOOD else "confidence" if fallback in CONFIDENCE else "share"
    return Aim(fallback, slice_, USUAL[scale])


def rarest_of(case: Case, key: str) -> str:
    """The smallest slice of a key that holds enough records.

    Raises:
        DoesNotApply: all records are of one slice, or none is large enough.
    """
    scores = case.scores
    sizes = {one: scores.support(one)[0] for one in scores.slices() if one.startswith(f"{key}=")}
    if len(sizes) < 2:
        raise DoesNotApply(f"all records are of one {key}")
    enough = [one for one, records in sizes.items() if records >= FEWEST]
    if not enough:
        raise DoesNotApply(f"no {key} has {FEWEST} records")
    return min(enough, key=lambda one: (sizes[one], one))


def margin_of(gate: Gate, case: Case, slice_: str | None = None) -> float | None:
    """How much a gate tolerates: its tolerance, share or gap; of fixed bounds, how far the candidate is within them.

    None where it has no such number, or nothing is between the candidate and the bound.
    """
    if gate.kind == BOUNDS and isinstance(gate, MetricGate):
        value, low, high = (
            value_of(case.scores, gate.metric, slice_),
            getattr(gate, "min", None),
            getattr(gate, "max", None),
        )
        room = [one for one in (None if low is None else value - low, None if high is None else high - value) if one]
        return min((one for one in room if one > 0), default=None)
    found = getattr(gate, "tolerance", None) or getattr(gate, "max", None)
    return float(found) if found else None


def fewest(most: int, enough: Callable[[int], bool]) -> int:
    """The smallest number, at most `most`, that is enough, where all larger ones are."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def lowered(
    case: Case,
    aimed: Aim,
    times: float,
    chance: Random,
    *,
    beside: Scores | None = None,
    of: Collection[Form] | None = None,
    inside: NDArray[np.bool_] | None = None,
    spoil: Spoil | None = None,
) -> Harmed:
    """Make forms of a candidate worse by `times` the margin, with as few records as that takes.

    Args:
        case: the unharmed candidate.
        aimed: what is to become worse, and what one margin is.
        times: how many margins.
        chance: which records.
        beside: what the loss is measured against; default: the candidate as it was.
        of: which forms; None: all. The loss is that of the last of them.
        inside: which records may be hit, shape [records].
        spoil: what is done to a record; default: what the metric notices.

    Raises:
        DoesNotApply: all records together do not make it so much worse.
    """
    form = [one for one in case.forms if of is None or one in of][-1]
    scores = case.forms[form].candidate.scores()
    against, wanted = scores if beside is None else beside, times * aimed.margin
    hit = spoil or spoiler(scores, aimed.metric, chance)
    allowed = can_lose(scores, aimed.metric)
    if aimed.slice is not None and aimed.slice.partition("=")[0] in ("category", "language"):
        allowed &= scores.inside(aimed.slice)
    if inside is not None:
        allowed &= inside
    rows = [int(row) for row in np.flatnonzero(allowed)]
    chance.shuffle(rows)

    def loss(many: int) -> float:
        return -gain(hit(scores, np.array(rows[:many], dtype=np.intp)), against, aimed.metric, aimed.slice)

    if not rows or not loss(len(rows)) >= wanted:
        raise DoesNotApply(f"all records together do not make {aimed.metric} worse by {number(wanted)}")
    low = fewest(len(rows), lambda many: loss(many) >= wanted)
    chosen = np.array(rows[:low], dtype=np.intp)
    where = f" in {aimed.slice}" if aimed.slice else ""
    said = f"{aimed.metric} {number(loss(low))} worse{where}"
    return Harmed(case.edited(lambda one: planted(one, hit(one.scores(), chosen)), of), said)

"""Gates: the conditions that a model must meet. What cannot be judged has failed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tasks.artifact import Artifact
from tasks.config.gates import Gate
from tasks.errors import GateRejected, NotJudgeable
from tasks.evaluation.estimates import difference, measure
from tasks.evaluation.evaluate import Evaluation
from tasks.evaluation.policy import Protocol

Outcome = Literal["passed", "failed", "not-judged", "not-applicable"]
"""not-judged counts as failed. not-applicable: only the champion's gate, only on a first release that a person
approves; it counts for nothing."""


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

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Verdict:
    """What all gates of a protocol said about one artifact, by digest."""

    subject: str
    evaluation: str
    protocol: str
    results: tuple[GateResult, ...]

    @property
    def passed(self) -> bool:
        """Whether something was judged, and nothing failed or could not be judged."""
        outcomes = {result.outcome for result in self.results}
        return "passed" in outcomes and outcomes <= {"passed", "not-applicable"}

    def reasons(self) -> list[str]:
        """Why it did not pass: one line for each gate and slice that failed or could not be judged."""
        return [
            f"{result.name}{f' [{result.slice}]' if result.slice else ''}: {result.reason}"
            for result in self.results
            if result.outcome in ("failed", "not-judged")
        ]

    def plain(self) -> dict[str, Any]:
        """As JSON, for the ledger."""
        return {
            "subject": self.subject,
            "evaluation": self.evaluation,
            "protocol": self.protocol,
            "verdict": "passed" if self.passed else "failed",
            "gates": [result.plain() for result in self.results],
        }


@dataclass(frozen=True)
class Judged:
    """An artifact that passed: what registration takes. There is no other way to make one.

    Raises:
        GateRejected: the verdict is not `passed`, or is about another artifact or evaluation.
    """

    artifact: Artifact
    evaluation: Evaluation
    verdict: Verdict

    def __post_init__(self) -> None:
        if not self.verdict.passed:
            reasons = "\n".join(f"  - {reason}" for reason in self.verdict.reasons())
            raise GateRejected(f"this {self.artifact.kind} model did not pass its gates\n{reasons}")
        if not self.artifact.digest == self.evaluation.model_digest == self.verdict.subject:
            raise GateRejected("the verdict is about another model", value=self.verdict.subject)
        if self.verdict.evaluation != self.evaluation.digest:
            raise GateRejected("the verdict is about another evaluation", value=self.verdict.evaluation)


@dataclass(frozen=True)
class _Case:
    """Everything that the gates look at."""

    protocol: Protocol
    evaluation: Evaluation
    base: Evaluation | None
    champion: Evaluation | None
    parent: Evaluation | None
    training: Mapping[str, Any]
    first_release: bool


def judge(
    protocol: Protocol,
    evaluation: Evaluation,
    *,
    base: Evaluation | None = None,
    champion: Evaluation | None = None,
    parent: Evaluation | None = None,
    training: Mapping[str, Any] | None = None,
    first_release: bool = False,
) -> Verdict:
    """The verdict of every gate of a protocol on one evaluated model. Never raises for what is missing: that fails.

    Args:
        protocol: gates and settings, fixed before training.
        evaluation: of the model to judge, on the test split, under the protocol's settings.
        base: evaluation of the base model that the model started from.
        champion: evaluation of the present champion's served form on the same test split.
        parent: evaluation of the form that this one was made from; forms without a parent are not asked.
        training: `train_loss` and `validation_loss` (nats per target), as in the artifact's `training` metadata.
        first_release: the ledger knows no champion. `not-worse-than-champion` then compares with the base model, or
            is left to the person who approves, as the protocol's `first_release` says.
    """
    case = _Case(protocol, evaluation, base, champion, parent, training or {}, first_release)
    results: list[GateResult] = []
    for gate in protocol.gates:
        if gate.kind == "not-worse-than-parent" and evaluation.parent is None:
            continue
        try:
            _check(case, evaluation, "the model")
            for slice_ in evaluation.scores().named(gate.slice):
                results.append(_judge_slice(gate, case, slice_))
        except NotJudgeable as error:
            results.append(_not_judged(gate, gate.slice, error))
    return Verdict(evaluation.model_digest, evaluation.digest, protocol.digest, tuple(results))


def _judge_slice(gate: Gate, case: _Case, slice_: str | None) -> GateResult:
    try:
        return _KINDS[gate.kind](gate, case, slice_)
    except NotJudgeable as error:
        return _not_judged(gate, slice_, error)


def _not_judged(gate: Gate, slice_: str | None, error: NotJudgeable) -> GateResult:
    return GateResult(gate.name, slice_, "not-judged", f"could not be judged: {error}")


def _threshold(gate: Gate, case: _Case, slice_: str | None) -> GateResult:
    view = case.evaluation.scores().view(slice_)
    name = view.metric(str(gate.metric)).name
    estimate = measure(view, case.protocol.evaluation).get(name)
    if estimate is None:
        raise NotJudgeable(f"{name} is not defined on {view.records} records")
    low, high = (estimate.low, estimate.high) if gate.significant else (estimate.value, estimate.value)
    if low is None or high is None:
        raise NotJudgeable(f"{name} has no interval over {view.groups} groups")
    limits = []
    if gate.min is not None:
        limits.append((low >= gate.min, f"at least {_number(gate.min)}", gate.min))
    if gate.max is not None:
        limits.append((high <= gate.max, f"at most {_number(gate.max)}", gate.max))
    passed, text, limit = min(limits)
    span = f" [{_number(estimate.low)}, {_number(estimate.high)}]" if estimate.low is not None else ""
    asked = f"{text}{' (whole interval)' if gate.significant else ''} is asked"
    return _result(gate, slice_, passed, f"{name} is {_number(estimate.value)}{span}, {asked}", estimate.value, limit)


def _better_than_base(gate: Gate, case: _Case, slice_: str | None) -> GateResult:
    return _against(gate, case, slice_, _the_base(case), "the base")


def _not_worse_than_champion(gate: Gate, case: _Case, slice_: str | None) -> GateResult:
    if case.champion is not None:
        return _against(gate, case, slice_, case.champion, "the champion")
    if not case.first_release:
        raise NotJudgeable("there is no evaluation of the champion")
    if case.protocol.first_release == "base":
        return _against(gate, case, slice_, _the_base(case), "the base (first release)")
    return GateResult(gate.name, slice_, "not-applicable", "no champion yet: a person approves the first release")


def _not_worse_than_parent(gate: Gate, case: _Case, slice_: str | None) -> GateResult:
    if case.parent is None:
        raise NotJudgeable("there is no evaluation of the form that this one was made from")
    if case.parent.model_digest != case.evaluation.parent:
        raise NotJudgeable("the evaluation given is not of the form that this one was made from")
    return _against(gate, case, slice_, case.parent, "its parent form")


def _train_gap(gate: Gate, case: _Case, slice_: str | None) -> GateResult:
    losses = {}
    for name in ("train_loss", "validation_loss"):
        value = case.training.get(name)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise NotJudgeable(f"the training record holds no finite {name}")
        losses[name] = float(value)
    gap = losses["validation_loss"] - losses["train_loss"]
    limit = float(gate.max if gate.max is not None else math.nan)
    reason = f"validation loss minus train loss is {_number(gap)}, at most {_number(limit)} is asked"
    return _result(gate, slice_, gap <= limit, reason, gap, limit)


_KINDS: dict[str, Callable[[Gate, _Case, str | None], GateResult]] = {
    "threshold": _threshold,
    "better-than-base": _better_than_base,
    "not-worse-than-champion": _not_worse_than_champion,
    "not-worse-than-parent": _not_worse_than_parent,
    "train-gap": _train_gap,
}


def _against(gate: Gate, case: _Case, slice_: str | None, rival: Evaluation, called: str) -> GateResult:
    """`value` of the result is what the model gains over its rival, positive where it is better."""
    _check(case, rival, called)
    metric = str(gate.metric)
    found = difference(case.evaluation.scores(), rival.scores(), metric, case.protocol.evaluation, slice_=slice_)
    gain = found.low if gate.significant else found.gain
    if gain is None:
        raise NotJudgeable(f"the difference in {metric} has no interval over {found.groups} groups")
    if gate.kind == "better-than-base":
        limit, passed, asked = gate.margin, gain > gate.margin, "more than"
    else:
        limit, passed, asked = -gate.tolerance, gain >= -gate.tolerance, "at least"
    span = f" [{_number(found.low)}, {_number(found.high)}]" if found.low is not None else ""
    reason = (
        f"{metric} is {_number(found.candidate)}, {_number(found.other)} for {called}: gain {_number(found.gain)}{span}"
        f", {asked} {_number(limit)}{' (whole interval)' if gate.significant else ''} is asked"
    )
    return _result(gate, slice_, passed, reason, found.gain, limit)


def _the_base(case: _Case) -> Evaluation:
    if case.base is None:
        raise NotJudgeable("there is no evaluation of the base model")
    if case.base.model_digest != case.evaluation.base:
        raise NotJudgeable("the evaluation given is not of the base model that this one started from")
    return case.base


def _check(case: _Case, evaluation: Evaluation, called: str) -> None:
    if evaluation.split != "test":
        raise NotJudgeable(f"{called} was judged on the {evaluation.split} split")
    if evaluation.settings != case.protocol.evaluation:
        raise NotJudgeable(f"{called} was judged under other settings than the protocol's")


def _result(gate: Gate, slice_: str | None, passed: bool, reason: str, value: float, limit: float) -> GateResult:
    return GateResult(gate.name, slice_, "passed" if passed else "failed", reason, value, limit)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.4g}"

"""A text that means the same must get as good an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator

from tasks.config.words import DatasetTask
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import Difference, difference
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Fault, Finite, Gate, GateResult, Protocol, number
from tasks.evaluation.intervals import MIN_GROUPS
from tasks.evaluation.measured import Probe
from tasks.evaluation.metric import metrics_of
from tasks.evaluation.perturb import PERTURBATIONS, PerturbationName
from tasks.evaluation.sample import judged_rows
from tasks.meta.form import Form

KEY = "perturbation"
"""What the parts of its answer are called: `perturbation=typing-noise`."""


class Robust(Gate):
    """Loses at most `tolerance` of a metric where the test texts are changed without changing the right answer: the
    served form's answers to changed and unchanged texts, paired record by record, over the records that changed.
    """

    kind: Literal["robust"]
    metric: str
    perturbations: Annotated[tuple[PerturbationName, ...], Field(min_length=1)]
    """What is done to the texts, each judged by itself: docs/gates.md has the list."""
    tolerance: Annotated[Finite, Field(ge=0)]
    significant: bool = False
    """The whole confidence interval of the loss must lie below the tolerance."""
    records: Annotated[int, Field(ge=8, le=1_000_000)] = 200
    """How many test records are tried, at most; whole groups, always the same ones. Each perturbation asks the model
    about those of them that it changes, which is what this gate costs."""
    min_groups: Annotated[int, Field(ge=1, le=1_000_000)] = MIN_GROUPS
    """Groups in which a perturbation must change a record to be judged by."""
    small: Literal["block", "report"] = "block"
    """A perturbation that changes fewer: has failed; or is named, and counts for nothing."""
    reports: bool = False
    """Only say what is lost. It counts for nothing then, neither passed nor failed."""

    about: ClassVar[tuple[str, ...]] = ("metric", "records", "small")
    screens: ClassVar[bool] = False  # it would cost as much again

    @field_validator("perturbations")
    @classmethod
    def _once(cls, given: tuple[PerturbationName, ...]) -> tuple[PerturbationName, ...]:
        if len(set(given)) < len(given):
            raise ValueError("each perturbation is given once")
        return given

    @property
    def pattern(self) -> str:
        """All of them, where none can be judged."""
        return f"{KEY}=*"

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Each perturbation, of as many records."""
        return tuple(Probe(name, self.records) for name in self.perturbations)

    def faults(self, task: DatasetTask) -> list[Fault]:
        """The metric is unknown, or a perturbation would change the right answer of such records."""
        metrics = metrics_of(task)
        found = []
        if self.metric not in metrics:
            found.append(("metric", f"there is no {self.metric!r} here (there are: {', '.join(metrics)})"))
        fitting = [name for name, one in PERTURBATIONS.items() if task in one.tasks]
        if strange := [name for name in self.perturbations if name not in fitting]:
            found.append(("perturbations", f"{strange[0]!r} is not for {task} (there are: {', '.join(fitting)})"))
        return found

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """More tolerance, fewer perturbations, fewer groups, or nothing that counts."""
        if self.tolerance > approved.tolerance:
            yield "tolerance"
        if not set(self.perturbations) >= set(approved.perturbations):
            yield "perturbations"
        if self.min_groups < approved.min_groups:
            yield "min_groups"
        for name, weak in (("significant", False), ("reports", True)):
            if getattr(self, name) == weak != getattr(approved, name):
                yield name

    def applies(self, evidence: Evidence) -> bool:
        """Only one form is served."""
        return evidence.candidate.form == Form.QUANTIZED

    def slices(self, evidence: Evidence) -> list[str | None]:
        """The perturbations."""
        return [f"{KEY}={name}" for name in self.perturbations]

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """By what the records that changed have lost."""
        probe = Probe((slice_ or "").partition("=")[2], self.records)
        sampled = _sampled(evidence.candidate, self.records)
        if probe.name in evidence.unaltered:
            return self._few(slice_, f"changes none of {sampled} records")
        if probe.name not in evidence.altered:
            if self.reports:
                return GateResult(self.name, slice_, "reported", "this was not measured; only reported")
            raise NotJudgeable("the model was not asked about such records")
        changed = evidence.altered[probe.name]
        _check(evidence.candidate, changed, probe, protocol)
        of = f"{changed.records} of {sampled} records in {changed.groups} groups"
        if changed.groups < self.min_groups:
            return self._few(slice_, f"changes {of}, at least {self.min_groups} groups are asked")
        return self._judged(protocol, slice_, _lost(evidence.candidate, changed, self.metric, protocol), of)

    def _few(self, slice_: str | None, why: str) -> GateResult:
        if self.small == "block" and not self.reports:
            raise NotJudgeable(f"the perturbation {why}")
        return GateResult(self.name, slice_, "reported", f"{why}; only reported")

    def _judged(self, protocol: Protocol, slice_: str | None, found: Difference, of: str) -> GateResult:
        lost = -found.gain + 0.0  # never minus zero
        most = -found.low if found.low is not None else None
        span = f" [{number(-found.high)}, {number(most)}]" if found.high is not None else ""
        whole = " (whole interval)" if self.significant else ""
        reason = (
            f"{self.metric} is {number(found.candidate)}, {number(found.other)} of the same records unchanged: lost "
            f"{number(lost)}{span} on {of}, at most {number(self.tolerance)}{whole} is asked"
        )
        if self.reports:
            return GateResult(self.name, slice_, "reported", f"{reason}; only reported", lost, self.tolerance)
        judged = most if self.significant else lost
        if judged is None:
            raise NotJudgeable(f"the loss of {self.metric} has no interval over {found.groups} groups")
        return self.result(slice_, judged <= self.tolerance, reason, lost, self.tolerance)


def _sampled(candidate: Evaluation, records: int) -> int:
    """How many records were tried."""
    return len(judged_rows([{"group_id": group} for group in candidate.scores().columns["group_id"]], records))


def _check(candidate: Evaluation, changed: Evaluation, probe: Probe, protocol: Protocol) -> None:
    """See that the same model was asked, under the same settings, about records of the same split."""
    protocol.check(changed, "the model on changed records")
    if changed.model_digest != candidate.model_digest:
        raise NotJudgeable("another model was asked about changed records")
    if changed.altered is None or (changed.altered.by, changed.altered.of) != (probe.name, candidate.test):
        raise NotJudgeable("the evaluation given is not of these records, changed")


def _lost(candidate: Evaluation, changed: Evaluation, metric: str, protocol: Protocol) -> Difference:
    """What a model gains by the change (mostly less than nothing), on the records that it changes."""
    after = changed.scores()
    before = candidate.scores().of_records(frozenset(after.columns["record_id"]))
    return difference(after, before.under(after.test), metric, protocol.evaluation)

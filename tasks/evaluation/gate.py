"""What a gate is, and the protocol that fixes a set of them before training.

Each kind of gate lives in one file of `gates/`, found by the kind that it names; nothing else lists them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import ConfigDict, Field, model_validator

from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.gates import GateEntry
from tasks.config.words import DATASET_TASK, DatasetTask, Task
from tasks.digest import digest_data
from tasks.errors import NotJudgeable
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import ARRIVED, SINCE, Evidence
from tasks.evaluation.many import Need, pooled
from tasks.evaluation.measured import Measure, Probe
from tasks.evaluation.metric import metric_modules
from tasks.evaluation.result import Fault, Finite, GateResult, Outcome, number
from tasks.evaluation.slices import RECORD_SLICES, metrics_in, slice_keys
from tasks.plugins import kinds_in

__all__ = ["Fault", "Finite", "Gate", "GateResult", "MetricGate", "Outcome", "Protocol", "gate_kinds", "number"]


class Gate(GateEntry):
    """One named condition on a trained model. A kind adds its own settings, and narrows `kind` to what it is called."""

    model_config = ConfigDict(extra="forbid")

    always: ClassVar[bool] = False
    """Whether every run can be judged by it: a policy needs one such gate, as others may have no rival."""
    asks_served: ClassVar[bool] = False
    """Whether it looks at what the served form says (`Evidence.served`), which is asked for it."""
    screens: ClassVar[bool] = True
    """Whether a validation split can say anything about it."""
    about: ClassVar[tuple[str, ...]] = ()
    """Settings that say what is asked about: a recipe that tightens the gate must leave them as they are."""

    @property
    def pattern(self) -> str | None:
        """Which slices of the candidate's test set it judges: `KEY=VALUE`, `KEY=*` for each, None for all records."""
        return None

    @property
    def rivals(self) -> tuple[str, ...]:
        """Names of the evaluations that it needs among `Evidence.others`."""
        return ()

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Which perturbed records it needs the served form's answers to (`Evidence.altered`)."""
        return ()

    @property
    def measures(self) -> frozenset[Measure]:
        """What it needs to know of `Evidence.resources`; it is measured of served forms."""
        return frozenset()

    @property
    def looks(self) -> int | None:
        """How many looks at one test split it allows; None: it does not count them."""
        return None

    def faults(self, task: DatasetTask) -> list[Fault]:
        """What is wrong with it for records of a task."""
        return []

    def slices(self, evidence: Evidence) -> list[str | None]:
        """The slices of this candidate that it judges.

        Raises:
            NotJudgeable: there is no such slice.
        """
        if (self.pattern or "").partition("=")[0] == ARRIVED:
            return [self.pattern]
        return evidence.candidate.scores().named(self.pattern)

    def too_small(self, evidence: Evidence, slice_: str | None) -> GateResult | None:
        """What it says of a slice that it asks more records of than there are; None where there are enough.

        Raises:
            NotJudgeable: there are too few, and that has failed.
        """
        return None

    def together(self, protocol: Protocol, results: list[GateResult]) -> list[GateResult]:
        """What it says of its slices, knowing all of them."""
        return results

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """The settings by which it lets more pass than an approved gate of its kind."""
        yield from ()

    def applies(self, evidence: Evidence) -> bool:
        """Whether it asks anything about this candidate; where it does not, it says nothing."""
        return True

    @abstractmethod
    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        """What it says about a slice.

        Raises:
            NotJudgeable: what it needs is not there. It has then failed.
        """

    def result(self, slice_: str | None, passed: bool, reason: str, value: float, limit: float) -> GateResult:
        """Passed or failed, with the numbers."""
        return GateResult(self.name, slice_, "passed" if passed else "failed", reason, value, limit)


class MetricGate(Gate):
    """A gate that looks at a metric, of all records or of slices."""

    metric: str
    slice: str | None = None
    """Judge this slice, e.g. `language=zh`; `category=*` judges each category. Default: all records."""
    significant: bool = False
    """The whole confidence interval must lie on the right side of the limit."""
    min_records: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """With `slice: KEY=*`: a slice with fewer records is too small to be judged."""
    min_groups: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The same for groups."""
    small: Literal["block", "report", "pool"] = "block"
    """A slice that is too small: has failed; is named, and counts for nothing; or is judged together with the small
    ones of the same parent category (`cardiology/a` and `cardiology/b`), else with all small ones."""

    about: ClassVar[tuple[str, ...]] = ("metric", "slice", "min_records", "min_groups", "small")

    def proves(self, protocol: Protocol) -> bool:
        """Whether the whole interval must lie on the right side."""
        return self.significant and not protocol.screens

    def whole(self, protocol: Protocol) -> str:
        """What a reason says of a gate that looks at the interval."""
        return " (whole interval)" if self.proves(protocol) else ""

    @model_validator(mode="after")
    def _asked_of_many(self) -> Self:
        asks = self.min_records is not None or self.min_groups is not None
        if asks and not self.many:
            raise ValueError(f"gate {self.name}: min_records and min_groups need a slice KEY=*")
        if self.small != "block" and not asks:
            raise ValueError(f"gate {self.name}: small needs min_records or min_groups")
        return self

    @property
    def many(self) -> bool:
        """Whether it judges each slice of a key."""
        return (self.slice or "").endswith("=*")

    @property
    def _need(self) -> Need:
        return Need(self.min_records or 0, self.min_groups or 0)

    @property
    def pattern(self) -> str | None:
        """As for every gate."""
        return self.slice

    def slices(self, evidence: Evidence) -> list[str | None]:
        """As for every gate; the small ones put together where it says so."""
        found = super().slices(evidence)
        if self.small != "pool":
            return found
        return list(pooled(evidence.candidate.scores(), [one for one in found if one], self._need))

    def too_small(self, evidence: Evidence, slice_: str | None) -> GateResult | None:
        """By `min_records` and `min_groups`."""
        scores = evidence.candidate.scores()
        if slice_ is None or not self.many or self._need.met(scores, slice_):
            return None
        records, groups = scores.support(slice_)
        asked = {"records": self.min_records, "groups": self.min_groups}
        wanted = " and ".join(f"{many} {what}" for what, many in asked.items() if many)
        reason = f"{records} records of {groups} groups are too few to judge this slice by: {wanted} are asked"
        if self.small == "report":
            return GateResult(self.name, slice_, "reported", reason)
        raise NotJudgeable(reason)

    def faults(self, task: DatasetTask) -> list[Fault]:
        """The slice, or the metric in it, is unknown."""
        found = []
        key, _, value = (self.slice or "").partition("=")
        if key == ARRIVED:
            if value not in SINCE:
                found.append(("slice", f"{self.slice!r} is not {' or '.join(f'{ARRIVED}={one}' for one in SINCE)}"))
        elif self.slice is not None and (key not in slice_keys(task) or not value):
            known = ", ".join(slice_keys(task))
            found.append(("slice", f"{self.slice!r} is not KEY=VALUE or KEY=* with KEY one of {known}"))
        if self.small == "pool" and (self.slice or "").partition("=")[0] not in RECORD_SLICES:
            found.append(("small", f"only slices of records can be pooled: {', '.join(RECORD_SLICES)}"))
        metrics = metrics_in(task, self.slice)
        if self.metric not in metrics:
            found.append(("metric", f"there is no {self.metric!r} here (there are: {', '.join(metrics)})"))
        return found

    def weaker_than(self, approved: Self) -> Iterator[str]:
        """A significant gate must stay one."""
        if approved.significant and not self.significant:
            yield "significant"


@dataclass(frozen=True)
class Protocol:
    """How a model is judged: fixed before it is trained, and named by digest in every verdict."""

    task: Task
    policy: str
    gates: tuple[Gate, ...]
    evaluation: EvaluationSettings
    first_release: Literal["approval", "base"]
    """With no champion to compare to: leave it to the person who approves, or compare with the base model."""
    approval: Literal["first", "every"] = "first"
    """Which releases wait for a person."""
    rules: str | None = None
    """Digest of the policy as its file has it, which a person approves; None of protocols that no policy made."""
    sample: bool = False
    """The data are those of data/sample: then the policy needs no approval."""
    split: Literal["validation", "test"] = "test"
    """On which records. On the validation split a candidate is only screened, before anybody looks at the test split:
    gates then go by estimates, and do not ask whether an interval proves them."""

    @property
    def screens(self) -> bool:
        """Whether it only says which candidates are worth a look."""
        return self.split == "validation"

    @property
    def screening(self) -> Protocol:
        """The same gates on the validation split."""
        return replace(self, split="validation", gates=tuple(gate for gate in self.gates if gate.screens))

    def plain(self) -> dict[str, Any]:
        """As JSON, with the digest of the code that defines the metrics and the gates."""
        return {
            "task": self.task,
            "policy": self.policy,
            "gates": [gate.plain() for gate in self.gates],
            "evaluation": self.evaluation.plain(),
            "first_release": self.first_release,
            "approval": self.approval,
            "policy_rules": self.rules,
            "sample": self.sample,
            "split": self.split,
            "definitions": code_of(*self.modules()),
        }

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return digest_data(self.plain())

    def asks_person(self, *, first: bool) -> bool:
        """Whether a version that passed waits for a person; `first`: the model has no champion."""
        return self.approval == "every" or (first and self.first_release == "approval")

    def check(self, evaluation: Evaluation, called: str) -> None:
        """See that an evaluation was made as the protocol asks.

        Raises:
            NotJudgeable: it is of another split, or was made under other settings.
        """
        if evaluation.split != self.split:
            raise NotJudgeable(f"{called} was judged on the {evaluation.split} split")
        if evaluation.settings != self.evaluation:
            raise NotJudgeable(f"{called} was judged under other settings than the protocol's")

    def rivals(self) -> list[str]:
        """Names of the evaluations that its gates need among `Evidence.others`, sorted."""
        return sorted({name for gate in self.gates for name in gate.rivals})

    def modules(self) -> list[str]:
        """The modules whose code decides a verdict: judging, the kinds of these gates, the metrics of the task."""
        kinds = sorted({type(gate).__module__ for gate in self.gates})
        return ["tasks.evaluation.judge", *kinds, *metric_modules(DATASET_TASK[self.task])]


@cache
def gate_kinds() -> Mapping[str, type[Gate]]:
    """Every kind of gate by name: the `Gate` in each file of `gates/`, sorted."""
    import tasks.evaluation.gates as package

    found = {get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in kinds_in(package, Gate)}
    return dict(sorted(found.items()))

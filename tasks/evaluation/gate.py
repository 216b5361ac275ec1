"""What a gate is, and the protocol that fixes a set of them before training.

Each kind of gate lives in one file of `gates/`, found by the kind that it names; nothing else lists them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import ConfigDict, Field

from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.gates import GateEntry
from tasks.config.words import DATASET_TASK, DatasetTask, Task
from tasks.digest import digest_data
from tasks.errors import NotJudgeable
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.metric import metric_modules
from tasks.evaluation.slices import metrics_in, slice_keys
from tasks.plugins import kinds_in

Outcome = Literal["passed", "failed", "not-judged", "not-applicable"]
"""not-judged counts as failed. not-applicable: only the champion's gate, only on a first release that a person
approves; it counts for nothing."""
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

    def plain(self) -> dict[str, Any]:
        """As JSON; what is `asked` stands in the reason."""
        return {name: value for name, value in vars(self).items() if name != "asked"}


def number(value: float | None) -> str:
    """A number in a reason."""
    return "?" if value is None else f"{value:.4g}"


class Gate(GateEntry):
    """One named condition on a trained model. A kind adds its own settings, and narrows `kind` to what it is called."""

    model_config = ConfigDict(extra="forbid")

    always: ClassVar[bool] = False
    """Whether every run can be judged by it: a policy needs one such gate, as others may have no rival."""
    asks_served: ClassVar[bool] = False
    """Whether it looks at what the served form says (`Evidence.served`), which is asked for it."""
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

    def faults(self, task: DatasetTask) -> list[Fault]:
        """What is wrong with it for records of a task."""
        return []

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

    about: ClassVar[tuple[str, ...]] = ("metric", "slice")

    def whole(self) -> str:
        """What a reason says of a gate that looks at the interval."""
        return " (whole interval)" if self.significant else ""

    @property
    def pattern(self) -> str | None:
        """As for every gate."""
        return self.slice

    def faults(self, task: DatasetTask) -> list[Fault]:
        """The slice, or the metric in it, is unknown."""
        found = []
        if self.slice is not None:
            key, _, value = self.slice.partition("=")
            if key not in slice_keys(task) or not value:
                known = ", ".join(slice_keys(task))
                found.append(("slice", f"{self.slice!r} is not KEY=VALUE or KEY=* with KEY one of {known}"))
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

    def plain(self) -> dict[str, Any]:
        """As JSON, with the digest of the code that defines the metrics and the gates."""
        return {
            "task": self.task,
            "policy": self.policy,
            "gates": [gate.plain() for gate in self.gates],
            "evaluation": self.evaluation.plain(),
            "first_release": self.first_release,
            "approval": self.approval,
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
        if evaluation.split != "test":
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

"""What gates look at: the candidate's evaluation, and whatever it is compared with, each by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from math import ceil
from typing import Any, get_type_hints

from tasks.errors import InputError, NotJudgeable
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.measured import Resources
from tasks.evaluation.slices import Scores


@dataclass(frozen=True)
class Losses:
    """How a training ended, in nats per target, as its artifact says; None where it does not say."""

    train_loss: float | None = None
    validation_loss: float | None = None


@dataclass(frozen=True)
class Change:
    """A number about the base, and the same about what was trained from it."""

    measure: str
    """What the number is, in words."""
    before: float
    after: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before

    def plain(self) -> dict[str, str | float]:
        """As JSON."""
        return {"measure": self.measure, "before": self.before, "after": self.after, "change": self.change}


@dataclass(frozen=True)
class Way:
    """One way in which a served model is asked, and where it said something else than was judged."""

    name: str
    differing: tuple[int, ...]
    """Rows of the evaluation, from 0."""
    error: str | None = None
    """What it raised instead of answering: the kind of the error, never its text."""


@dataclass(frozen=True)
class AsServed:
    """What a served form says to raw test texts, beside what was judged."""

    artifact: str
    """Digest of the bytes that were tried."""
    records: int
    """How many texts."""
    ways: tuple[Way, ...]


ARRIVED = "arrived"
"""The slices of test records that nobody can have been selected on: `arrived=since-champion`, ..."""
SINCE = ("since-champion", "since-anchor")


@dataclass(frozen=True)
class Looks:
    """How often the groups of the candidate's test split were looked at since the anchor was set.

    A look that saw only some of these groups counts for their share of them.
    """

    used: float
    """Earlier looks; the candidate's own is not counted."""
    groups: int
    """In the test split."""
    adaptive: bool = False
    """A person changed the recipe, the data's settings, the policy or the base since the anchor: whoever saw reports
    may have chosen what suits this test split."""

    def missing(self, looks: int, cost: int) -> int:
        """How many fresh groups the test split needs before one more look, at `cost`, is within a budget."""
        left = looks - cost
        return 0 if self.used <= left else ceil(self.groups * (self.used / left - 1)) if left > 0 else 0


@dataclass(frozen=True)
class Evidence:
    """Everything that is known about a candidate when it is judged. What is not there cannot be judged by."""

    candidate: Evaluation
    """Of the model to judge."""
    base: Evaluation | None = None
    """Of the base model that it started from."""
    champion: Evaluation | None = None
    """Of the present champion's served form on the same test split."""
    parent: Evaluation | None = None
    """Of the form that this one was made from."""
    anchor: Evaluation | None = None
    """Of the anchor's served form on the same test split: the last release that a person approved."""
    looks: Looks | None = None
    """How often the test split was looked at, also where the candidate is only screened."""
    arrived: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Groups of the test split that nobody can have been selected on, by what they arrived since: `since-champion`,
    `since-anchor`, `since-setup`."""
    others: Mapping[str, Evaluation] = field(default_factory=dict)
    """Of more rivals, or of the candidate on other data, by name."""
    changes: Mapping[str, Change] = field(default_factory=dict)
    """What training did to the model elsewhere, by name: `forgetting`, `transfer`."""
    served: AsServed | None = None
    """What the candidate says as it is served; only served forms are asked."""
    losses: Losses = Losses()
    altered: Mapping[str, Evaluation] = field(default_factory=dict)
    """Of the candidate on records that were changed without changing the answer, by what changed them (`Probe`)."""
    unaltered: frozenset[str] = frozenset()
    """The probes that change no record of this test split."""
    resources: Resources | None = None
    """What the candidate and the champion need, where a gate asks."""
    first_release: bool = False
    """The ledger knows no champion."""

    @property
    def beside(self) -> dict[str, Evaluation]:
        """All other evaluations that a gate may look at, by name."""
        named = {"base": self.base, "champion": self.champion, "anchor": self.anchor, "parent": self.parent}
        return {name: one for name, one in named.items() if one is not None} | dict(self.others)

    @property
    def every(self) -> list[Evaluation]:
        """All evaluations that a gate may look at, the candidate's own first."""
        return [self.candidate, *self.beside.values(), *self.altered.values()]

    def plain(self) -> dict[str, Any]:
        """As JSON: evaluations by their digests, all else as it is."""
        return {name: as_json(getattr(self, name)) for name in get_type_hints(Evidence)}

    @classmethod
    def of(cls, plain: Mapping[str, Any], evaluations: Mapping[str, Evaluation]) -> Evidence:
        """From JSON, and the evaluations that it names by their digests.

        Raises:
            InputError: it holds what this code does not know.
            KeyError: an evaluation is not among those given.
            ValueError: something is not as evidence has it.
        """
        from pydantic import TypeAdapter

        hints = get_type_hints(Evidence)
        if strange := sorted(plain.keys() - hints.keys()):
            raise InputError("this evidence holds what is not known here", value=strange[0], hint="use a later Galen")
        found: dict[str, Any] = {}
        for name, value in plain.items():
            if hints[name] in (Evaluation, Evaluation | None):
                found[name] = None if value is None else evaluations[value]
            elif hints[name] == Mapping[str, Evaluation]:
                found[name] = {one: evaluations[digest] for one, digest in value.items()}
            else:
                found[name] = TypeAdapter(hints[name]).validate_python(value)
        return cls(**found)

    def part(self, evaluation: Evaluation, slice_: str | None) -> tuple[Scores, str | None]:
        """The scores that a slice of an evaluation is about, and the slice of these scores: None for all of them.

        Raises:
            NotJudgeable: nobody knows which records arrived since then, or none did.
        """
        key, _, since = (slice_ or "").partition("=")
        if key != ARRIVED:
            return evaluation.scores(), slice_
        if not self.arrived.get(since):
            raise NotJudgeable(f"no test record arrived {since.replace('-', ' the ')}")
        return evaluation.scores().only(self.arrived[since]), None

    def the_base(self) -> Evaluation:
        """The evaluation of the base model.

        Raises:
            NotJudgeable: it is not there, or of another base than the candidate's.
        """
        if self.base is None:
            raise NotJudgeable("there is no evaluation of the base model")
        if self.base.model_digest != self.candidate.base:
            raise NotJudgeable("the evaluation given is not of the base model that this one started from")
        return self.base

    def the_parent(self) -> Evaluation:
        """The evaluation of the form that the candidate was made from.

        Raises:
            NotJudgeable: it is not there, or of another form.
        """
        if self.parent is None:
            raise NotJudgeable("there is no evaluation of the form that this one was made from")
        if self.parent.model_digest != self.candidate.parent:
            raise NotJudgeable("the evaluation given is not of the form that this one was made from")
        return self.parent

    def other(self, name: str) -> Evaluation:
        """An evaluation by name.

        Raises:
            NotJudgeable: it is not there.
        """
        if name not in self.others:
            raise NotJudgeable("there is no such evaluation", value=name)
        return self.others[name]

    def change(self, name: str) -> Change:
        """A change by name.

        Raises:
            NotJudgeable: it is not there.
        """
        if name not in self.changes:
            raise NotJudgeable("this was not measured", value=name)
        return self.changes[name]


def as_json(value: Any) -> Any:
    """What evidence holds as JSON: an evaluation by its digest, a set sorted, a number that is none as a word."""
    if isinstance(value, Evaluation):
        return value.digest
    if isinstance(value, Mapping):
        return {str(name): as_json(one) for name, one in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(as_json(one) for one in value)
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if is_dataclass(value):
        return {name: as_json(one) for name, one in vars(value).items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

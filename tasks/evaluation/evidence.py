"""What gates look at: the candidate's evaluation, and whatever it is compared with, each by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.errors import NotJudgeable
from tasks.evaluation.evaluation import Evaluation


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
    others: Mapping[str, Evaluation] = field(default_factory=dict)
    """Of more rivals, or of the candidate on other data, by name."""
    changes: Mapping[str, Change] = field(default_factory=dict)
    """What training did to the model elsewhere, by name: `forgetting`, `transfer`."""
    served: AsServed | None = None
    """What the candidate says as it is served; only served forms are asked."""
    losses: Losses = Losses()
    first_release: bool = False
    """The ledger knows no champion."""

    @property
    def beside(self) -> dict[str, Evaluation]:
        """All other evaluations that a gate may look at, by name."""
        named = {"base": self.base, "champion": self.champion, "parent": self.parent}
        return {name: one for name, one in named.items() if one is not None} | dict(self.others)

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

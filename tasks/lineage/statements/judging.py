"""What is stated about measuring and judging."""

from __future__ import annotations

from typing import Literal

from tasks.config.words import Name
from tasks.lineage.statements.statement import Digest, Number, OpenFacts, Statement
from tasks.meta.form import Form, FormOrBase
from tasks.meta.record import Record

Role = Literal["candidate", "base", "champion"]
"""Whose measurement: a form of the candidate's, or one to compare it to."""


class EstimateFacts(Record):
    """A value and its confidence interval."""

    value: Number
    low: Number
    high: Number


class SliceFacts(Record):
    """Metrics over a part of the records."""

    records: int
    groups: int
    metrics: dict[str, EstimateFacts]


class SettingsFacts(OpenFacts):
    """What was asked of an evaluation."""

    confidence: float


class Evaluated(Statement):
    """A model was measured on a sealed split (Annex IV 2(g), 3, 4)."""

    kind = "evaluated"
    identity = ("model", "role", "artifact", "evaluation")
    model: Name
    role: Role
    form: FormOrBase
    artifact: Digest
    evaluation: Digest
    dataset: Digest
    split: str
    test: Digest
    """SHA-256 of the split's file."""
    predictions: Digest
    settings: SettingsFacts
    records: int
    groups: int
    cut: int
    """Records that the model could not read, or be scored on, in full; they count all the same."""
    metrics: dict[str, EstimateFacts]
    """Overall, with confidence intervals clustered by group."""
    slices: dict[str, SliceFacts]
    """The same per slice, with its records and groups."""


class GateFacts(Record):
    """One gate's answer."""

    name: str
    slice: str | None
    outcome: Literal["passed", "failed", "not-judged", "not-applicable"]
    reason: str
    value: Number = None
    limit: Number = None


class Judgement(Statement):
    """All gates answered about one artifact: the decision."""

    kind = "judged"
    model: Name
    form: Form
    artifact: Digest
    verdict: Literal["passed", "failed"]
    gates: list[GateFacts]
    evaluation: Digest
    protocol: Digest
    policy: str
    dataset: Digest


class JudgementBeside(Judgement):
    """A decision that also names all measurements that its gates looked at."""

    kind = "judged"
    shape = 2
    beside: dict[str, Digest]
    """The evaluations of base, champion, parent form and rivals, by what the gates call them."""

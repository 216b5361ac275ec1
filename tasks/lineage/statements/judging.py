"""What is stated about measuring and judging."""

from __future__ import annotations

from typing import Literal

from tasks.config.words import Name
from tasks.lineage.statements.statement import Digest, Number, OpenFacts, Statement
from tasks.meta.form import Form, FormOrBase
from tasks.meta.record import Record

Role = Literal["candidate", "base", "champion", "anchor"]
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
    outcome: Literal["passed", "failed", "not-judged", "not-applicable", "reported"]
    reason: str
    value: Number = None
    limit: Number = None


class GatesAnswered(Statement):
    """All gates answered about one artifact."""

    model: Name
    form: Form
    artifact: Digest
    verdict: Literal["passed", "failed"]
    gates: list[GateFacts]
    evaluation: Digest
    protocol: Digest
    policy: str
    dataset: Digest


class Judgement(GatesAnswered):
    """All gates answered about one artifact on the test split: the decision."""

    kind = "judged"


class JudgementBeside(Judgement):
    """A decision that also names all measurements that its gates looked at."""

    kind = "judged"
    shape = 2
    beside: dict[str, Digest]
    """The evaluations of base, champion, parent form and rivals, by what the gates call them."""


class Screened(GatesAnswered):
    """All gates answered about one artifact on the validation split, before anybody looked at the test split. It is no
    decision to release: failed, it says why nobody looked."""

    kind = "screened"
    beside: dict[str, Digest]
    """As of a decision."""


class JudgementSealed(JudgementBeside):
    """A decision that also names what it was computed from."""

    kind = "judged"
    shape = 3
    evidence: Digest
    """The sealed protocol, scores and verdict, from which the verdict can be computed again."""


class ScreenedSealed(Screened):
    """Answers on the validation split that also name what they were computed from."""

    kind = "screened"
    shape = 2
    evidence: Digest
    """As of a decision."""


class Looked(Statement):
    """The test split was used to judge one candidate, by whose scores someone or something can act."""

    kind = "looked"
    identity = ("model", "purpose", "artifact", "test", "setup")
    model: Name
    purpose: Literal["retrain", "compare", "evaluate"]
    artifact: Digest
    """What training made: its other forms are the same candidate."""
    dataset: Digest
    dataset_name: Name
    test: Digest
    """SHA-256 of the test split's file."""
    groups: int
    """In the test split."""
    setup: Digest
    """Of what a person chooses: recipe, data settings, policy, base. Not of the data themselves, nor of the code."""

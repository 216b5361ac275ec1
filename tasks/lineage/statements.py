"""What each kind of event states; `recording.py` has one function per kind that fills it in and records it.

A statement is checked when it is written; to be read, an event only has to verify, so old events stay readable when
a statement grows. No statement holds the content of a record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tasks.config.words import DatasetTask, Name, Task
from tasks.home import shown
from tasks.lineage.event import Event, Origin
from tasks.lineage.ledger import append, events
from tasks.lineage.overlap import Overlap
from tasks.store import Store


def _recordable(data: Any) -> Any:
    """Plain data as canonical JSON can hold it: a number that is not finite becomes None, "there is no such value"."""
    if isinstance(data, Mapping):
        return {str(key): _recordable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_recordable(value) for value in data]
    if isinstance(data, Path):
        return shown(data)
    return None if isinstance(data, float) and not math.isfinite(data) else data


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Plain = Annotated[dict[str, Any], BeforeValidator(_recordable)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Form = Literal["adapter", "merged", "quantized"]


class Statement(BaseModel):
    """The base of every statement: frozen, and nothing that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    kind: ClassVar[str]
    identity: ClassVar[tuple[str, ...]] = ()
    """Facts that make two statements the same one: a run that goes on after an interruption does not repeat it.
    Empty for decisions: each is recorded."""

    def record(self, store: Store, subjects: Mapping[str, str], origin: Origin | None) -> Event:
        """Append this to the ledger, unless it says this already; then the event that does is returned."""
        facts = self.model_dump(mode="json")
        if self.identity:
            for event in reversed(events(store, self.kind)):
                if all(event.facts.get(name) == facts[name] for name in self.identity):
                    return event
        return append(store, self.kind, subjects, facts, origin)


class SplitFacts(BaseModel):
    """One split: SHA-256 of its file, how many records and groups."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    digest: Digest
    records: int
    groups: int


class DatasetSealed(Statement):
    """A dataset version was sealed (Annex IV 2(d); GMLP 3-5; 45 CFR 164.514(b))."""

    kind = "dataset-sealed"
    identity = ("name", "dataset")
    name: Name
    dataset: Digest
    task: DatasetTask
    labels: list[str]
    source: Plain
    """Digest, format, encoding and rows of what was ingested."""
    licence: str
    identified: bool
    """Whether the source may name people; then `record_id` and `group_id` are keyed HMACs."""
    deidentification: Plain
    """The method, and how many identifiers of each type became placeholders."""
    config: Plain
    """The dataset's entry of params.yaml."""
    splits: dict[str, SplitFacts]
    slices: Plain
    rejected: dict[str, int]
    """Rows turned away, per reason."""
    augmentation: dict[str, int]
    """Derived records, per kind; each names its parents in the membership table."""
    membership: Digest
    overlap: Overlap
    """Counted again from the sealed splits."""
    validation: Plain
    """Digest of the suite, result, library version."""
    pipeline: Digest | None
    """Digest of the kept dvc.yaml, params.yaml and dvc.lock; None where the version was not built by DVC."""


class ProtocolFixed(Statement):
    """A run fixed how its model will be judged; recorded before it trains (Annex IV 2(g), 3)."""

    kind = "protocol-fixed"
    model: Name
    recipe: Digest
    settings: Plain
    """The recipe itself."""
    protocol: Digest
    rules: Plain
    """What the protocol's digest is of: gates, thresholds, evaluation settings, digests of the metrics' code."""
    dataset: Digest
    inputs: Digest
    """Of everything that decides what the run trains and how it is judged: the same again, and nothing is to do."""


class ModelTrained(Statement):
    """A model was trained (Annex IV 2(a)-(c); IEC 62304 8)."""

    kind = "model-trained"
    identity = ("model", "artifact", "dataset", "recipe", "protocol")
    model: Name
    intended_use: str
    form: Form
    artifact: Digest
    dataset: Digest
    dataset_name: str
    learned_from: Digest
    """SHA-256 of the train split."""
    selected_on: Digest
    """SHA-256 of the validation split: early stopping and the choice of weights looked at it."""
    base: Plain
    """Digest and reference of the weights that training started from."""
    task: Task
    method: Plain
    hyperparameters: Plain
    seed: int
    policy: str
    recipe: Digest
    protocol: Digest
    """As the event `protocol-fixed` has it."""
    lock: Digest
    """SHA-256 of requirements.lock."""
    hardware: Plain
    libraries: dict[str, str]
    training: Plain
    """Steps, tokens, losses."""
    mlflow_run: str | None
    seconds: Seconds


class ModelDerived(Statement):
    """A model was made from another one without data: merged or quantized (Annex IV 2(b))."""

    kind = "model-derived"
    identity = ("model", "artifact", "parent")
    model: Name
    step: Literal["merge", "quantize"]
    form: Form
    artifact: Digest
    parent: Digest
    base: Plain
    dataset: Digest
    config: Plain
    """The step's settings; a merge has none."""
    checks: Plain
    """What the step verified about its own output."""
    libraries: dict[str, str]
    seconds: Seconds


class Evaluated(Statement):
    """A model was measured on a sealed split (Annex IV 2(g), 3, 4)."""

    kind = "evaluated"
    identity = ("model", "role", "artifact", "evaluation")
    model: Name
    role: Literal["candidate", "base", "champion"]
    """Whose measurement: a form of the candidate, or one to compare it to."""
    form: Literal["adapter", "merged", "quantized", "base"]
    artifact: Digest
    evaluation: Digest
    dataset: Digest
    split: str
    test: Digest
    """SHA-256 of the split's file."""
    predictions: Digest
    settings: Plain
    records: int
    groups: int
    cut: int
    """Records that the model could not read, or be scored on, in full; they count all the same."""
    metrics: Plain
    """Overall, with confidence intervals clustered by group."""
    slices: Plain
    """The same per slice, with its records and groups."""


class GateFacts(BaseModel):
    """One gate's answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    slice: str | None
    outcome: Literal["passed", "failed", "not-judged", "not-applicable"]
    reason: str
    value: Annotated[float | None, BeforeValidator(_recordable)] = None
    limit: Annotated[float | None, BeforeValidator(_recordable)] = None


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


class Registered(Statement):
    """A judged model became a version."""

    kind = "registered"
    model: Name
    version: Annotated[int, Field(ge=1)]
    artifact: Digest
    merged: Digest | None
    adapter: Digest | None
    dataset: Digest
    base: Plain
    judged: Digest
    """Digest of the event that passed it."""


class Approved(Statement):
    """A person decided that a version may be promoted (21 CFR 11.50: printed name, time and meaning)."""

    kind = "approved"
    model: Name
    version: Annotated[int, Field(ge=1)]
    artifact: Digest
    registered: Digest
    """Digest of the event that registered it."""
    name: Annotated[str, Field(min_length=1)]
    """Printed name, as the person gave it."""
    meaning: Literal["approved for promotion"]
    reason: Annotated[str, Field(min_length=1)]


class Holder(BaseModel):
    """A version and its artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Annotated[int, Field(ge=1)]
    artifact: Digest


class Promoted(Statement):
    """A version became champion."""

    kind = "promoted"
    model: Name
    version: Annotated[int, Field(ge=1)]
    artifact: Digest
    previous: Holder | None
    """The champion before it."""
    registered: Digest
    """Digest of the event that registered it."""
    approved: Digest | None
    """Digest of the event by which a person allowed it; None where the policy asks for no person."""


class NothingToDo(Statement):
    """A run found nothing changed since the last decision, and trained nothing."""

    kind = "nothing-to-do"
    model: Name
    recipe: Digest
    inputs: Digest
    """Digest of everything that the run depends on."""
    reason: str
    decided: Digest | None
    """Digest of the event that decided about these inputs before."""

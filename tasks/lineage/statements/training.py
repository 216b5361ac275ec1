"""What is stated about training, and about the steps that make other forms."""

from __future__ import annotations

from typing import Literal

from tasks.config.words import Name, Task
from tasks.lineage.statements.statement import Digest, OpenFacts, Plain, Seconds, Statement
from tasks.meta.form import Form
from tasks.meta.record import Record


class BaseFacts(Record):
    """A base model: its digest, and how the recipe named it."""

    digest: Digest
    ref: Plain


class MethodFacts(OpenFacts):
    """A method and its options."""

    name: str


class RecipeFacts(OpenFacts):
    """A recipe."""

    intended_use: str


class ProtocolFixed(Statement):
    """A run fixed how its model will be judged; recorded before it trains (Annex IV 2(g), 3)."""

    kind = "protocol-fixed"
    model: Name
    recipe: Digest
    settings: RecipeFacts
    """The recipe itself."""
    protocol: Digest
    rules: Plain
    """What the protocol's digest is of: gates, thresholds, evaluation settings, digests of the metrics' code."""
    dataset: Digest
    inputs: Digest
    """Of everything that decides what the run trains and how it is judged: the same again, and nothing is to do."""


class ModelMade(Statement):
    """What is stated about a model, whether it was trained or made from another one."""

    model: Name
    form: Form
    artifact: Digest
    base: BaseFacts
    """The weights that training started from."""
    dataset: Digest
    libraries: dict[str, str]
    seconds: Seconds


class ModelTrained(ModelMade):
    """A model was trained (Annex IV 2(a)-(c); IEC 62304 8)."""

    kind = "model-trained"
    identity = ("model", "artifact", "dataset", "recipe", "protocol")
    intended_use: str
    dataset_name: str
    learned_from: Digest
    """SHA-256 of the train split."""
    selected_on: Digest
    """SHA-256 of the validation split: early stopping and the choice of weights looked at it."""
    task: Task
    method: MethodFacts
    hyperparameters: Plain
    seed: int
    policy: str
    recipe: Digest
    protocol: Digest
    """As the event `protocol-fixed` has it."""
    lock: Digest
    """SHA-256 of requirements.lock."""
    hardware: Plain
    training: Plain
    """Steps, tokens, losses."""
    mlflow_run: str | None


class ModelDerived(ModelMade):
    """A model was made from another one without data: merged or quantized (Annex IV 2(b))."""

    kind = "model-derived"
    identity = ("model", "artifact", "parent")
    step: Literal["merge", "quantize"]
    parent: Digest
    config: Plain
    """The step's settings; a merge has none."""
    checks: Plain
    """What the step verified about its own output."""

"""What a run depends on, as one digest; and what was decided about it before. Needs neither Prefect nor torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tasks.artifact import write_atomically
from tasks.code import code_of
from tasks.config.training import BaseModelRef
from tasks.config.words import DATASET_TASK
from tasks.data.params import one_dataset
from tasks.data.sources import inputs_digest
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.errors import InputError, IntegrityError
from tasks.evaluation.gate import Protocol
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import RegisteredVersion, roles
from tasks.lineage.statements import (
    Confirmed,
    GatesAnswered,
    Promoted,
    ProtocolFixed,
    Recalled,
    RolledBack,
    Screened,
    statements,
)
from tasks.lineage.waiting import waits_for
from tasks.store import Store
from tasks.training.method import method_of
from tasks.training.objectives import objective_module
from tasks.training.recipe import Recipe


def inputs_of(store: Store, recipe: Recipe, protocol: Protocol) -> str:
    """Digest of everything that decides what a run trains and how it is judged: data, base, recipe, gates, code.

    The schedule does not count, nor does the champion: its promotion is a result of the run.
    """
    declared = recipe.plain()
    declared.pop("schedule")
    return digest_data(
        {
            "recipe": declared,
            "protocol": protocol.digest,
            "dataset": inputs_digest(store, recipe.dataset),
            "base": base_identity(store, recipe.base_model),
            "code": deciding_code(recipe),
        }
    )


def deciding_code(recipe: Recipe) -> str:
    """Digest of the code that decides how a run ends: the flow and all that it calls, the recipe's method and task.

    The data's stages count with the dataset; gates and metrics with the protocol.
    """
    return code_of("flows.retrain", method_of(recipe.method).module, objective_module(recipe.task))


def check_dataset(recipe: Recipe) -> None:
    """See that a recipe's dataset is declared, for its task, and to learn from.

    Raises:
        InputError, ConfigError: it is not there, something of it is wrong, it is for another task, or a test set alone.
    """
    dataset = one_dataset(recipe.dataset)
    if dataset.task != DATASET_TASK[recipe.task]:
        hint = f"dataset {recipe.dataset} is for {dataset.task}: change one of the two"
        raise InputError("the recipe and its dataset disagree about the task", value=recipe.task, hint=hint)
    if dataset.split.test_alone:
        hint = f"galen evaluate MODEL --data {recipe.dataset} judges models on it"
        raise InputError("this dataset is a test set alone: nothing learns from it", value=recipe.dataset, hint=hint)


def base_identity(store: Store, ref: BaseModelRef) -> str | Mapping[str, object]:
    """What decides the bytes of a base: its digest, or for one that is made here what it is made from."""
    if ref.base:
        from tasks.training.named_base import base_inputs

        return base_inputs(ref.base)
    from tasks.training.resolve import resolve_base

    return resolve_base(store, ref).digest


def remember_dataset(store: Store, name: str, version: DatasetVersion) -> None:
    """Note which version a dataset's present inputs lead to, for plans."""
    write_atomically(_known(store, inputs_digest(store, name)), version.digest.encode())


def known_dataset(store: Store, name: str) -> DatasetVersion | None:
    """The version that the dataset's present inputs led to before, if it is here and whole. For plans alone: the note
    that names it is signed by nobody.
    """
    try:
        digest = _known(store, inputs_digest(store, name)).read_text()
        return DatasetVersion(store.load(digest)) if store.has(digest) else None
    except (FileNotFoundError, UnicodeDecodeError, IntegrityError):
        return None


def _known(store: Store, inputs: str) -> Path:
    return store.root / "index" / "dataset-inputs" / inputs


RELEASES = (Promoted.kind, Confirmed.kind, RolledBack.kind, Recalled.kind)
"""Events after which a candidate is measured against something else."""


@dataclass(frozen=True)
class Decision:
    """How the last run of a model ended."""

    outcome: Literal["promoted", "rejected", "waiting"]
    event: Event
    text: str
    version: int | None = None
    """Number of the version that it led to; None for a rejection by a gate."""
    hint: str | None = None
    """What a person would type, of one that waits."""
    rests_on: tuple[str, ...] = ()
    """Digests of the dataset and of the form that was decided about, then of all else that is kept of it."""


def decided_before(store: Store, model: str, inputs: str, protocol: Protocol) -> Decision | None:
    """The decision of the model's last run, if that run had the same inputs and came to one.

    Only the last run counts: data that went back to an older state is a change. So is, for what was rejected, another
    champion or anchor: it is judged again, without training.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    history, known = events(store, model=model), roles(store, model)
    last = next((event for event in reversed(history) if event.kind == ProtocolFixed.kind), None)
    if last is None or ProtocolFixed.read(last).inputs != inputs:
        return None
    released = max((event.sequence for event in history if event.kind in RELEASES), default=0)
    for event, judged in statements(GatesAnswered, reversed(history)):
        if event.run != last.run or (event.kind == Screened.kind and judged.verdict == "passed"):
            continue
        rests_on = (judged.dataset, judged.artifact, judged.evaluation)
        if judged.verdict == "failed":
            if released > event.sequence:  # it was measured against other releases than there are now
                return None
            return Decision("rejected", event, f"the {judged.form} model was rejected", rests_on=rests_on)
        newest = known.versions[-1] if known.versions else None
        if newest and newest.artifact == judged.artifact:  # this run registered it, or an earlier one the same bytes
            found = _of_version(store, newest, protocol)
            return found and replace(found, rests_on=(*rests_on, *newest.forms, newest.base))
    return None


def damage(store: Store, decision: Decision) -> str | None:
    """What is damaged of the artifacts that a decision rests on, in words; None where nothing is.

    A run with nothing to do asks this: what was not touched since it was last hashed is not hashed again.
    Forms on the way that are gone were cleaned up; the dataset and what was decided about must be here.
    """
    for place, digest in enumerate(decision.rests_on):
        if place < 2 or store.has(digest):
            try:
                store.check(digest)
            except IntegrityError as error:
                return error.what
    return None


def _of_version(store: Store, version: RegisteredVersion, protocol: Protocol) -> Decision | None:
    """What a run decided that led to a model's newest version; nothing where it was stopped before its promotion.

    Args:
        store: where everything is kept.
        version: the newest version.
        protocol: by which it was judged.
    """
    if version.withdrawn:
        text = f"version {version.number} passed its gates, and was {version.withdrawal}"
        return Decision("rejected", version.withdrawn, text, version.number)
    if version.promoted:
        return Decision("promoted", version.promoted, f"version {version.number} was promoted", version.number)
    if (waiting := waits_for(store, version, protocol)) is None:
        return None
    return Decision("waiting", version.registered, waiting.what, version.number, hint=waiting.hint)

"""What a run depends on, as one digest; and what was decided about it before. Needs neither Prefect nor torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.artifact import artifacts, load, write_atomically
from tasks.config.training import BaseModelRef
from tasks.data.sources import inputs_digest
from tasks.data.version import DatasetVersion
from tasks.digest import code_digest, digest_data
from tasks.evaluation.gate import Protocol
from tasks.home import home
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import roles
from tasks.store import Store
from tasks.training.recipe import Recipe


def inputs_of(recipe: Recipe, protocol: Protocol) -> str:
    """Digest of everything that decides what a run trains and how it is judged: data, base, recipe, gates, code.

    The schedule does not count, nor does the champion: its promotion is a result of the run.
    """
    declared = recipe.plain()
    declared.pop("schedule")
    return digest_data(
        {
            "recipe": declared,
            "protocol": protocol.digest,
            "dataset": inputs_digest(Store(home()), recipe.dataset),
            "base": base_identity(recipe.base_model),
            "code": code_digest(),
        }
    )


def base_identity(ref: BaseModelRef) -> Any:
    """What decides the bytes of a base: its digest, or for one that is made here what it is made from."""
    if ref.base:
        from tasks.training.named_base import base_inputs

        return base_inputs(ref.base)
    from tasks.training.resolve import resolve_base

    return resolve_base(ref).digest


def remember_dataset(name: str, version: DatasetVersion) -> None:
    """Note which version a dataset's present inputs lead to, for plans."""
    write_atomically(_known(inputs_digest(Store(home()), name)), version.digest.encode())


def known_dataset(name: str) -> DatasetVersion | None:
    """The version that the dataset's present inputs led to before, if it is here.

    Raises:
        IntegrityError: it does not match its digest.
    """
    try:
        digest = _known(inputs_digest(Store(home()), name)).read_text()
    except FileNotFoundError:
        return None
    return DatasetVersion(load(digest)) if (artifacts() / digest).is_dir() else None


def _known(inputs: str) -> Path:
    return home() / "index" / "dataset-inputs" / inputs


@dataclass(frozen=True)
class Decision:
    """How the last run of a model ended."""

    outcome: Literal["promoted", "rejected", "waiting"]
    event: Event
    text: str


def decided_before(model: str, inputs: str) -> Decision | None:
    """The decision of the model's last run, if that run had the same inputs and came to one.

    Only the last run counts: data that went back to an older state is a change.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    history = events(Store(home()), model=model)
    last = next((event for event in reversed(history) if event.kind == "protocol-fixed"), None)
    if last is None or last.facts["inputs"] != inputs:
        return None
    for event in reversed(history):
        if event.run != last.run:
            continue
        if event.kind == "registered":
            version = next(one for one in roles(Store(home()), model).versions if one.number == event.facts["version"])
            if version.promoted:
                return Decision("promoted", version.promoted, f"version {version.number} was promoted")
            return Decision("waiting", event, f"version {version.number} passed its gates and waits for approval")
        if event.kind == "judged" and event.facts["verdict"] == "failed":
            return Decision("rejected", event, f"the {event.facts['form']} model was rejected")
    return None

"""What a run depends on, as one digest; and what was decided about it before. Needs neither Prefect nor torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tasks.config import BaseModelRef, Recipe
from tasks.digest import code_digest, digest_data
from tasks.evaluation.policy import Protocol
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import roles


def inputs_of(recipe: Recipe, protocol: Protocol) -> str:
    """Digest of everything that decides what a run trains and how it is judged: data, base, recipe, gates, code.

    The schedule does not count, nor does the champion: its promotion is a result of the run.
    """
    from tasks.data.sources import inputs_digest

    declared = recipe.plain()
    declared.pop("schedule")
    return digest_data(
        {
            "recipe": declared,
            "protocol": protocol.digest,
            "dataset": inputs_digest(recipe.dataset),
            "base": base_identity(recipe.base_model),
            "code": code_digest(),
        }
    )


def base_identity(ref: BaseModelRef) -> Any:
    """What decides the bytes of a base: its digest, or for one that is made here what it is made from."""
    if ref.base:
        from tasks.training.named_base import base_inputs

        return base_inputs(ref.base)
    from tasks.training.models import resolve_base

    return resolve_base(ref).digest


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
    history = events(model=model)
    last = next((event for event in reversed(history) if event.kind == "protocol-fixed"), None)
    if last is None or last.facts["inputs"] != inputs:
        return None
    for event in reversed(history):
        if event.run != last.run:
            continue
        if event.kind == "registered":
            version = next(one for one in roles(model).versions if one.number == event.facts["version"])
            if version.promoted:
                return Decision("promoted", version.promoted, f"version {version.number} was promoted")
            return Decision("waiting", event, f"version {version.number} passed its gates and waits for approval")
        if event.kind == "judged" and event.facts["verdict"] == "failed":
            return Decision("rejected", event, f"the {event.facts['form']} model was rejected")
    return None

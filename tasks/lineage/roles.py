"""Which versions a model has and which roles they hold, from events and nothing else."""

from __future__ import annotations

from tasks.errors import InputError
from tasks.lineage.event import Event
from tasks.lineage.history import ANCHOR, ROLES, History, RegisteredVersion, Role, Roles, in_words
from tasks.lineage.ledger import events
from tasks.lineage.statements import Approved, GatesAnswered, Registered, statements
from tasks.store import Store

__all__ = [
    "ANCHOR",
    "ROLES",
    "RegisteredVersion",
    "Role",
    "Roles",
    "approval_of",
    "in_words",
    "models",
    "resolve",
    "roles",
]


def models(store: Store) -> list[str]:
    """Every model that has a version or was ever judged, sorted.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    history = events(store)
    judged = {said.model for _, said in statements(GatesAnswered, history)}
    return sorted(judged | {said.model for _, said in statements(Registered, history)})


def roles(store: Store, model: str) -> Roles:
    """Versions and roles of a model; none where it has no events.

    Raises:
        IntegrityError: the ledger does not verify, or its events contradict each other: a version that was not
            judged, a number given twice, a promotion of what was not registered.
    """
    found = History()
    for event in events(store, model=model):
        found.add(event)
    return found.roles(model)


def approval_of(store: Store, version: RegisteredVersion) -> Event | None:
    """The first approval that a person gave to a version, also where a kill came before its promotion.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    given = statements(Approved, events(store, model=version.model))
    return next((event for event, said in given if said.registered == version.registered.digest), None)


def resolve(store: Store, reference: str) -> RegisteredVersion:
    """The version that `MODEL@ROLE`, `MODEL@anchor` or `MODEL@NUMBER` names.

    Raises:
        InputError: no such model, version or role; the hint says what there is.
        IntegrityError: as `roles`.
    """
    model, at, wanted = reference.partition("@")
    if not (model and at and wanted):
        raise InputError("not a model reference", value=reference, hint="write MODEL@champion or MODEL@3")
    found = roles(store, model)
    if not found.versions:
        known = ", ".join(models(store)) or "none yet"
        raise InputError("no version of this model is registered", value=model, hint=f"models: {known}")
    if wanted in ROLES:
        holder = found.holders[wanted]
    elif wanted == ANCHOR:
        holder = found.anchor
    else:
        holder = next((version for version in found.versions if str(version.number) == wanted), None)
    if holder is None:
        numbers = ", ".join(str(version.number) for version in found.versions)
        raise InputError(f"{model} has no such version", value=wanted, hint=f"there are: {numbers}; {_held(found)}")
    return holder


def _held(found: Roles) -> str:
    held = [f"{role} is {version.number}" for version in found.versions for role in found.of(version)]
    return ", ".join(held) or "none holds a role"

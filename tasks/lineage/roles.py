"""Which versions a model has and which roles they hold, from events and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tasks.errors import InputError, IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.statements import Approved, Holder, Judgement, Promoted, Registered, statements
from tasks.store import Store

Role = Literal["champion", "previous", "candidate"]
ROLES: tuple[Role, ...] = ("champion", "previous", "candidate")


@dataclass(frozen=True)
class RegisteredVersion:
    """A registered version, with the events that made it one. `promoted` is the last event that made it champion."""

    model: str
    number: int
    artifact: str
    """Digest of the served form."""
    merged: str | None
    adapter: str | None
    dataset: str
    base: str
    """Digest of the base model."""
    judged: Event
    registered: Event
    approved: Event | None
    """A person's approval that the promotion rests on."""
    promoted: Event | None

    @property
    def forms(self) -> tuple[str, ...]:
        """Digests of the served form and of the forms that it was made from."""
        return tuple(digest for digest in (self.artifact, self.merged, self.adapter) if digest)


@dataclass(frozen=True)
class Roles:
    """The versions of one model, oldest first, and who holds which role.

    `candidate` is the newest version, where it was never promoted.
    """

    model: str
    versions: tuple[RegisteredVersion, ...]
    champion: RegisteredVersion | None
    previous: RegisteredVersion | None
    candidate: RegisteredVersion | None

    @property
    def holders(self) -> dict[Role, RegisteredVersion | None]:
        """Who holds each role."""
        return {"champion": self.champion, "previous": self.previous, "candidate": self.candidate}

    def of(self, version: RegisteredVersion) -> tuple[Role, ...]:
        """The roles that a version holds."""
        return tuple(role for role, holder in self.holders.items() if holder == version)


def models(store: Store) -> list[str]:
    """Every model that has a version or was ever judged, sorted.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    history = events(store)
    judged = {said.model for _, said in statements(Judgement, history)}
    return sorted(judged | {said.model for _, said in statements(Registered, history)})


def roles(store: Store, model: str) -> Roles:
    """Versions and roles of a model; none where it has no events.

    Raises:
        IntegrityError: the ledger does not verify, or its events contradict each other: a version that was not
            judged, a number given twice, a promotion of what was not registered.
    """
    decisions: dict[str, Event] = {}  # `judged` and `approved` events by digest
    versions: dict[int, RegisteredVersion] = {}
    reign: list[int] = []  # numbers of the champions, oldest first
    for event in events(store, model=model):
        if event.kind in (Judgement.kind, Approved.kind):
            decisions[event.digest] = event
        elif event.kind == Registered.kind:
            version = _registered(event, decisions, versions)
            versions[version.number] = version
        elif event.kind == Promoted.kind:
            version = _promoted(event, decisions, versions, reign)
            versions[version.number] = version
            reign.append(version.number)
    newest = max(versions.values(), key=lambda version: version.number, default=None)
    return Roles(
        model,
        tuple(versions[number] for number in sorted(versions)),
        versions[reign[-1]] if reign else None,
        versions[reign[-2]] if len(reign) > 1 else None,
        newest if newest and newest.promoted is None else None,
    )


def approval_of(store: Store, version: RegisteredVersion) -> Event | None:
    """The first approval that a person gave to a version, also where a kill came before its promotion.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    given = statements(Approved, events(store, model=version.model))
    return next((event for event, said in given if said.registered == version.registered.digest), None)


def resolve(store: Store, reference: str) -> RegisteredVersion:
    """The version that `MODEL@ROLE` or `MODEL@NUMBER` names.

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
    else:
        holder = next((version for version in found.versions if str(version.number) == wanted), None)
    if holder is None:
        numbers = ", ".join(str(version.number) for version in found.versions)
        raise InputError(f"{model} has no such version", value=wanted, hint=f"there are: {numbers}; {_held(found)}")
    return holder


def _held(found: Roles) -> str:
    held = [f"{role} is {version.number}" for version in found.versions for role in found.of(version)]
    return ", ".join(held) or "none holds a role"


def _registered(event: Event, decisions: dict[str, Event], versions: dict[int, RegisteredVersion]) -> RegisteredVersion:
    said = Registered.read(event)
    decision = decisions.get(said.judged)
    judged = Judgement.read(decision) if decision and decision.kind == Judgement.kind else None
    if decision is None or judged is None or judged.verdict != "passed":
        raise _contradiction(event, "registers what no earlier event passed")
    if judged.artifact != said.artifact:
        raise _contradiction(event, f"registers another artifact than event {decision.sequence} passed")
    if said.version != len(versions) + 1:
        raise _contradiction(event, f"registers version {said.version}, but {len(versions) + 1} comes next")
    return RegisteredVersion(
        said.model,
        said.version,
        said.artifact,
        said.merged,
        said.adapter,
        said.dataset,
        said.base.digest,
        judged=decision,
        registered=event,
        approved=None,
        promoted=None,
    )


def _promoted(
    event: Event, decisions: dict[str, Event], versions: dict[int, RegisteredVersion], reign: list[int]
) -> RegisteredVersion:
    said = Promoted.read(event)
    version = versions.get(said.version)
    if version is None or version.artifact != said.artifact or version.registered.digest != said.registered:
        raise _contradiction(event, "promotes what no earlier event registered")
    approval = decisions.get(said.approved) if said.approved else None
    if said.approved and (approval is None or not _approves(approval, said)):
        raise _contradiction(event, "names an approval that no earlier event gave to this version")
    before = versions[reign[-1]] if reign else None
    if said.previous != (before and Holder(version=before.number, artifact=before.artifact)):
        raise _contradiction(event, "names another champion before it than the events do")
    return replace(version, promoted=event, approved=approval)


def _approves(approval: Event, promoted: Promoted) -> bool:
    return approval.kind == Approved.kind and Approved.read(approval).registered == promoted.registered


def _contradiction(event: Event, fault: str) -> IntegrityError:
    return IntegrityError(f"event {event.sequence} {fault}", hint="the signer's code or key was misused")

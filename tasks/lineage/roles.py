"""Which versions a model has and which roles they hold, from events and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tasks.errors import InputError, IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.statements import (
    Approved,
    Holder,
    Judgement,
    PersonDecided,
    Promoted,
    Recalled,
    Registered,
    RolledBack,
    TurnedDown,
    statements,
)
from tasks.store import Store

Role = Literal["champion", "previous", "candidate"]
ROLES: tuple[Role, ...] = ("champion", "previous", "candidate")


@dataclass(frozen=True)
class RegisteredVersion:
    """A registered version, with the events that made it one, and those by which people withdrew it."""

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
    """The event that made it champion."""
    withdrawn: Event | None = None
    """By which a person turned it down, left it for an earlier champion, or recalled it: it is promoted no more."""

    @property
    def recalled(self) -> bool:
        """Whether nobody may use it any more."""
        return self.withdrawn is not None and self.withdrawn.kind == Recalled.kind

    @property
    def withdrawal(self) -> str | None:
        """Who withdrew it, how and why; None where nobody did."""
        return in_words(self.withdrawn) if self.withdrawn else None

    @property
    def forms(self) -> tuple[str, ...]:
        """Digests of the served form and of the forms that it was made from."""
        return tuple(digest for digest in (self.artifact, self.merged, self.adapter) if digest)


@dataclass(frozen=True)
class Roles:
    """The versions of one model, oldest first, and who holds which role.

    `candidate` is the newest version, where it was never promoted and nobody turned it down. There is no champion
    before the first promotion, and after the champion was recalled.
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
    found = _History()
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


def in_words(event: Event) -> str:
    """What a person decided: "recalled by Jo Doe: wrong doses"."""
    said = PersonDecided.read(event)
    how = {TurnedDown.kind: "turned down", RolledBack.kind: "left for an earlier champion"}.get(event.kind, event.kind)
    return f"{how} by {said.name}: {said.reason}"


class _History:
    """Versions and champions as the events of one model make them, one event after the other.

    Raises:
        IntegrityError: an event contradicts those before it.
    """

    def __init__(self) -> None:
        self.decisions: dict[str, Event] = {}  # `judged` and `approved` events by digest
        self.versions: dict[int, RegisteredVersion] = {}
        self.reign: list[int] = []  # numbers of the champions that one may go back to, oldest first
        self.vacant = False  # the champion was recalled

    @property
    def champion(self) -> RegisteredVersion | None:
        return self.versions[self.reign[-1]] if self.reign and not self.vacant else None

    def roles(self, model: str) -> Roles:
        newest = max(self.versions.values(), key=lambda version: version.number, default=None)
        waits = newest is not None and newest.promoted is None and newest.withdrawn is None
        before = self.reign if self.vacant else self.reign[:-1]
        return Roles(
            model,
            tuple(self.versions[number] for number in sorted(self.versions)),
            self.champion,
            self.versions[before[-1]] if before else None,
            newest if waits else None,
        )

    def add(self, event: Event) -> None:
        if event.kind in (Judgement.kind, Approved.kind):
            self.decisions[event.digest] = event
        elif event.kind == Registered.kind:
            self._put(self._registered(event))
        elif event.kind == Promoted.kind:
            version = self._promoted(event)
            self._put(version)
            self.reign.append(version.number)
            self.vacant = False
        elif event.kind == RolledBack.kind:
            self._rolled_back(event)
        elif event.kind in (TurnedDown.kind, Recalled.kind):
            self._withdrawn(event)

    def _put(self, version: RegisteredVersion) -> None:
        self.versions[version.number] = version

    def _registered(self, event: Event) -> RegisteredVersion:
        said = Registered.read(event)
        decision = self.decisions.get(said.judged)
        judged = Judgement.read(decision) if decision and decision.kind == Judgement.kind else None
        if decision is None or judged is None or judged.verdict != "passed":
            raise _contradiction(event, "registers what no earlier event passed")
        if judged.artifact != said.artifact:
            raise _contradiction(event, f"registers another artifact than event {decision.sequence} passed")
        if said.version != len(self.versions) + 1:
            raise _contradiction(event, f"registers version {said.version}, but {len(self.versions) + 1} comes next")
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

    def _promoted(self, event: Event) -> RegisteredVersion:
        said = Promoted.read(event)
        version = self._named(event, said, "promotes")
        if version.withdrawn:
            raise _contradiction(event, f"promotes what event {version.withdrawn.sequence} withdrew")
        approval = self.decisions.get(said.approved) if said.approved else None
        if said.approved and (approval is None or not _approves(approval, said)):
            raise _contradiction(event, "names an approval that no earlier event gave to this version")
        self._check_champion(event, said.previous)
        return replace(version, promoted=event, approved=approval)

    def _rolled_back(self, event: Event) -> None:
        said = RolledBack.read(event)
        version = self._named(event, said, "goes back to")
        self._check_champion(event, said.left)
        if version.number not in self.reign or version == self.champion:
            raise _contradiction(event, "goes back to what was no champion before, or still is")
        while self.reign[-1] != version.number:
            self._put(replace(self.versions[self.reign.pop()], withdrawn=event))
        self.vacant = False

    def _withdrawn(self, event: Event) -> None:
        said = PersonDecided.read(event)
        version = self._named(event, said, "withdraws")
        if event.kind == TurnedDown.kind and version.promoted:
            raise _contradiction(event, "turns down what was promoted")
        if version == self.champion:
            self.vacant = True
        self.reign = [number for number in self.reign if number != version.number]
        self._put(replace(version, withdrawn=event))

    def _named(self, event: Event, said: Promoted | PersonDecided, what: str) -> RegisteredVersion:
        version = self.versions.get(said.version)
        if version is None or version.artifact != said.artifact or version.registered.digest != said.registered:
            raise _contradiction(event, f"{what} what no earlier event registered")
        return version

    def _check_champion(self, event: Event, said: Holder | None) -> None:
        champion = self.champion
        if said != (champion and Holder(version=champion.number, artifact=champion.artifact)):
            raise _contradiction(event, "names another champion before it than the events do")


def _approves(approval: Event, promoted: Promoted) -> bool:
    return approval.kind == Approved.kind and Approved.read(approval).registered == promoted.registered


def _contradiction(event: Event, fault: str) -> IntegrityError:
    return IntegrityError(f"event {event.sequence} {fault}", hint="the signer's code or key was misused")

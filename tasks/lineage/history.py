"""The versions of one model and who holds which role, built from its events, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tasks.errors import IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.statements import (
    Approved,
    Confirmed,
    Holder,
    Judgement,
    PersonDecided,
    Promoted,
    Recalled,
    Registered,
    RolledBack,
    TurnedDown,
)

Role = Literal["champion", "previous", "candidate"]
ROLES: tuple[Role, ...] = ("champion", "previous", "candidate")
ANCHOR = "anchor"
"""What `MODEL@anchor` names."""


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
    anchor: RegisteredVersion | None = None
    """The last release that a person approved, else the first one: what later releases are measured against. Not a role
    of its own: a champion may be it."""
    anchored: Event | None = None
    """The event that made it the anchor."""

    @property
    def holders(self) -> dict[Role, RegisteredVersion | None]:
        """Who holds each role."""
        return {"champion": self.champion, "previous": self.previous, "candidate": self.candidate}

    def of(self, version: RegisteredVersion) -> tuple[Role, ...]:
        """The roles that a version holds."""
        return tuple(role for role, holder in self.holders.items() if holder == version)


def in_words(event: Event) -> str:
    """What a person decided: "recalled by Jo Doe: wrong doses"."""
    said = PersonDecided.read(event)
    how = {TurnedDown.kind: "turned down", RolledBack.kind: "left for an earlier champion"}.get(event.kind, event.kind)
    return f"{how} by {said.name}: {said.reason}"


class History:
    """Versions and champions as the events of one model make them, one event after the other.

    Raises:
        IntegrityError: an event contradicts those before it.
    """

    def __init__(self) -> None:
        self.decisions: dict[str, Event] = {}  # `judged` and `approved` events by digest
        self.versions: dict[int, RegisteredVersion] = {}
        self.reign: list[int] = []  # numbers of the champions that one may go back to, oldest first
        self.vacant = False  # the champion was recalled
        self.confirmed: dict[int, Event] = {}  # by number: the last approval that a person gave it as a release

    @property
    def champion(self) -> RegisteredVersion | None:
        """Who holds the role now."""
        return self.versions[self.reign[-1]] if self.reign and not self.vacant else None

    def anchor(self) -> tuple[RegisteredVersion | None, Event | None]:
        """The last of the present reign that a person approved, else its first; and the event that made it so."""
        if not self.reign:
            return None, None
        approved = [number for number in self.reign if number in self.confirmed]
        latest = max(approved, key=lambda number: self.confirmed[number].sequence, default=self.reign[0])
        version = self.versions[latest]
        return version, self.confirmed.get(latest, version.promoted)

    def roles(self, model: str) -> Roles:
        """What the events so far make of a model."""
        newest = max(self.versions.values(), key=lambda version: version.number, default=None)
        waits = newest is not None and newest.promoted is None and newest.withdrawn is None
        before = self.reign if self.vacant else self.reign[:-1]
        return Roles(
            model,
            tuple(self.versions[number] for number in sorted(self.versions)),
            self.champion,
            self.versions[before[-1]] if before else None,
            newest if waits else None,
            *self.anchor(),
        )

    def add(self, event: Event) -> None:
        """One event more."""
        if event.kind in (Judgement.kind, Approved.kind):
            self.decisions[event.digest] = event
        elif event.kind == Registered.kind:
            self._put(self._registered(event))
        elif event.kind == Promoted.kind:
            version = self._promoted(event)
            self._put(version)
            self.reign.append(version.number)
            self.vacant = False
            if version.approved:
                self.confirmed[version.number] = event
        elif event.kind == Confirmed.kind:
            version = self._named(event, Confirmed.read(event), "approves")
            if version != self.champion:
                raise _contradiction(event, "approves as a release what is not the champion")
            self.confirmed[version.number] = event
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

"""Which versions a model has and which roles they hold, from events and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tasks.errors import InputError, IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
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

    def of(self, version: RegisteredVersion) -> tuple[Role, ...]:
        """The roles that a version holds."""
        holders = {"champion": self.champion, "previous": self.previous, "candidate": self.candidate}
        return tuple(role for role in ROLES if holders[role] == version)


def models(store: Store) -> list[str]:
    """Every model that has a version or was ever judged, sorted.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    return sorted({event.facts["model"] for event in events(store) if event.kind in ("judged", "registered")})


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
        if event.kind in ("judged", "approved"):
            decisions[event.digest] = event
        elif event.kind == "registered":
            version = _registered(event, decisions, versions)
            versions[version.number] = version
        elif event.kind == "promoted":
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
        holder = {"champion": found.champion, "previous": found.previous, "candidate": found.candidate}[wanted]
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
    facts = event.facts
    decision = decisions.get(facts["judged"])
    if decision is None or decision.kind != "judged" or decision.facts["verdict"] != "passed":
        raise _contradiction(event, "registers what no earlier event passed")
    if decision.facts["artifact"] != facts["artifact"]:
        raise _contradiction(event, f"registers another artifact than event {decision.sequence} passed")
    if facts["version"] != len(versions) + 1:
        raise _contradiction(event, f"registers version {facts['version']}, but {len(versions) + 1} comes next")
    return RegisteredVersion(
        facts["model"],
        facts["version"],
        facts["artifact"],
        facts["merged"],
        facts["adapter"],
        facts["dataset"],
        facts["base"]["digest"],
        judged=decision,
        registered=event,
        approved=None,
        promoted=None,
    )


def _promoted(
    event: Event, decisions: dict[str, Event], versions: dict[int, RegisteredVersion], reign: list[int]
) -> RegisteredVersion:
    facts = event.facts
    version = versions.get(facts["version"])
    if version is None or version.artifact != facts["artifact"] or version.registered.digest != facts["registered"]:
        raise _contradiction(event, "promotes what no earlier event registered")
    approval = decisions.get(facts["approved"]) if facts["approved"] else None
    if facts["approved"] and (approval is None or approval.facts.get("registered") != facts["registered"]):
        raise _contradiction(event, "names an approval that no earlier event gave to this version")
    before = versions[reign[-1]] if reign else None
    said = facts["previous"]
    if (said and (said["version"], said["artifact"])) != (before and (before.number, before.artifact)):
        raise _contradiction(event, "names another champion before it than the events do")
    return replace(version, promoted=event, approved=approval)


def _contradiction(event: Event, fault: str) -> IntegrityError:
    return IntegrityError(f"event {event.sequence} {fault}", hint="the signer's code or key was misused")

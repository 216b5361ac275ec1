"""Versions, and the decisions about them, into the ledger."""

from __future__ import annotations

from typing import Any

from tasks.artifact import Artifact
from tasks.digest import digest_data
from tasks.errors import InputError
from tasks.lineage.event import Event, Origin
from tasks.lineage.ledger import find
from tasks.lineage.roles import RegisteredVersion, resolve, roles
from tasks.lineage.statements import (
    Approved,
    BaseFacts,
    Confirmed,
    Holder,
    Judgement,
    NothingToDo,
    PersonDecided,
    Promoted,
    Recalled,
    Registered,
    RolledBack,
    TurnedDown,
)
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.recipe import Recipe


def record_registered(
    store: Store,
    model: str,
    artifact: Artifact,
    judged: str,
    *,
    merged: str | None,
    adapter: str | None,
    origin: Origin | None = None,
) -> Event:
    """A judged model became the next version; its number is counted by the ledger, from 1.

    Args:
        store: where everything is kept.
        model: its name.
        artifact: the served form.
        judged: digest of the event that passed it.
        merged: digest of the merged form that it was made from; None where it is the served one or there is none.
        adapter: digest of the adapter; None where the method has none.
        origin: who or what registers.

    Raises:
        IntegrityError: the ledger does not verify, or holds no such event.
        InputError: the event did not pass this artifact.
    """
    event = find(store, judged)
    decision = Judgement.read(event) if event.kind == Judgement.kind else None
    if decision is None or (decision.model, decision.artifact, decision.verdict) != (model, artifact.digest, "passed"):
        raise InputError("this event did not pass this artifact", value=judged)
    said = ModelMeta.read(artifact)
    with store.locked(f"roles-{model}"):  # counted and recorded in one step: two runs never give one number twice
        statement = Registered(
            model=model,
            version=len(roles(store, model).versions) + 1,
            artifact=artifact.digest,
            merged=merged,
            adapter=adapter,
            dataset=said.dataset,
            base=BaseFacts(digest=said.base.digest, ref=said.base.ref),
            judged=judged,
        )
        return statement.record(store, {f"model/{model}@{statement.version}": artifact.digest}, origin)


def record_approved(
    store: Store, model: str, version: int, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person allows a version to be promoted; `name` and `reason` are in that person's words.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: there is no such version, or name or reason are blank.
    """
    chosen = resolve(store, f"{model}@{version}")
    said = Approved(**_decided(chosen, name, reason), meaning="approved for promotion")
    return _record(store, said, origin)


def record_confirmed(
    store: Store, model: str, version: int, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person approves the champion as what later releases are measured against.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: it is not the champion, or name or reason are blank.
    """
    with store.locked(f"roles-{model}"):
        champion = roles(store, model).champion
        if champion is None or champion.number != version:
            raise InputError("this version is not the champion", value=f"{model}@{version}")
        decided = _decided(champion, name, reason)
        said = Confirmed(**decided, meaning="approved as the release that later ones are measured against")
        return _record(store, said, origin)


def record_turned_down(
    store: Store, model: str, version: int, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person decides that a version which waits is not promoted.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: there is no such version, it does not wait, or name or reason are blank.
    """
    with store.locked(f"roles-{model}"):
        waiting = roles(store, model).candidate
        if waiting is None or waiting.number != version:
            raise InputError("this version does not wait for a decision", value=f"{model}@{version}")
        said = TurnedDown(**_decided(waiting, name, reason), meaning="rejected: not to be promoted")
        return _record(store, said, origin)


def record_recalled(
    store: Store, model: str, version: int, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person decides that nobody may use a version any more.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: there is no such version, it is recalled already, or name or reason are blank.
    """
    with store.locked(f"roles-{model}"):
        chosen = resolve(store, f"{model}@{version}")
        if chosen.recalled:
            raise InputError(f"this version was {chosen.withdrawal}", value=f"{model}@{version}")
        said = Recalled(**_decided(chosen, name, reason), meaning="recalled: not to be used")
        return _record(store, said, origin)


def record_rolled_back(
    store: Store, model: str, version: int, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person makes an earlier champion the champion again.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: it never was champion or still is, was withdrawn, or name or reason are blank.
    """
    with store.locked(f"roles-{model}"):
        chosen, champion = resolve(store, f"{model}@{version}"), roles(store, model).champion
        reference = f"{model}@{version}"
        if chosen == champion:
            raise InputError("this version is the champion", value=reference)
        if chosen.withdrawn:
            raise InputError(f"this version was {chosen.withdrawal}", value=reference)
        if chosen.promoted is None:
            raise InputError("this version never was champion", value=reference, hint="see: galen models")
        left = champion and Holder(version=champion.number, artifact=champion.artifact)
        said = RolledBack(**_decided(chosen, name, reason), meaning="made champion again", left=left)
        return said.record(store, {f"model/{model}@champion": chosen.artifact}, origin)


def _decided(version: RegisteredVersion, name: str, reason: str) -> dict[str, Any]:
    """What every decision of a person states."""
    if not (name.strip() and reason.strip()):
        raise InputError("a decision needs a name and a reason", hint='--by "YOUR NAME" --reason "..."')
    return {
        "model": version.model,
        "version": version.number,
        "artifact": version.artifact,
        "registered": version.registered.digest,
        "name": name.strip(),
        "reason": reason.strip(),
    }


def _record(store: Store, said: PersonDecided, origin: Origin | None) -> Event:
    return said.record(store, {f"model/{said.model}@{said.version}": said.artifact}, origin)


def record_promoted(
    store: Store, model: str, version: int, *, approved: Event | None = None, origin: Origin | None = None
) -> Event:
    """A registered version became champion; the event names the champion before it, and the approval it rests on.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: there is no such version, or the approval is of another one.
    """
    with store.locked(f"roles-{model}"):
        chosen = resolve(store, f"{model}@{version}")
        if approved and Approved.read(approved).registered != chosen.registered.digest:
            raise InputError("this approval is of another version", value=f"event {approved.sequence}")
        before = roles(store, model).champion
        statement = Promoted(
            model=model,
            version=version,
            artifact=chosen.artifact,
            previous=before and Holder(version=before.number, artifact=before.artifact),
            registered=chosen.registered.digest,
            approved=approved.digest if approved else None,
        )
        return statement.record(store, {f"model/{model}@champion": chosen.artifact}, origin)


def record_nothing_to_do(
    store: Store, recipe: Recipe, inputs: str, reason: str, decided: Event | None = None, origin: Origin | None = None
) -> Event:
    """Nothing changed since the last decision: nothing was trained.

    Args:
        store: where everything is kept.
        recipe: what was asked for.
        inputs: digest of everything that the run depends on.
        reason: in words.
        decided: the event that decided about the same inputs.
        origin: who or what asked.
    """
    statement = NothingToDo(
        model=recipe.model,
        recipe=digest_data(recipe.plain()),
        inputs=inputs,
        reason=reason,
        decided=decided.digest if decided else None,
    )
    return statement.record(store, {f"recipe/{recipe.model}": statement.recipe}, origin)

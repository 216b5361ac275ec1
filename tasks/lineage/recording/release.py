"""Versions, and the decisions about them, into the ledger."""

from __future__ import annotations

from tasks.artifact import Artifact
from tasks.digest import digest_data
from tasks.errors import InputError
from tasks.lineage.event import Event, Origin
from tasks.lineage.ledger import find
from tasks.lineage.roles import resolve, roles
from tasks.lineage.statements import Approved, BaseFacts, Holder, Judgement, NothingToDo, Promoted, Registered
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
    if not (name.strip() and reason.strip()):
        raise InputError("an approval needs a name and a reason", hint='--by "YOUR NAME" --reason "..."')
    chosen = resolve(store, f"{model}@{version}")
    statement = Approved(
        model=model,
        version=version,
        artifact=chosen.artifact,
        registered=chosen.registered.digest,
        name=name.strip(),
        meaning="approved for promotion",
        reason=reason.strip(),
    )
    return statement.record(store, {f"model/{model}@{version}": chosen.artifact}, origin)


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

"""Ways back: a version that waits is turned down, an earlier champion is champion again, a version is recalled.

As in `tasks.release.register`, every change is an event first, and MLflow is brought in line after it.
"""

from __future__ import annotations

from tasks.errors import InputError
from tasks.lineage import recording
from tasks.lineage.event import Origin
from tasks.lineage.roles import RegisteredVersion, resolve, roles
from tasks.release.register import mirror
from tasks.release.register import resolve as resolve_whole
from tasks.store import Store
from tasks.tracking.address import check_reachable
from tasks.tracking.runs import VERDICT, tag_run


def turn_down(store: Store, reference: str, *, by: str, reason: str, origin: Origin | None = None) -> RegisteredVersion:
    """A person decides that a version which waits is not promoted; the registry stays as it is.

    Args:
        store: where everything is kept.
        reference: MODEL@NUMBER or MODEL@candidate.
        by: printed name of that person.
        reason: what the decision rests on.
        origin: who or what asked, for the ledger.

    Raises:
        InputError: the version does not wait, or name or reason is blank, or the tracking server does not answer.
    """
    version = resolve(store, reference)
    check_reachable(store)
    with store.locked(f"registry-{version.model}"):
        recording.record_turned_down(store, version.model, version.number, name=by, reason=reason, origin=origin)
        mirror(store, version.model)
    if version.registered.run:
        tag_run(store, version.model, version.registered.run, {VERDICT: "rejected"})
    return resolve(store, f"{version.model}@{version.number}")


def roll_back(store: Store, reference: str, *, by: str, reason: str, origin: Origin | None = None) -> RegisteredVersion:
    """Make an earlier champion the champion again; every one that came after it may be promoted no more.

    Args:
        store: where everything is kept.
        reference: MODEL, for the champion before this one, or MODEL@NUMBER.
        by: printed name of the person who decides.
        reason: what the decision rests on.
        origin: who or what asked, for the ledger.

    Raises:
        InputError: there is no earlier champion; name or reason is blank; the tracking server does not answer.
        IntegrityError: the earlier champion's bytes do not match their digest, nor do those of MLflow's copy: it is not
            made champion.
    """
    model, _, wanted = reference.partition("@")
    if not wanted and roles(store, model).versions and roles(store, model).previous is None:
        hint = f"galen recall {model}@champion --by ... --reason ... takes the champion away"
        raise InputError("there is no earlier champion to go back to", value=model, hint=hint)
    check_reachable(store)
    version, _ = resolve_whole(store, f"{model}@{wanted or 'previous'}")
    with store.locked(f"registry-{model}"):
        recording.record_rolled_back(store, model, version.number, name=by, reason=reason, origin=origin)
        mirror(store, model)
    return resolve(store, f"{model}@champion")


def recall(store: Store, reference: str, *, by: str, reason: str, origin: Origin | None = None) -> RegisteredVersion:
    """Take a version out of use: it is neither asked nor exported any more, nor promoted, nor are the same bytes again.

    If it is the champion, the model has none from then on, until a person goes back to an earlier one or another
    version is promoted.

    Args:
        store: where everything is kept.
        reference: MODEL@ROLE or MODEL@NUMBER.
        by: printed name of the person who decides.
        reason: what the decision rests on.
        origin: who or what asked, for the ledger.

    Raises:
        InputError: there is no such version, or it is recalled already; name or reason is blank; the tracking server
            does not answer.
    """
    version = resolve(store, reference)
    check_reachable(store)
    with store.locked(f"registry-{version.model}"):
        recording.record_recalled(store, version.model, version.number, name=by, reason=reason, origin=origin)
        mirror(store, version.model)
    return resolve(store, f"{version.model}@{version.number}")

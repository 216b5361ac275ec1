"""The registry: versions and roles as the ledger has them, mirrored in MLflow.

Every change is an event first; MLflow is brought in line after it. A run that is killed between the two leaves a
mirror that lags, which the next change (or `mirror`) repairs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tasks.artifact import Artifact, verify
from tasks.errors import ApprovalNeeded, GateRejected, InputError
from tasks.lineage import recording
from tasks.lineage.event import Event, Origin
from tasks.lineage.roles import RegisteredVersion, approval_of, roles
from tasks.lineage.roles import models as known_models
from tasks.lineage.roles import resolve as resolve_version
from tasks.lineage.waiting import unmet
from tasks.meta.form import Form
from tasks.progress import notice
from tasks.release.card import model_card
from tasks.release.copies import mend_copies
from tasks.release.mirrored import EVENT, moved_aliases, remember_shown, was_shown
from tasks.release.package import check_packaged, package, whole
from tasks.store import Store
from tasks.tracking import registry
from tasks.tracking.address import check_reachable
from tasks.tracking.runs import VERDICT, Run, open_run, tag_run

if TYPE_CHECKING:
    from tasks.evaluation.judge import Judged

Version = RegisteredVersion


def register(
    store: Store,
    judged: Judged,
    model: str,
    *,
    judged_event: str,
    merged: str | None,
    adapter: str | None,
    run: Run | None = None,
    origin: Origin | None = None,
) -> Version:
    """Make the bytes that passed their gates the next version of their model.

    They are hashed before MLflow gets them and again in the copy that MLflow keeps; only then is the event written.
    Called again after a kill it finds the version that it made.

    Args:
        store: where everything is kept.
        judged: the quantized model with its passed verdict; nothing else can be registered.
        model: the name to register it under, which the verdict must be about.
        judged_event: digest of the event that states the verdict.
        merged: digest of the form that it was quantized from.
        adapter: digest of the adapter, where the method has one.
        run: the MLflow run that made it; default: one of its own.
        origin: who or what asked, for the ledger.

    Raises:
        InputError: not a quantized model.
        GateRejected: a person withdrew a version of the same bytes.
        IntegrityError: the bytes, or MLflow's copy of them, do not match their digest.
        Interrupted: MLflow does not answer.
    """
    artifact = judged.artifact
    if artifact.kind != Form.QUANTIZED:
        raise InputError(f"a model of kind {artifact.kind} cannot be registered", hint="register its quantized form")
    verify(artifact)
    with store.locked(f"registry-{model}"):
        known = roles(store, model).versions
        check_not_withdrawn(known, artifact.digest)
        if known and known[-1].artifact == artifact.digest:  # made by a run that was killed, or promoted already
            mirror(store, model, run=run)
            return known[-1]
        upload = _upload(store, model, artifact, run)
        event = recording.record_registered(
            store, model, artifact, judged_event, merged=merged, adapter=adapter, origin=origin
        )
        _mirror(store, model, run, {event.digest: upload})
    return roles(store, model).versions[-1]


def promote(store: Store, version: Version, origin: Origin | None = None, *, approved: Event | None = None) -> Version:
    """Make a version champion: the event first, then the aliases. The champion before it becomes `previous`.

    A version that is champion already stays it, without a new event.

    Raises:
        InputError: the version is older than the champion: going back is another decision.
        GateRejected: a person withdrew it.
        ApprovalNeeded: the policy that it was judged by is not approved.
        IntegrityError: its bytes do not match their digest.
        Interrupted: MLflow does not answer; the decision stands, and the mirror follows on the next run.
    """
    with store.locked(f"registry-{version.model}"):
        return _promoted(store, version, origin, approved)


def _promoted(store: Store, version: Version, origin: Origin | None, approved: Event | None) -> Version:
    """As `promote`, by whoever holds the registry's lock."""
    champion = roles(store, version.model).champion
    if champion is None or champion.number != version.number:
        if champion and version.number < champion.number:
            raise InputError(
                f"version {version.number} is older than the champion, version {champion.number}",
                hint=f"to go back to it: galen rollback {version.model}@{version.number}",
            )
        check_not_withdrawn(roles(store, version.model).versions, version.artifact)
        check_nothing_unmet(store, version)
        _whole(store, version)
        recording.record_promoted(store, version.model, version.number, approved=approved, origin=origin)
    _mirror(store, version.model)
    return resolve_version(store, f"{version.model}@{version.number}")


def check_not_withdrawn(known: Sequence[Version], artifact: str) -> None:
    """See that nobody turned down, left or recalled a version of these bytes.

    Raises:
        GateRejected: somebody did.
    """
    for version in known:
        if version.artifact == artifact and version.withdrawn:
            hint = "change its data or its recipe, and retrain"
            raise GateRejected(f"these bytes are those of version {version.number}, {version.withdrawal}", hint=hint)


def check_nothing_unmet(store: Store, version: Version) -> None:
    """See that nothing is missing that no approval of a version can replace.

    Raises:
        ApprovalNeeded: nobody approved its policy, or read what a gate wants to be read.
    """
    if missing := unmet(store, version):
        raise ApprovalNeeded(missing.what, hint=missing.hint)


def approve(store: Store, reference: str, *, by: str, reason: str, origin: Origin | None = None) -> Version:
    """A person allows a version that waits to become champion; it is promoted. Or a person approves the champion as it
    is: later releases are measured against it from now on (it becomes the anchor).

    Args:
        store: where everything is kept.
        reference: MODEL@NUMBER or MODEL@candidate; MODEL@champion.
        by: printed name of that person.
        reason: what the decision rests on.
        origin: who or what asked, for the ledger.

    Raises:
        InputError: the version does not wait, or name or reason is blank, or the tracking server does not answer.
        ApprovalNeeded: the policy that it was judged by is not approved.
        IntegrityError: its bytes do not match their digest.
    """
    version, _ = resolve(store, reference)
    check_reachable(store)
    with store.locked(f"registry-{version.model}"):  # asked and answered in one step: one of several approvals counts
        found = roles(store, version.model)
        if reference.endswith("@champion"):  # said so, not by its number: that may have waited a moment ago
            recording.record_confirmed(store, version.model, version.number, name=by, reason=reason, origin=origin)
            return resolve_version(store, f"{version.model}@{version.number}")
        if (waiting := found.candidate) is None or waiting.number != version.number:
            raise InputError("this version does not wait for a decision", value=reference)
        check_nothing_unmet(store, waiting)
        event = approval_of(store, version) or recording.record_approved(  # one that was killed before it promoted
            store, version.model, version.number, name=by, reason=reason, origin=origin
        )
        promoted = _promoted(store, version, origin, event)
    if version.registered.run:
        tag_run(store, version.model, version.registered.run, {VERDICT: "promoted"})
    return promoted


def resolve(store: Store, reference: str) -> tuple[Version, Artifact]:
    """The version that `MODEL@champion`, `@previous`, `@candidate`, `MODEL@3` or an artifact's digest names.

    From the ledger, never from MLflow; every byte of the artifact is hashed.

    Raises:
        InputError: there is no such version, or it was recalled.
        IntegrityError: the ledger or the artifact does not verify.
    """
    version = _version(store, reference)
    if version.recalled:
        raise InputError(f"version {version.number} of {version.model} was {version.withdrawal}", value=reference)
    return version, _whole(store, version)


def _version(store: Store, reference: str) -> Version:
    if re.fullmatch(r"[0-9a-f]{64}", reference):
        found = [
            one for model in known_models(store) for one in roles(store, model).versions if one.artifact == reference
        ]
        if not found:
            raise InputError("no registered version has this digest", value=reference, hint="see: galen models")
        return found[-1]
    return resolve_version(store, reference)


def _whole(store: Store, version: Version) -> Artifact:
    return whole(store, version.model, version.artifact, version.registered.digest)


def mirror(store: Store, model: str, *, run: Run | None = None) -> bool:
    """Bring MLflow's versions and aliases in line with the ledger, if they differ; returns whether there was work.

    MLflow itself is asked for its aliases: one that was moved by hand is put back, and that is said; a version's
    copy that is damaged or gone is made again. Its embedded store is read without importing MLflow.

    Raises:
        IntegrityError: a version that MLflow lacks is not on this machine any more.
        Interrupted: MLflow does not answer.
    """
    found = roles(store, model)
    mended = mend_copies(store, found)
    if was_shown(store, found):
        moved = moved_aliases(store, found)
        if not moved:
            return mended
        notice(f"in MLflow, {'; '.join(moved)}: put back")
    _mirror(store, model, run)
    return True


def _mirror(
    store: Store, model: str, run: Run | None = None, uploads: Mapping[str, registry.Upload] | None = None
) -> None:
    found = roles(store, model)
    numbers = {tags[EVENT]: number for number, tags in registry.versions(store, model).items() if EVENT in tags}
    for version in found.versions:
        event = version.registered.digest
        if event not in numbers:
            artifact = store.load(version.artifact)
            upload = (uploads or {}).get(event) or _upload(store, model, artifact, run)
            numbers[event] = registry.add_version(model, upload, _tags(version), model_card(store, version, artifact))
    present = registry.aliases(store, model)
    for role, holder in found.holders.items():
        wanted = numbers[holder.registered.digest] if holder else None
        if present.get(role) != wanted:
            registry.set_alias(store, model, role, wanted)
    mend_copies(store, found)
    remember_shown(store, found)


def _upload(store: Store, model: str, artifact: Artifact, run: Run | None) -> registry.Upload:
    """Copy an artifact into MLflow, as the output of a run (a new one where none is given), and hash the copy."""
    if run is None:
        with open_run(store, model, "register") as opened:
            return _upload(store, model, artifact, opened)
    with store.staging(f"mlflow-{artifact.digest[:16]}") as staging:
        made = package(store, artifact, staging / "package")
        tags = {"galen.artifact": artifact.digest, "galen.form": artifact.kind}
        upload = registry.upload_model(model, made, run, tags)
        check_packaged(registry.fetch(store, upload.location, staging / "copy"), artifact)
        return upload


def _tags(version: Version) -> dict[str, str]:
    found = {
        EVENT: version.registered.digest,
        "galen.version": str(version.number),
        "galen.artifact": version.artifact,
        "galen.merged": version.merged,
        "galen.adapter": version.adapter,
        "galen.dataset": version.dataset,
        "galen.base": version.base,
        "galen.judged": version.judged.digest,
        "galen.run": version.registered.run,
    }
    return {key: value for key, value in found.items() if value is not None}

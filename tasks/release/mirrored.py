"""What MLflow was shown of a model's versions and roles, and what its aliases show now."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from tasks.digest import digest_data
from tasks.errors import IntegrityError
from tasks.lineage.ledger import events, head
from tasks.lineage.roles import Roles
from tasks.lineage.witness import read_note, write_note
from tasks.progress import notice
from tasks.store import Store
from tasks.tracking import registry
from tasks.tracking.address import uri

EVENT = "galen.registered"
"""Tag of a version in MLflow: the digest of the event that registered it."""


def moved_aliases(store: Store, found: Roles) -> list[str]:
    """Which roles MLflow's aliases do not show as the ledger has them, in words.

    Raises:
        Interrupted: MLflow does not answer.
    """
    shown, said = registry.holders(store, found.model, EVENT), []
    for role, holder in found.holders.items():
        if shown.get(role) != (holder and holder.registered.digest):
            other = next((one for one in found.versions if one.registered.digest == shown.get(role)), None)
            place = f"at version {other.number}" if other else "elsewhere" if role in shown else "missing"
            meant = f"version {holder.number} holds that role" if holder else "no version holds that role"
            said.append(f"the alias {role} of {found.model} is {place} and {meant}")
    return said


def was_shown(store: Store, found: Roles) -> bool:
    """Whether MLflow was shown these versions and roles last. Says aloud if the ledger has lost events since."""
    try:
        note = read_note(_note(store, found.model), None)
    except (OSError, IntegrityError):  # of an earlier Galen, damaged or gone: all is compared
        return False
    if note.contradicts(events(store)):
        notice(
            f"this ledger does not hold event {note.head.sequence} ({note.head.digest[:12]}), which was its last one "
            "once: an older copy was put back; galen audit says who knows later events"
        )
    return note.said.get("state") == _state(store, found)


def remember_shown(store: Store, found: Roles) -> None:
    """Note what MLflow shows now, and how far the ledger has come."""
    file, at = _note(store, found.model), head(store)
    with suppress(OSError, IntegrityError):  # a note that knows more than an older ledger that was put back stays
        before = read_note(file, None).head
        at = before if before.sequence > at.sequence else at
    write_note(store, file, {"state": _state(store, found)}, at)


def _state(store: Store, found: Roles) -> str:
    """What the mirror must show, in one digest."""
    held = {str(version.number): [version.registered.digest, *found.of(version)] for version in found.versions}
    return digest_data({"store": uri(store), "versions": held})


def _note(store: Store, model: str) -> Path:
    return store.root / "mirrored" / model

"""An audit that looks at MLflow, too: what its aliases show, and the bytes and the code that it keeps of a version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tasks.errors import IntegrityError, Interrupted
from tasks.lineage.audit import Audit
from tasks.lineage.audit import audit as audit_ledger
from tasks.lineage.ledger import events
from tasks.lineage.node import Node
from tasks.lineage.roles import RegisteredVersion, roles
from tasks.release.copies import AGAIN, in_home
from tasks.release.mirrored import EVENT, moved_aliases
from tasks.release.package import check_packaged, packaged_differences
from tasks.signatures import Keys, trusted_keys
from tasks.store import Store
from tasks.tracking import registry


def audit(store: Store, reference: str, trusted: Keys | None = None) -> Audit:
    """As `tasks.lineage.audit.audit`, with what MLflow has of the version beside it."""
    found = audit_ledger(store, reference, trusted)
    keys = trusted_keys(store) if trusted is None else trusted
    return replace(found, root=found.root.under(*_mirrored(store, found.version, keys)))


def _mirrored(store: Store, version: RegisteredVersion, trusted: Keys) -> list[Node]:
    try:
        sources = registry.sources(store, version.model, EVENT)
        moved = moved_aliases(store, roles(store, version.model))
        return [_aliases(store, sources, moved), _copy(store, version, sources, trusted)]
    except Interrupted as error:
        return [Node("MLflow", "recorded", f"not looked at: {error.what}")]
    except IntegrityError as error:
        return [Node("MLflow", "changed", f"{error.what}: {error.value}")]


def _aliases(store: Store, sources: dict[str, str], moved: list[str]) -> Node:
    known = {event.digest for event in events(store)}
    later = [f"a version that event {event[:12]} registered, which this ledger does not hold" for event in sources]
    later = [text for text, event in zip(later, sources, strict=True) if event not in known]
    if moved or later:
        detail = "; ".join([*moved, *(f"it holds {text}" for text in later)])
        return Node("MLflow's aliases", "contradicted", f"{detail} (the next galen retrain puts aliases back)")
    return Node("MLflow's aliases", "verified", "as the ledger has the roles")


def _copy(store: Store, version: RegisteredVersion, sources: dict[str, str], trusted: Keys) -> Node:
    name, location = "MLflow's copy", sources.get(version.registered.digest)
    if location is None:
        return Node(name, "recorded", "MLflow has no such version: the next galen retrain fills it in")
    with store.staging(f"audit-{version.artifact[:16]}") as staging:
        try:
            folder = registry.fetch(store, location, staging / "copy")
            if not folder.is_dir():
                again = f": {AGAIN}" if in_home(store, location) else ""
                return Node(name, "recorded", f"MLflow's files are not there any more{again}")
            found = packaged_differences(folder, version.artifact, trusted)
            if found is None:
                return _unstated(store, version, folder)
        except OSError as error:
            return Node(name, "changed", f"it cannot be read ({type(error).__name__})")
    if found:
        again = f" ({AGAIN})" if in_home(store, location) and store.has(version.artifact) else ""
        return Node(name, "changed", f"{'; '.join(found)}{again}", version.artifact)
    return Node(name, "verified", "model and serving code hashed again", version.artifact)


def _unstated(store: Store, version: RegisteredVersion, folder: Path) -> Node:
    """The copy of a version that an earlier Galen registered: only the model's bytes were stated."""
    try:
        check_packaged(folder, store.load(version.artifact))
    except IntegrityError as error:
        return Node("MLflow's copy", "changed", error.what, version.artifact)
    detail = "the model hashed again; an earlier Galen stated nothing of the code that serves it"
    return Node("MLflow's copy", "recorded", detail, version.artifact)

"""What lies beside the chain of artifacts and counts for a version: looks, bases elsewhere, DVC's copies, reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.data.kept import CACHE, REMOTE, Elsewhere, elsewhere, kept
from tasks.data.seal import snapshot_folder
from tasks.digest import digest_tree
from tasks.errors import InputError, IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.node import Node, of_event
from tasks.lineage.roles import RegisteredVersion
from tasks.lineage.statements import Looked, statements
from tasks.lineage.witness import contradictions, report_differences
from tasks.signatures import Keys
from tasks.store import Store
from tasks.training.bases import base_file, base_place, locate_base


def base_elsewhere(store: Store, name: str, digest: str) -> Node:
    """A base that was not made here: the user's own folder, or a cache, which Galen never promised to keep."""
    if not base_file(store, digest).is_file():
        return Node(name, "recorded", "its location on this machine is not known", digest)
    try:
        folder, _ = base_place(store, digest)
        if not folder.is_dir():
            return Node(name, "recorded", f"no longer in {folder}", digest)
        locate_base(store, digest)
    except IntegrityError as error:
        return Node(name, "changed", f"{error.what}: {error.value}", digest)
    return Node(name, "verified", f"hashed again in {folder}", digest)


def dvc_files(store: Store, dataset: str, stated: str) -> Node:
    """The DVC files that bring a version back, and what DVC keeps of it on this machine."""
    folder = snapshot_folder(store, dataset)
    if not folder.is_dir():
        return Node("DVC files", "missing", "the snapshot of dvc.yaml, params.yaml and dvc.lock is gone", stated)
    try:
        same = digest_tree(folder) == stated
    except (OSError, InputError):
        same = False
    if not same:
        return Node("DVC files", "changed", "the snapshot is not the stated one", stated)
    node = Node("DVC files", "verified", "dvc.yaml, params.yaml and dvc.lock hashed again", stated)
    name = (folder / "dataset").read_text()
    own = [_copy(store, dataset, name, place) for place in (CACHE, REMOTE)]
    return node.under(*own, *(_remote(store, dataset, name, remote) for remote in elsewhere()))


def _remote(store: Store, dataset: str, name: str, remote: Elsewhere) -> Node:
    """The copy of a version in a remote that a person set up: looked at where it is a folder of this machine."""
    title = f"copy in DVC's remote {remote.name}"
    if remote.folder is None:
        return Node(title, "recorded", f"not looked at: {remote.address} is not on this machine")
    return _copy(store, dataset, name, remote.folder, title)


def _copy(store: Store, dataset: str, name: str, place: str | Path, title: str | None = None) -> Node:
    """The copy of a version in DVC's cache, or in a remote on this machine."""
    title = title or f"copy in {place}"
    try:
        found = list(kept(store, snapshot_folder(store, dataset) / "dvc.lock", name, ("seal",), place))
    except InputError as error:
        return Node(title, "changed", error.what)
    if not any(one.path.exists() for one in found):
        return Node(title, "recorded", "not kept there, or no longer")
    bad = [f"{one.name} was changed" for one in found if one.path.exists() and not one.whole]
    if bad:
        again = f"galen data build {name} takes it from a good copy"
        if place not in (CACHE, REMOTE):
            again = f"take it away there, then dvc push seal@{name} copies it again"
        return Node(title, "changed", f"{'; '.join(bad)}; {again}")
    gone = sum(not one.path.exists() for one in found)
    also = f", {gone} not there" if gone else ""
    return Node(title, "verified", f"{len(found) - gone} files hashed again{also}")


def looks(history: Iterable[Event], version: RegisteredVersion) -> list[Node]:
    """Every look at a test split that was made to judge the version, whatever for."""
    made = [(event, said) for event, said in statements(Looked, history) if said.artifact == version.forms[-1]]
    return [
        of_event(f"look at the test split of {said.dataset_name}", event, f"{said.groups:,} groups, to {said.purpose}")
        for event, said in made
    ]


def reports(store: Store, events: Sequence[Event], trusted: Keys) -> list[Node]:
    """The report of every run that some events belong to."""
    found = []
    for run in dict.fromkeys(event.run for event in events if event.run):
        folder = store.root / "reports" / run
        if not folder.is_dir():
            found.append(Node(f"report {run}", "recorded", "not on this machine, or no longer"))
        elif (bad := report_differences(folder, trusted)) is None:
            found.append(Node(f"report {run}", "recorded", "of an earlier Galen, which did not sign its reports"))
        elif bad:
            found.append(Node(f"report {run}", "changed", "; ".join(bad)))
        else:
            found.append(Node(f"report {run}", "verified", "hashed again"))
    return found


def later_events(store: Store, history: Sequence[Event], trusted: Keys) -> list[Node]:
    """A fault where notes on this machine know events that the ledger does not hold."""
    if known := contradictions(store, history, trusted):
        also = f" and {len(known) - 3} more" if len(known) > 3 else ""
        detail = f"an older ledger was put back, or another one: {'; '.join(known[:3])}{also}"
        return [Node("ledger", "contradicted", detail)]
    return []

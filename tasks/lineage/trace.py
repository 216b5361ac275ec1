"""Where a record went: dataset versions, splits, derived records, models. What a withdrawal of consent asks first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from tasks.artifact import Artifact
from tasks.data.identity import aliases
from tasks.data.identity_key import key_of, lost_keys
from tasks.data.seal import snapshot_folder
from tasks.data.stage import COPIES
from tasks.digest import digest_file
from tasks.errors import InputError, IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import Roles, roles
from tasks.lineage.statements import (
    DatasetSealed,
    Evaluated,
    ModelDerived,
    ModelMade,
    ModelTrained,
    Statement,
    statements,
)
from tasks.meta.dataset import DatasetMeta
from tasks.plain_text import one_line
from tasks.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

How = Literal["learned", "selected on", "judged on"]
Matched = Literal["record", "group", "copy", "derived"]
_USERS = (ModelTrained.kind, ModelDerived.kind, Evaluated.kind)
_USE: dict[str, How] = {"train": "learned", "validation": "selected on", "test": "judged on"}


@dataclass(frozen=True)
class ModelUse:
    """A model that saw the record: it learned from it, its weights were chosen by it, or it was judged on it."""

    model: str
    form: str
    artifact: str
    how: How
    versions: tuple[int, ...]
    """Registered versions that are this artifact, or were made from it."""
    roles: tuple[str, ...]
    """Roles that those versions hold now."""
    event: int


@dataclass(frozen=True)
class Presence:
    """The record, or records derived from it, in one split of one dataset version."""

    dataset: str
    name: str
    split: str
    matched: Matched
    """By its own id, by its group's (all records of one patient or page), as the record that it was a copy of, or
    because it was derived from one."""
    records: tuple[str, ...]
    """Ids as the dataset holds them."""
    sealed: int | None
    """Number of the event that sealed the version; None where no event did."""
    models: tuple[ModelUse, ...]


@dataclass(frozen=True)
class Trace:
    """Everywhere that a record was found, and which versions could not be searched."""

    found: tuple[Presence, ...]
    searched: int
    unreachable: tuple[str, ...]
    """Digests of dataset versions that the ledger names and this machine does not hold."""
    keyless: tuple[str, ...] = ()
    """Digests of dataset versions whose identity key was given up as lost: nobody can be found in them."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def text(self) -> str:
        """For people; the id that was asked for is not repeated."""
        lines = []
        for one in self.found:
            number = f"event {one.sealed}" if one.sealed else "no event"
            what = {
                "record": "held as",
                "group": "group of",
                "copy": "turned away as a copy; the same content is held as",
                "derived": "derived from it:",
            }[one.matched]
            shown = ", ".join(one.records[:3]) + (f" and {len(one.records) - 3} more" if len(one.records) > 3 else "")
            lines.append(f"dataset {one.name} {one.dataset[:12]} ({number}), {one.split}: {what} {one_line(shown)}")
            for use in one.models:
                held = "".join(f", {role}" for role in use.roles)
                version = f", version {', '.join(map(str, use.versions))}{held}" if use.versions else ""
                lines.append(f"  {use.model} {use.form} {use.artifact[:12]} {use.how} it{version} (event {use.event})")
            if not one.models:
                lines.append("  no model used it")
        if not lines:
            lines.append(f"not found in the {self.searched} dataset version(s) on this machine")
        lines += [f"not searched: dataset {digest[:12]} is not on this machine" for digest in self.unreachable]
        lines += [f"not searched: the identity key of dataset {digest[:12]} is lost" for digest in self.keyless]
        return "\n".join(lines)


def trace(store: Store, record_id: str) -> Trace:
    """Find a record in every dataset version on this machine, and the models that used it.

    Args:
        store: where everything is kept.
        record_id: the source's own id of a record or of a group (a patient, a page), or the keyed HMAC of one.

    Raises:
        InputError: the id is blank.
        IntegrityError: the ledger or a membership table does not verify, or the key that ids here were made with is
            missing or another one.
    """
    if not record_id.strip():
        raise InputError("a record id is needed")
    history = events(store)
    sealed = {said.dataset: event.sequence for event, said in statements(DatasetSealed, history)}
    versions = store.all("dataset")
    wanted = aliases(store, record_id)
    found = []
    for version in versions:
        for split, matched, records in _search(_membership(version), wanted, _originals(store, version, wanted)):
            uses = _uses(store, history, version, split)
            name, event = DatasetMeta.read(version).name, sealed.get(version.digest)
            found.append(Presence(version.digest, name, split, matched, records, event, uses))
    unreachable = sealed.keys() - {version.digest for version in versions}
    lost = lost_keys(store)
    keyless = tuple(version.digest for version in versions if key_of(DatasetMeta.read(version)) in lost)
    return Trace(tuple(found), len(versions) - len(keyless), tuple(sorted(unreachable)), keyless)


def _membership(version: Artifact) -> pa.Table:
    """The membership table; of the version's files only this one is hashed, so that large versions are quick."""
    import pyarrow.parquet as pq

    path = version.file("membership.parquet")
    if version.path.name != version.digest or not path.is_file() or digest_file(path) != version.files[path.name]:
        raise IntegrityError("a dataset version was changed", value=version.path, hint="restore it from a backup")
    return pq.read_table(path, columns=["record_id", "group_id", "split", "parents"])


def _originals(store: Store, version: Artifact, wanted: list[str]) -> list[str]:
    """The records that stayed where a wanted one was turned away as their copy."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = snapshot_folder(store, version.digest) / COPIES
    if not path.is_file():
        return []
    table, names = pq.read_table(path), pa.array(wanted)
    here = pc.or_(*(pc.is_in(table[column], value_set=names) for column in ("record_id", "group_id")))
    kept: list[str] = table.filter(here)["kept"].to_pylist()
    return kept


def _search(table: pa.Table, wanted: list[str], originals: list[str]) -> Iterator[tuple[str, Matched, tuple[str, ...]]]:
    """Split, how it matched and record ids: of the record itself, the rest of its group, the records that it was a copy
    of, and what came of them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pa.array(wanted)
    rows = {"record": pc.is_in(table["record_id"], value_set=names).to_numpy()}
    rows["group"] = pc.is_in(table["group_id"], value_set=names).to_numpy() & ~rows["record"]
    known = rows["record"] | rows["group"]
    rows["copy"] = pc.is_in(table["record_id"], value_set=pa.array(originals, pa.string())).to_numpy() & ~known
    known |= rows["copy"]
    parents, children = pc.list_flatten(table["parents"]), pc.list_parent_indices(table["parents"]).to_numpy()
    rows["derived"] = np.zeros(table.num_rows, dtype=bool)
    while True:  # a derived record can be a parent too
        ids = table["record_id"].filter(pa.array(known))
        fresh = np.zeros(table.num_rows, dtype=bool)
        fresh[children[pc.is_in(parents, value_set=ids.unique()).to_numpy()]] = True
        fresh &= ~known
        if not fresh.any():
            break
        rows["derived"] |= fresh
        known |= fresh
    for matched, chosen in rows.items():
        part = table.filter(pa.array(chosen)).select(["record_id", "split"]).to_pylist()
        for split in _USE:
            if records := tuple(row["record_id"] for row in part if row["split"] == split):
                yield split, cast("Matched", matched), records


def _uses(store: Store, history: list[Event], version: Artifact, split: str) -> tuple[ModelUse, ...]:
    """The models that used a split of a dataset version, each once, in the order of their events."""
    seen: dict[str, tuple[Event, ModelMade | Evaluated]] = {}  # artifact -> how it is known to have used the split
    for event, said in statements(Statement, [event for event in history if event.kind in _USERS]):
        match said:
            case ModelTrained():
                used = split != "test" and said.dataset == version.digest
            case ModelDerived():
                used = split != "test" and said.parent in seen
            case Evaluated():
                used = said.test == version.files[f"{split}.parquet"]
            case _:
                continue
        if used:
            seen.setdefault(said.artifact, (event, said))
    held = {model: roles(store, model) for model in {said.model for _, said in seen.values()}}
    return tuple(_use(event, said, _USE[split], held[said.model]) for event, said in seen.values())


def _use(event: Event, said: ModelMade | Evaluated, how: How, held: Roles) -> ModelUse:
    versions = [version for version in held.versions if said.artifact in version.forms]
    return ModelUse(
        said.model,
        said.form,
        said.artifact,
        how,
        tuple(version.number for version in versions),
        tuple(role for version in versions for role in held.of(version)),
        event.sequence,
    )

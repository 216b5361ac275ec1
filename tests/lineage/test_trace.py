from __future__ import annotations

import shutil
from typing import Any

import pytest

from tasks.config.words import Task
from tasks.data.identity import Identity
from tasks.data.identity_key import key_file, new_key
from tasks.errors import InputError, IntegrityError
from tasks.lineage.trace import trace
from tasks.store import Store
from tests.factories import seal_rows
from tests.lineage.chain import build_chain, release
from tests.rows import rows

TASK: Task = "text-classification"


def version(store: Store, identified: bool = False, name: str = "factory", seed: int = 0) -> Any:
    """12 records, two to a group; g0 and g1 in train (with a child and its child), g2 validation, g3 test."""
    identity = Identity(store, identified)
    records = rows(TASK, 8, seed)
    child = records[0] | {"record_id": "child", "parents": [records[0]["record_id"]], "text": "other words"}
    grandchild = child | {"record_id": "grandchild", "parents": ["child"], "text": "quite other words"}
    for row in (everything := [*records, child, grandchild]):
        row["record_id"] = identity.of("record", row["record_id"])
        row["group_id"] = identity.of("group", row["group_id"])
        row["parents"] = [identity.of("record", parent) for parent in row["parents"]]
    split = {"train": [*everything[:4], child, grandchild], "validation": everything[4:6], "test": everything[6:8]}
    said = {"identified": True, "identity_key": identity.fingerprint} if identified else {}
    return seal_rows(store, TASK, split, name=name, **said)


@pytest.mark.parametrize("identified", [False, True])
def test_a_record_is_followed_to_splits_children_and_models(store: Store, identified: bool) -> None:
    chain = build_chain(store, dataset=version(store, identified))
    release(store, chain)
    found = trace(store, "r0-00000").found
    identity = Identity(store, identified)
    assert [(one.split, one.matched, one.records) for one in found] == [
        ("train", "record", (identity.of("record", "r0-00000"),)),
        ("train", "derived", (identity.of("record", "child"), identity.of("record", "grandchild"))),
    ]
    assert found[0].dataset == chain.dataset.digest
    assert found[0].sealed == 1
    assert [(use.form, use.how, use.versions, use.roles) for use in found[0].models] == [
        (form, "learned", (1,), ("champion",)) for form in ("adapter", "merged", "quantized")
    ]


@pytest.mark.parametrize(
    ("record", "split", "how"), [("r0-00004", "validation", "selected on"), ("r0-00007", "test", "judged on")]
)
def test_held_out_records_were_not_learned(store: Store, record: str, split: str, how: str) -> None:
    build_chain(store, dataset=version(store))
    (found,) = trace(store, record).found
    assert found.split == split
    assert {use.how for use in found.models} == {how}
    assert len(found.models) == 3


@pytest.mark.parametrize("identified", [False, True])
def test_a_group_leads_to_all_its_records(store: Store, identified: bool) -> None:
    build_chain(store, dataset=version(store, identified))
    (found,) = trace(store, "g0-00001").found
    assert (found.matched, len(found.records)) == ("group", 2)


def test_the_hmac_itself_is_accepted(store: Store) -> None:
    version(store, identified=True)
    hidden = Identity(store, True).of("record", "r0-00000")
    assert trace(store, hidden).found == trace(store, "r0-00000").found != ()


def test_every_version_that_held_it_is_named(store: Store) -> None:
    version(store, name="one")
    version(store, identified=True, name="two")
    version(store, name="three", seed=1)
    found = trace(store, "r0-00000")
    assert {one.name for one in found.found} == {"one", "two"}
    assert found.searched == 3
    assert all(one.sealed is None for one in found.found)


def test_what_was_not_found_and_what_could_not_be_searched_are_told_apart(store: Store) -> None:
    assert trace(store, "nobody").text() == "not found in the 0 dataset version(s) on this machine"
    chain = build_chain(store, dataset=version(store))
    shutil.rmtree(chain.dataset.artifact.path)
    found = trace(store, "r0-00000")
    assert (found.found, found.unreachable) == ((), (chain.dataset.digest,))
    assert "not searched" in found.text()


def test_a_changed_membership_table_is_an_integrity_error(store: Store) -> None:
    held = version(store)
    shutil.copy(version(store, name="other", seed=1).artifact.path / "membership.parquet", held.artifact.path)
    with pytest.raises(IntegrityError, match="changed"):
        trace(store, "r0-00000")


def test_a_blank_id_is_refused(store: Store) -> None:
    with pytest.raises(InputError):
        trace(store, "  ")


def test_the_text_names_models_and_roles(store: Store) -> None:
    release(store, build_chain(store, dataset=version(store)))
    text = trace(store, "r0-00000").text()
    assert "m quantized" in text
    assert "learned it, version 1, champion" in text


@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_without_the_key_of_the_versions_nothing_is_said_to_be_absent(store: Store, instead: str) -> None:
    version(store, identified=True)
    key = key_file(store).read_bytes()
    key_file(store).unlink()
    if instead == "another":
        key_file(store).write_bytes(bytes(32))
    with pytest.raises(IntegrityError, match="1 dataset version") as refused:
        trace(store, "r0-00000")
    assert "restore" in str(refused.value.hint)
    key_file(store).write_bytes(key)
    assert trace(store, "r0-00000").found


def test_a_key_replaced_on_purpose_still_finds_people(store: Store) -> None:
    old = version(store, identified=True)
    new_key(store)
    new = version(store, identified=True, name="later")
    assert {one.dataset for one in trace(store, "r0-00000").found} == {old.digest, new.digest}


def test_a_lost_key_is_said(store: Store) -> None:
    old = version(store, identified=True)
    key_file(store).unlink()
    new_key(store)
    found = trace(store, "r0-00000")
    assert (found.found, found.searched, found.keyless) == ((), 0, (old.digest,))
    assert "key" in found.text()

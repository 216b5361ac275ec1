from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest

from tasks.data.identity import Identity, aliases, content_digest
from tasks.data.identity_key import fingerprint, identity_key, key_file, key_to_build, lost_keys, new_key
from tasks.data.version import SPLITS
from tasks.digest import digest_data
from tasks.errors import IntegrityError
from tasks.store import Store
from tests.data.conftest import Ingest, question
from tests.factories import seal_rows

PATIENT = {"columns": {"record_id": "id", "group_id": "who"}, "identified": True}


def test_ids_of_an_identified_source_are_keyed(store: Store, ingest: Ingest) -> None:
    done = ingest([question(1, who="patient 7"), question(2, who="patient 7"), question(3)], **PATIENT)
    first, second, third = done.records
    key = key_file(store).read_bytes()
    assert first["record_id"] == hmac.new(key, b"record\0q1", hashlib.sha256).hexdigest()
    assert first["group_id"] == second["group_id"] == hmac.new(key, b"group\0patient 7", hashlib.sha256).hexdigest()
    assert third["group_id"] == third["record_id"]
    stored = (done.folder / "records.parquet").read_bytes() + (done.folder / "manifest.json").read_bytes()
    assert b"patient 7" not in stored


def test_without_ids_the_content_is_the_id_and_nobody_can_try_contents_out(ingest: Ingest) -> None:
    (keyed,) = ingest([question(1)], identified=True).records
    (plain,) = ingest([question(1)]).records
    assert plain["record_id"] == content_digest("causal-lm", plain)
    assert keyed["record_id"] != plain["record_id"]


def test_ids_of_an_unidentified_source_stay_and_need_no_key(store: Store, ingest: Ingest) -> None:
    (record,) = ingest([question(1)], columns={"record_id": "id"}).records
    assert (record["record_id"], record["group_id"]) == ("q1", "q1")
    assert not key_file(store).exists()


def test_the_key_stays_and_is_its_owners_alone(store: Store) -> None:
    assert identity_key(store) == identity_key(store)
    assert key_file(store).stat().st_mode & 0o077 == 0
    assert (
        Identity(store, True).of("record", "7")
        == Identity(store, True).of("record", "7")
        != Identity(store, True).of("group", "7")
    )


def test_another_home_has_another_key(store: Store, tmp_path: Path) -> None:
    assert identity_key(Store(tmp_path / "elsewhere")) != identity_key(store)


def test_a_damaged_key_is_no_new_key(store: Store) -> None:
    identity_key(store)
    key_file(store).write_bytes(b"short")
    with pytest.raises(IntegrityError, match="not an identity key"):
        identity_key(store)


def test_the_fingerprint_goes_with_the_records(store: Store, ingest: Ingest) -> None:
    named = ingest([question(1, who="patient 7")], **PATIENT).facts["identity_key"]
    assert named == fingerprint(key_file(store).read_bytes())
    assert "identity_key" not in ingest([question(1)]).facts


def test_a_missing_key_is_not_made_anew(store: Store) -> None:
    seal_rows(store, "causal-lm", {one: [] for one in SPLITS}, identified=True, identity_key="0" * 16)
    with pytest.raises(IntegrityError, match="missing"):
        identity_key(store)
    assert not key_file(store).exists()
    made = new_key(store)
    assert lost_keys(store) == {"0" * 16}
    assert fingerprint(identity_key(store)) == made


def test_versions_sealed_before_fingerprints_need_some_key(store: Store) -> None:
    seal_rows(store, "causal-lm", {one: [] for one in SPLITS}, identified=True)
    with pytest.raises(IntegrityError, match="missing"):
        identity_key(store)
    key_file(store).parent.mkdir(parents=True)
    key_file(store).write_bytes(bytes(32))
    assert identity_key(store) == bytes(32)


def test_a_build_with_another_key_is_refused(
    store: Store, ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([question(1, who="patient 7")], **PATIENT)  # into tmp_path/built/test
    (tmp_path / "data").mkdir()
    (tmp_path / "built").rename(tmp_path / "data" / "built")
    monkeypatch.setattr("tasks.data.identity_key.CHECKOUT", tmp_path)
    kept = key_file(store).read_bytes()
    assert key_to_build(store, "test") == fingerprint(kept)
    key_file(store).write_bytes(bytes(32))
    with pytest.raises(IntegrityError, match="test was built with"):
        key_to_build(store, "test")
    key_file(store).write_bytes(kept)
    assert key_to_build(store, "test") != new_key(store) == key_to_build(store, "test")


def test_aliases_find_a_person_in_any_dataset(store: Store) -> None:
    assert aliases(store, "7") == ["7"]
    identity = Identity(store, True)
    assert aliases(store, "7") == ["7", identity.of("record", "7"), identity.of("group", "7")]


def test_content_digest_is_canonical_json() -> None:
    record = {"prompt": 'a "b"\n\x1f é 病', "answer": "\x7f", "choices": ["x", "y"], "record_id": "1"}
    assert content_digest("causal-lm", record) == digest_data([record["prompt"], record["answer"], record["choices"]])
    assert content_digest("causal-lm", record | {"record_id": "2"}) == content_digest("causal-lm", record)

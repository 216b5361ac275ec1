from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from tasks import signatures
from tasks.digest import canonical_json
from tasks.errors import InputError, IntegrityError
from tasks.store import Store


def test_pae_is_the_one_of_the_dsse_specification() -> None:
    assert signatures.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_key_is_made_once_for_its_owner_only(store: Store) -> None:
    first = signatures.signer(store)
    assert signatures.signer(store).id == first.id
    assert (store.root / "keys" / "signing.key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (store.root / "keys").iterdir()) == [f"{first.id}.pub", "signing.key"]


def _key_id(store: Store) -> str:
    return signatures.signer(store).id


def test_processes_that_start_together_share_one_key(store: Store) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert len(set(pool.map(_key_id, [store] * 8, chunksize=1))) == 1


def test_a_key_that_others_may_read_is_refused(store: Store) -> None:
    signatures.signer(store)
    (store.root / "keys" / "signing.key").chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        signatures.signer(store)


def test_a_damaged_key_is_an_integrity_error(store: Store) -> None:
    signatures.signer(store)
    (store.root / "keys" / "signing.key").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(IntegrityError, match="unreadable"):
        signatures.signer(store)


def test_after_a_change_of_keys_old_signatures_verify(store: Store) -> None:
    old = signatures.signer(store)
    signed = signatures.sign("text/plain", b"before", old)
    (store.root / "keys" / "signing.key").rename(store.root / "retired.key")
    new = signatures.signer(store)
    assert new.id != old.id
    assert set(signatures.trusted_keys(store)) == {old.id, new.id}
    assert signatures.check(signed, signatures.trusted_keys(store)).payload == b"before"


def test_a_file_name_lends_no_trust_to_a_key(store: Store, tmp_path: Path) -> None:
    ours = signatures.signer(store)
    foreign = signatures.signer(Store(tmp_path / "elsewhere"))
    signed = json.loads(signatures.sign("text/plain", b"hello", foreign))
    signed["signatures"][0]["keyid"] = ours.id
    with pytest.raises(ValueError, match="does not match its signature"):
        signatures.check(canonical_json(signed), signatures.trusted_keys(store))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda outer: outer.update(payload="aGVsbG8h"), "does not match its signature"),
        (lambda outer: outer.update(payloadType="text/html"), "does not match its signature"),
        (lambda outer: outer["signatures"][0].update(sig="A" * 86 + "=="), "does not match its signature"),
        (lambda outer: outer["signatures"][0].update(keyid="0" * 64), "unknown key"),
        (lambda outer: outer.update(signatures=[]), "not signed"),
        (lambda outer: outer.update(payload="not base64"), "not a DSSE envelope"),
        (lambda outer: outer.pop("payloadType"), "not a DSSE envelope"),
    ],
)
def test_every_part_of_an_envelope_is_covered(store: Store, change, why) -> None:  # type: ignore[no-untyped-def]
    outer = json.loads(signatures.sign("text/plain", b"hello", signatures.signer(store)))
    change(outer)
    with pytest.raises(ValueError, match=why):
        signatures.check(canonical_json(outer), signatures.trusted_keys(store))


def test_only_the_canonical_form_is_accepted(store: Store) -> None:
    signed = signatures.sign("text/plain", b"hello", signatures.signer(store))
    with pytest.raises(ValueError, match="canonical"):
        signatures.check(json.dumps(json.loads(signed)).encode(), signatures.trusted_keys(store))

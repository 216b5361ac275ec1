"""A damaged file of any kind ends with its name and exit code 6, and what the message proposes ends well."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest

from tasks import artifact, signatures
from tasks.data.identity_key import identity_key, key_file
from tasks.errors import GalenError, IntegrityError
from tasks.lineage import ledger
from tasks.lineage.audit import audit
from tasks.lineage.roles import roles
from tasks.store import Store
from tests.lineage.chain import ORIGIN, build_chain, release

ENCRYPTED = b"""-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDG7mBiOGSFNm2EuGXb
-----END ENCRYPTED PRIVATE KEY-----
"""
EC = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEVs/o5+uQbTjL3chynL4wXgUg2R9
q9UU8I5mEovUf86QZ7kOBIjJwqnzD1omageEHWwHdBO6B+dFabmdT9POxg==
-----END PUBLIC KEY-----
"""


@pytest.fixture
def home(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr("os.fsync", lambda _: None)
    release(store, build_chain(store))
    return store


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"-----BEGIN PRIVATE KEY-----\n?", ENCRYPTED, EC, None])
def test_a_damaged_signing_key_is_named_and_can_be_replaced(home: Store, content: bytes | None) -> None:
    key = signatures.keys_folder(home) / "signing.key"
    if content is None:
        key.unlink()
        key.mkdir(mode=0o700)
    else:
        key.write_bytes(content)
    with pytest.raises(IntegrityError, match="move it away") as caught:
        ledger.append(home, "nothing-to-do", {"m": "a" * 64}, {"model": "m"}, ORIGIN)
    assert str(key) in str(caught.value)
    key.rename(home.root / "away")
    ledger.append(home, "nothing-to-do", {"m": "a" * 64}, {"model": "m"}, ORIGIN)
    assert len(ledger.verify_chain(home).keys) == 2 and audit(home, "m@champion").verdict == "intact"


@pytest.mark.parametrize("content", [b"", b"\xff\x00", EC])
def test_a_damaged_public_key_is_named(home: Store, content: bytes) -> None:
    key = next(signatures.keys_folder(home).glob("*.pub"))
    key.write_bytes(content)
    with pytest.raises(IntegrityError, match="key") as caught:
        audit(home, "m@champion")
    assert str(key) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"short"])
def test_a_damaged_identity_key_is_named(home: Store, content: bytes) -> None:
    identity_key(home)
    key_file(home).write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        identity_key(home)
    assert str(key_file(home)) in str(caught.value)


def test_bytes_of_the_ledgers_pages_end_in_words_or_change_nothing(home: Store) -> None:
    """Any damage of the database, at random places: found, or of bytes that say nothing."""
    file, chance = ledger.database(home), random.Random(0)
    good, before = file.read_bytes(), [event.digest for event in ledger.events(home)]
    found = 0
    for round_ in range(120):
        data, width = bytearray(good), chance.choice((1, 16, 512, 4096))
        at = chance.randrange(len(data) - width)
        data[at : at + width] = chance.randbytes(width) if round_ % 3 else bytes(width)
        file.write_bytes(bytes(data))
        try:
            ledger.verify_chain(home)
            assert [event.digest for event in ledger.events(home)] == before
            roles(home, "m")
        except IntegrityError as error:
            found += 1
            assert error.hint
    assert found > 60
    file.write_bytes(good[: len(good) // 2])
    with pytest.raises(GalenError) as caught:
        ledger.events(home)
    assert caught.value.exit_code == 6
    file.write_bytes(good)
    assert audit(home, "m@champion").verdict == "intact"


@pytest.mark.parametrize("value", ["NULL", "7", "'text'", "x'ff'"])
def test_a_row_of_another_type_is_a_changed_event(home: Store, value: str) -> None:
    with sqlite3.connect(ledger.database(home)) as connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("PRAGMA ignore_check_constraints = 1")
        try:
            connection.execute(f"UPDATE events SET envelope = {value} WHERE sequence = 2")
        except sqlite3.IntegrityError:
            connection.execute(f"UPDATE events SET digest = {value!r} WHERE sequence = 2")
        connection.commit()
    with pytest.raises(IntegrityError, match="event 2"):
        ledger.events(home)
    with pytest.raises(IntegrityError, match="event 2"):
        ledger.verify_chain(home)


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b"{}", b'{"payload": 1}'])
def test_a_damaged_head_is_named(home: Store, content: bytes) -> None:
    ledger.head_file(home).write_bytes(content)
    for read in (ledger.events, ledger.head, ledger.verify_chain):
        with pytest.raises(IntegrityError, match=r"ledger\.head"):
            read(home)


ODD = b'{"kind": "x", "meta": [], "files": {}}', b'{"kind": "x", "meta": {}, "files": []}', b"[" * 100_000


def test_a_pipe_is_no_manifest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "artifact.json")
    with pytest.raises(IntegrityError, match="not a sealed artifact"):
        artifact.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b"{}", b'{"kind": "x"}', *ODD])
def test_a_damaged_manifest_is_named(home: Store, content: bytes) -> None:
    digest = roles(home, "m").versions[0].artifact
    manifest: Path = home.folder(digest) / "artifact.json"
    manifest.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"artifact\.json|not a sealed artifact"):
        home.load(digest)
    assert audit(home, "m@champion").verdict == "broken"
    with pytest.raises(IntegrityError):
        home.all("quantized")

"""What was signed once must verify forever. These files are never written again: a new format gets a new folder."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tasks import signatures
from tasks.digest import digest_bytes
from tasks.home import CHECKOUT
from tasks.lineage import ledger
from tasks.lineage.event import Origin, open_event, seal_event
from tasks.lineage.roles import roles
from tasks.store import Store

GOLDEN = Path(__file__).parent / "golden" / "v1"
DECISIONS = GOLDEN.parent / "decisions"
"""What people withdrew: the events alone, not the ledger around them."""
PEOPLE = GOLDEN.parent / "people"
"""Who approved a policy, and who read answers."""
LOOKS = GOLDEN.parent / "looks"
"""Screening, a look at a test split, an anchor that a person approved: the events alone."""
EVIDENCE = GOLDEN.parent / "evidence"
"""Decisions that name what they were measured beside, and those that name the evidence that they were computed from."""
HEAD = "a847feacb9efcfb4eb7ca918499b8688503e3e94e498423d0161d799421d4c8d"
KEY = "56475aa75463474c0285df5dbf2bcab73da651358839e9b77481b2eab107708c"


@pytest.fixture
def restored(store: Store) -> Path:
    """A `GALEN_HOME` with the golden ledger in it, and no private key."""
    (store.root / "keys").mkdir(parents=True)
    (store.root / "keys" / "old.pub").write_bytes((GOLDEN / "signer.pub").read_bytes())
    (store.root / "ledger.head").write_bytes((GOLDEN / "ledger.head").read_bytes())
    with closing(sqlite3.connect(ledger.database(store))) as connection:
        connection.executescript(ledger._TABLE)
        for sequence, envelope in enumerate(envelopes(), 1):
            connection.execute("INSERT INTO events VALUES (?, ?, ?)", (sequence, digest_bytes(envelope), envelope))
        connection.commit()
    return store.root


def envelopes(folder: Path = GOLDEN) -> list[bytes]:
    return (folder / "events.jsonl").read_bytes().splitlines()


def test_withdrawals_verify_by_the_key_that_signed_them() -> None:
    key = signatures.load_public(DECISIONS / "signer.pub")
    trusted = {signatures.key_id(key): key}
    kinds = [open_event(envelope, trusted).kind for envelope in envelopes(DECISIONS)]
    assert kinds == ["rolled-back", "rejected", "recalled"]


def test_what_people_approved_and_read_verifies() -> None:
    key = signatures.load_public(PEOPLE / "signer.pub")
    trusted = {signatures.key_id(key): key}
    kinds = [open_event(envelope, trusted).kind for envelope in envelopes(PEOPLE)]
    assert kinds == ["policy-approved", "reviewed"]


def test_looks_verify_by_the_key_that_signed_them() -> None:
    key = signatures.load_public(LOOKS / "signer.pub")
    trusted = {signatures.key_id(key): key}
    kinds = [open_event(envelope, trusted).kind for envelope in envelopes(LOOKS)]
    assert kinds == ["screened", "looked", "confirmed"]


def test_decisions_that_name_their_evidence_verify() -> None:
    key = signatures.load_public(EVIDENCE / "signer.pub")
    trusted = {signatures.key_id(key): key}
    opened = [open_event(envelope, trusted) for envelope in envelopes(EVIDENCE)]
    assert [(event.kind, event.version) for event in opened] == [("judged", 2), ("screened", 2), ("judged", 3)]


def test_an_old_ledger_verifies_to_the_same_head(store: Store, restored: Path) -> None:
    chain = ledger.verify_chain(store)
    assert (chain.head.digest, list(chain.keys)) == (HEAD, [KEY])
    assert len(ledger.events(store)) == chain.head.sequence == len(envelopes())


def test_its_roles_are_still_understood(store: Store, restored: Path) -> None:
    champion = roles(store, "m").champion
    assert champion and champion.number == 1
    assert champion.approved and champion.approved.facts["name"] == "Ada Example"


def test_it_can_be_gone_on_with(store: Store, restored: Path) -> None:
    before = ledger.head(store)
    origin = Origin(actor="user:test", code={})
    assert ledger.append(store, "nothing-to-do", {"m": "a" * 64}, {"model": "m"}, origin).previous == before.digest
    assert len(ledger.verify_chain(store).keys) == 2


def test_the_same_event_still_gets_the_same_bytes() -> None:
    """With the same key, which is public: the bytes 0 to 31."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signer = signatures.Signer(signatures.key_id(private.public_key()), private)
    for envelope in envelopes():
        event = open_event(envelope, {signer.id: private.public_key()})
        again = seal_event(
            event.kind,
            event.subjects,
            event.facts,
            sequence=event.sequence,
            previous=event.previous,
            time=event.time,
            origin=Origin(event.actor, event.run, event.code),
            by=signer,
        )
        assert again == envelope


def test_the_script_in_the_documentation_verifies_it(store: Store, restored: Path) -> None:
    text = (CHECKOUT / "docs" / "lineage.md").read_text()
    script = text.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", script, str(restored)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["15", HEAD]
    with closing(sqlite3.connect(ledger.database(store))) as connection:
        connection.execute("DROP TRIGGER no_delete")
        connection.execute("DELETE FROM events WHERE sequence = 15")
        connection.commit()
    done = subprocess.run([sys.executable, "-c", script, str(restored)], capture_output=True, text=True, check=False)
    assert "cut off" in done.stderr

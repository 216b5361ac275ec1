"""Stores: a cache hit is verified, a crash leaves nothing half made, and two of them know nothing of each other."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import signatures
from tasks.artifact import MANIFEST, Artifact, key_of
from tasks.digest import canonical_json
from tasks.errors import InputError, IntegrityError, Interrupted
from tasks.lineage.audit import audit
from tasks.lineage.ledger import events, find
from tasks.lineage.roles import models, roles
from tasks.lineage.trace import trace
from tasks.signatures import trusted_keys
from tasks.store import Store
from tests.lineage.chain import build_chain, release

CODE = "c" * 64


def writes(text: str) -> Callable[[Path], dict[str, Any]]:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "sub").mkdir()
        (folder / "sub" / "weights.bin").write_text(text)
        return {"note": "n"}

    return build


def test_make_builds_once_and_says_when_it_reuses(store: Store) -> None:
    calls = []

    def build(folder: Path) -> dict[str, Any]:
        calls.append(1)
        return writes("x")(folder)

    first = store.make("thing", {"a": 1}, build, CODE)
    again = store.make("thing", {"a": 1}, build, CODE)
    other = store.make("thing", {"a": 2}, build, CODE)
    newer = store.make("thing", {"a": 1}, build, "d" * 64)
    assert len(calls) == 3
    assert [one.reused for one in (first, again, other, newer)] == [False, True, False, False]
    assert first == again
    assert {other.digest, newer.digest} == {first.digest}, "same content from other inputs or code is the same artifact"


def test_a_step_that_fails_leaves_nothing_behind(store: Store) -> None:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "half").write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        store.make("thing", {}, build, CODE)
    assert store.find("thing", {}, CODE) is None
    assert not list((store.root / "staging").iterdir())
    assert store.make("thing", {}, writes("x"), CODE).file("sub/weights.bin").read_text() == "x"


@pytest.mark.parametrize("fault", ["changed", "added", "missing", "manifest"])
def test_tampering_is_named(fault: str, store: Store) -> None:
    made = store.make("thing", {}, writes("x"), CODE)
    weights = made.path / "sub" / "weights.bin"
    if fault == "changed":
        weights.write_text("y")
    elif fault == "added":
        (made.path / "extra.bin").write_text("z")
    elif fault == "missing":
        weights.unlink()
    else:
        manifest = made.path / MANIFEST
        manifest.write_bytes(manifest.read_bytes().replace(b'"n"', b'"m"'))
    assert store.find("thing", {}, CODE) is None
    with pytest.raises(IntegrityError, match="galen retrain") as caught:
        store.load(made.digest)
    if fault != "manifest":
        assert {"changed": "weights.bin was changed", "added": "extra.bin", "missing": "is missing"}[fault] in str(
            caught.value
        )


def test_every_difference_is_named_not_the_first_alone(store: Store) -> None:
    made = store.make("thing", {}, writes("x"), CODE)
    (made.path / "sub" / "weights.bin").unlink()
    (made.path / "extra.bin").write_text("z")
    with pytest.raises(IntegrityError) as caught:
        store.load(made.digest)
    assert "sub/weights.bin is missing" in str(caught.value) and "extra.bin was added" in str(caught.value)


@pytest.mark.parametrize("odd", ["link", "link to the same bytes", "dangling", "linked folder", "pipe", "empty folder"])
def test_whatever_lies_in_an_artifact_beside_its_files_is_a_difference(odd: str, store: Store) -> None:
    made = store.make("thing", {}, writes("x"), CODE)
    place, away = made.path / "planted", store.root / "away"
    away.mkdir()
    if odd == "link":
        place.symlink_to(made.path / "sub" / "weights.bin")
    elif odd == "link to the same bytes":
        place = made.path / "sub" / "weights.bin"
        place.rename(away / "weights.bin")
        place.symlink_to(away / "weights.bin")
    elif odd == "dangling":
        place.symlink_to("nowhere")
    elif odd == "linked folder":
        place.symlink_to(away)
    elif odd == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    with pytest.raises(IntegrityError, match=rf"{place.name} is (a link|a pipe|an empty folder)"):
        store.load(made.digest)


def test_a_damaged_artifact_is_set_aside_and_made_again(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    made = store.make("thing", {}, writes("x"), CODE)
    (made.path / "sub" / "weights.bin").write_text("y")
    again = store.make("thing", {}, writes("x"), CODE)
    assert (again.digest, again.reused) == (made.digest, False)
    store.load(made.digest)
    (kept,) = (store.root / "damaged").iterdir()
    assert (kept / "sub" / "weights.bin").read_text() == "y"
    said = capsys.readouterr().err
    assert "is damaged: it is made again" in said and "set aside" in said


def forged(store: Store) -> Artifact:
    """What somebody without the key puts into the root: an artifact that verifies by its digest."""
    with store.staging("forged") as folder:
        return store.adopt(folder, "thing", writes("forged")(folder))


@pytest.mark.parametrize("how", ["plain digest", "another key", "another step", "other bytes", "no text"])
def test_what_no_key_of_this_machine_vouches_for_is_not_reused(
    how: str, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = forged(store)
    store.make("thing", {"a": 2}, writes("other step"), CODE)
    index = store.root / "index" / "thing" / key_of("thing", {"a": 1}, CODE)
    said = canonical_json({"kind": "thing", "key": index.name, "artifact": evil.digest})
    if how == "plain digest":  # as earlier versions wrote it, too
        line = evil.digest.encode()
    elif how == "another key":
        stranger = signatures.signer(Store(tmp_path / "stranger"))
        shutil.copy(tmp_path / "stranger" / "keys" / f"{stranger.id}.pub", store.root / "keys")
        line = signatures.sign("application/vnd.galen.made+json", said, stranger)
    elif how == "another step":
        line = (index.parent / key_of("thing", {"a": 2}, CODE)).read_bytes()
    elif how == "other bytes":
        mine = signatures.sign("application/vnd.galen.made+json", said, signatures.signer(store))
        line = mine.replace(b"payload", b"Payload", 1)
    else:
        line = b"\xff\x00"
    index.write_bytes(line)
    assert store.find("thing", {"a": 1}, CODE) is None
    made = store.make("thing", {"a": 1}, writes("honest"), CODE)
    assert (made.reused, made.file("sub/weights.bin").read_text()) == (False, "honest")
    assert "no signature" in capsys.readouterr().err
    assert store.make("thing", {"a": 1}, writes("never"), CODE).reused


def test_what_was_not_touched_is_not_hashed_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.make("thing", {}, writes("x"), CODE)
    store.check(made.digest)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.artifact.digest_file", lambda _: pytest.fail("hashed"))
        store.check(made.digest)
    weights = made.path / "sub" / "weights.bin"
    before = weights.stat()
    weights.write_text("y")  # the same size, and the old time put back
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(IntegrityError, match="was changed"):
        store.check(made.digest)


def test_a_lost_artifact_is_built_again(store: Store) -> None:
    made = store.make("thing", {}, writes("x"), CODE)
    shutil.rmtree(made.path)
    assert store.find("thing", {}, CODE) is None
    assert store.make("thing", {}, writes("x"), CODE).digest == made.digest


def test_a_lock_that_is_held_is_not_waited_for_when_told_so(store: Store) -> None:
    with store.locked("one"):
        holder = rf"another run holds one: process {os.getpid()} holds it since \d{{4}}-"
        with pytest.raises(Interrupted, match=holder), store.locked("one", wait=False):
            pass
        with store.locked("two", wait=False):
            pass
    with store.locked("one", wait=False):
        pass


def test_an_artifact_is_taken_out_whole_or_was_not_there(store: Store) -> None:
    made, kept = store.make("thing", {}, writes("x"), code="c"), store.make("other", {}, writes("y"), code="c")
    assert store.remove(made.digest) and not store.remove(made.digest)
    assert (store.has(made.digest), store.all("thing"), store.all("other")) == (False, [], [kept])
    assert not list((store.root / "staging").iterdir())


def test_two_stores_in_one_process_know_nothing_of_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.store.home", lambda: pytest.fail("somebody asked the environment"))
    ours, theirs = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
    made = build_chain(ours)
    release(ours, made)
    assert not theirs.root.exists(), "reading and writing one store leaves the other alone"

    assert audit(ours, "m@champion").verdict == "intact"
    assert trace(ours, "r0-00000").found
    assert ours.load(made.quantized.digest) == made.quantized
    said = {event.digest for event in events(ours)}

    assert (events(theirs), models(theirs), theirs.all("dataset")) == ([], [], [])
    assert not theirs.has(made.quantized.digest)
    assert trace(theirs, "r0-00000").searched == 0
    with pytest.raises(IntegrityError, match="not on this machine"):
        theirs.load(made.quantized.digest)
    with pytest.raises(InputError, match="no version of this model"):
        audit(theirs, "m@champion")
    with pytest.raises(IntegrityError, match="no such event"):
        find(theirs, events(ours)[0].digest)

    again = build_chain(theirs)  # the same bytes elsewhere: the same digest, built anew, under another key
    assert again.quantized.digest == made.quantized.digest and not again.quantized.reused
    assert again.quantized.path != made.quantized.path
    assert not trusted_keys(ours).keys() & trusted_keys(theirs).keys()
    assert not said & {event.digest for event in events(theirs)}
    assert {event.digest for event in events(ours)} == said and models(ours) == models(theirs) == ["m"]
    assert roles(ours, "m").champion and not roles(theirs, "m").champion

"""Stores: a cache hit is verified, a crash leaves nothing half made, and two of them know nothing of each other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import MANIFEST
from tasks.errors import IntegrityError, Interrupted
from tasks.store import Store


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

    first = store.make("thing", {"a": 1}, build)
    again = store.make("thing", {"a": 1}, build)
    other = store.make("thing", {"a": 2}, build)
    assert (len(calls), first.reused, again.reused, other.reused) == (2, False, True, False)
    assert first == again
    assert other.digest == first.digest, "same content from other inputs is the same artifact"


def test_a_step_that_fails_leaves_nothing_behind(store: Store) -> None:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "half").write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        store.make("thing", {}, build)
    assert store.find("thing", {}) is None
    assert not list((store.root / "staging").iterdir())
    assert store.make("thing", {}, writes("x")).file("sub/weights.bin").read_text() == "x"


@pytest.mark.parametrize("fault", ["changed", "added", "missing", "manifest"])
def test_tampering_is_named(fault: str, store: Store) -> None:
    made = store.make("thing", {}, writes("x"))
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
    with pytest.raises(IntegrityError) as caught:
        store.find("thing", {})
    if fault != "manifest":
        assert {"changed": "weights.bin was changed", "added": "extra.bin", "missing": "is missing"}[fault] in str(
            caught.value
        )


def test_a_lost_artifact_is_built_again(store: Store) -> None:
    made = store.make("thing", {}, writes("x"))
    shutil.rmtree(made.path)
    assert store.find("thing", {}) is None
    assert store.make("thing", {}, writes("x")).digest == made.digest


def test_a_lock_that_is_held_is_not_waited_for_when_told_so(store: Store) -> None:
    with store.locked("one"):
        with pytest.raises(Interrupted), store.locked("one", wait=False):
            pass
        with store.locked("two", wait=False):
            pass
    with store.locked("one", wait=False):
        pass

"""Sealed artifacts: the digest covers every byte, a cache hit is verified, a crash leaves nothing half made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks import artifact
from tasks.errors import InputError, IntegrityError, Interrupted


def writes(text: str) -> Callable[[Path], dict[str, Any]]:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "sub").mkdir()
        (folder / "sub" / "weights.bin").write_text(text)
        return {"note": "n"}

    return build


def test_the_same_content_has_the_same_digest_wherever_it_lies(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        writes("content")(folder)
        digests.append(artifact.seal(folder, "thing", {"note": "n"}))
    assert digests[0] == digests[1]
    (tmp_path / "two" / "sub" / "weights.bin").write_text("other")
    assert artifact.seal(tmp_path / "two", "thing", {"note": "n"}) != digests[0]


def test_make_builds_once_and_says_when_it_reuses() -> None:
    calls = []

    def build(folder: Path) -> dict[str, Any]:
        calls.append(1)
        return writes("x")(folder)

    first = artifact.make("thing", {"a": 1}, build)
    again = artifact.make("thing", {"a": 1}, build)
    other = artifact.make("thing", {"a": 2}, build)
    assert (len(calls), first.reused, again.reused, other.reused) == (2, False, True, False)
    assert first == again
    assert other.digest == first.digest, "same content from other inputs is the same artifact"


def test_a_step_that_fails_leaves_nothing_behind(galen_home: Path) -> None:
    def build(folder: Path) -> dict[str, Any]:
        (folder / "half").write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        artifact.make("thing", {}, build)
    assert artifact.find("thing", {}) is None
    assert not list((galen_home / "staging").iterdir())
    assert artifact.make("thing", {}, writes("x")).file("sub/weights.bin").read_text() == "x"


@pytest.mark.parametrize("fault", ["changed", "added", "missing", "manifest"])
def test_tampering_is_named(fault: str) -> None:
    made = artifact.make("thing", {}, writes("x"))
    weights = made.path / "sub" / "weights.bin"
    if fault == "changed":
        weights.write_text("y")
    elif fault == "added":
        (made.path / "extra.bin").write_text("z")
    elif fault == "missing":
        weights.unlink()
    else:
        manifest = made.path / artifact.MANIFEST
        manifest.write_bytes(manifest.read_bytes().replace(b'"n"', b'"m"'))
    with pytest.raises(IntegrityError) as caught:
        artifact.find("thing", {})
    if fault != "manifest":
        assert {"changed": "weights.bin was changed", "added": "extra.bin", "missing": "is missing"}[fault] in str(
            caught.value
        )


def test_a_lost_artifact_is_built_again() -> None:
    made = artifact.make("thing", {}, writes("x"))
    shutil.rmtree(made.path)
    assert artifact.find("thing", {}) is None
    assert artifact.make("thing", {}, writes("x")).digest == made.digest


def test_a_lock_that_is_held_is_not_waited_for_when_told_so() -> None:
    with artifact.locked("one"):
        with pytest.raises(Interrupted), artifact.locked("one", wait=False):
            pass
        with artifact.locked("two", wait=False):
            pass
    with artifact.locked("one", wait=False):
        pass


def test_a_linked_folder_is_not_sealed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError):
        artifact.seal(tmp_path / "folder", "thing", {})

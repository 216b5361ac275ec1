"""Sealed artifacts: the digest covers every byte, wherever they lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks import artifact
from tasks.errors import InputError


def test_the_same_content_has_the_same_digest_wherever_it_lies(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "sub").mkdir()
        (folder / "sub" / "weights.bin").write_text("content")
        digests.append(artifact.seal(folder, "thing", {"note": "n"}))
    assert digests[0] == digests[1]
    (tmp_path / "two" / "sub" / "weights.bin").write_text("other")
    assert artifact.seal(tmp_path / "two", "thing", {"note": "n"}) != digests[0]


def test_a_linked_folder_is_not_sealed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError):
        artifact.seal(tmp_path / "folder", "thing", {})

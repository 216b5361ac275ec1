from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.artifact import read, verify
from tasks.config.data import Dataset
from tasks.data import seal
from tasks.data.identity import content_digest
from tasks.data.records import membership_schema, schema, working_schema
from tasks.data.stage import execute
from tasks.data.version import SPLITS, load_version
from tasks.errors import InputError, IntegrityError
from tasks.store import Store
from tests.data.findings import before_seal

DATASET = {"task": "causal-lm", "format": "jsonl", "licence": "CC0-1.0", "identified": False}
BEFORE = before_seal()


def record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "prompt": f"Why {number}?", "answer": f"So {number}.", "record_id": f"r{number}", "group_id": f"g{number}",
        "category": "skin", "language": "en", "source": "s", "licence": "CC0-1.0", "parents": [], "place": "line 1",
    } | more  # fmt: skip


SPLIT = {
    "train": [record(1), record(2), record(3, group_id="g1", parents=["r1"])],
    "validation": [record(4)],
    "test": [record(5, category="eye")],
}

Sealed = Callable[..., Path]


@pytest.fixture
def sealed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    """Seal hand-made splits; returns the folder of the stage."""
    monkeypatch.setattr(seal, "built_folder", lambda name: tmp_path / "built" / name)

    def run(split: dict[str, list[Any]] = SPLIT, source: str = "a/b.jsonl", rows_per_group: int = 2) -> Path:
        built = tmp_path / "built" / "test"
        shutil.rmtree(built, ignore_errors=True)
        for stage in ("augment", "validate"):
            (built / stage).mkdir(parents=True)
        for name in SPLITS:
            table = pa.Table.from_pylist(split[name], schema=working_schema("causal-lm"))
            pq.write_table(table, built / "augment" / f"{name}.parquet", row_group_size=rows_per_group)
        (built / "augment" / "manifest.json").write_text(json.dumps(BEFORE.plain()))
        (built / "validate" / "validation.json").write_text("{}")
        return execute(store, "seal", "test", Dataset.model_validate(DATASET | {"source": source}), seal.run, built)

    return run


def test_a_test_set_alone_is_a_version(sealed: Sealed) -> None:
    meta = read(sealed({"train": [], "validation": [], "test": SPLIT["train"]})).meta
    assert meta["counts"] == {"train": 0, "validation": 0, "test": 3}


def test_what_a_version_says_about_itself(sealed: Sealed) -> None:
    artifact = read(sealed())
    meta = artifact.meta
    assert set(artifact.files) == {"membership.parquet", "validation.json", *(f"{split}.parquet" for split in SPLITS)}
    assert meta["counts"] == {"train": 3, "validation": 1, "test": 1}
    assert meta["groups"] == {"train": 2, "validation": 1, "test": 1}
    assert meta["slices"]["category"]["eye"] == {"train": 0, "validation": 0, "test": 1}
    assert meta["rejected"] == {"blank-target": 3, "near-duplicate": 1}
    assert meta["phi"] == {"NAME": 3}
    assert meta["config"]["source"] == "b.jsonl"


def test_the_same_data_seals_to_the_same_digest_wherever_it_lies_and_however_it_came(sealed: Sealed) -> None:
    first = read(sealed()).digest
    assert read(sealed(source="/elsewhere/b.jsonl", rows_per_group=1)).digest == first
    assert read(sealed(SPLIT | {"test": [record(6)]})).digest != first


def test_membership_names_every_record(sealed: Sealed) -> None:
    members = pq.read_table(sealed() / "membership.parquet")
    assert members.schema.equals(membership_schema())
    rows = members.to_pylist()
    assert [(row["record_id"], row["split"]) for row in rows] == [
        ("r1", "train"), ("r2", "train"), ("r3", "train"), ("r4", "validation"), ("r5", "test"),
    ]  # fmt: skip
    assert rows[2]["parents"] == ["r1"]
    assert rows[0]["content_digest"] == content_digest("causal-lm", record(1) | {"choices": None})


@pytest.mark.parametrize(
    ("split", "fault"),
    [
        ({"test": [record(1)]}, "a record occurs twice"),
        ({"test": [record(9, group_id="g1")]}, "a group is both in train and in test"),
    ],
)
def test_a_leak_is_never_sealed(sealed: Sealed, split: dict[str, list[Any]], fault: str) -> None:
    with pytest.raises(IntegrityError, match=fault):
        sealed(SPLIT | split)


def test_adopting_copies_the_version_into_the_store(store: Store, sealed: Sealed) -> None:
    folder = sealed()
    version = seal.adopt_version(store, "test")
    assert version.digest == read(folder).digest
    assert version.artifact.path == store.root / "artifacts" / version.digest
    one, other = folder / "train.parquet", version.artifact.path / "train.parquet"
    assert one.read_bytes() == other.read_bytes() and not one.samefile(other)  # one bad byte must not spoil both
    assert (store.root / "datasets" / version.digest).resolve() == version.artifact.path
    assert (seal.snapshot_folder(store, version.digest) / "params.yaml").is_file()
    assert version.read("train").schema.equals(schema("causal-lm"))
    assert seal.adopt_version(store, "test").digest == version.digest
    shutil.rmtree(folder)
    verify(load_version(store, version.digest).artifact)


def test_a_folder_in_the_place_of_a_versions_link_is_set_aside(store: Store, sealed: Sealed) -> None:
    """As a copy of the home leaves it that followed links; and a link that leads nowhere."""
    sealed()
    link = store.root / "datasets" / (version := seal.adopt_version(store, "test")).digest
    for place in range(2):
        link.unlink()
        if place:
            link.symlink_to("nowhere")
        else:
            shutil.copytree(version.artifact.path, link)
        seal.adopt_version(store, "test")
        assert link.is_symlink() and link.resolve() == version.artifact.path
    assert len(list((store.root / "damaged").iterdir())) == 2


def test_what_changed_since_the_seal_is_not_adopted(store: Store, sealed: Sealed) -> None:
    folder = sealed()
    (folder / "validation.json").write_text("[]")
    with pytest.raises(IntegrityError, match="changed since"):
        seal.adopt_version(store, "test")


def test_nothing_to_adopt(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal, "built_folder", lambda name: tmp_path)
    with pytest.raises(InputError, match="not built yet"):
        seal.adopt_version(store, "test")

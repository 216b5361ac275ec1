from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.config.data import Dataset
from tasks.data import params, shown, sources, stage
from tasks.digest import digest_file
from tasks.errors import ConfigError, InputError
from tasks.store import Store
from tests.data.conftest import ENTRIES, question

LICENCE = "CC0-1.0"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(question(1)) + "\n")
    return path


def test_add_writes_an_entry_and_keeps_the_rest(store: Store, checkout: Path, rows: Path) -> None:
    added = sources.add(store, "new-one", rows, "jsonl", task="causal-lm", columns={"record_id": "id"}, licence=LICENCE)
    assert added.source == str(rows)
    text = (checkout / "params.yaml").read_text()
    assert text.startswith(ENTRIES)
    assert params.one_dataset("new-one") == added
    assert params.one_dataset("old").source == "old.jsonl"


def test_add_refuses_what_no_row_of_can_be_read(store: Store, checkout: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("prompt,answer\nWhy?,So\n")
    with pytest.raises(InputError, match="none of the first 2 rows can be read"):
        sources.add(store, "new", table, "jsonl", task="causal-lm", licence=LICENCE)
    assert (checkout / "params.yaml").read_text() == ENTRIES


def test_add_into_the_checkout_is_relative(store: Store, checkout: Path) -> None:
    assert (
        sources.add(store, "new", checkout / "old.jsonl", "jsonl", task="causal-lm", licence=LICENCE).source
        == "old.jsonl"
    )


@pytest.mark.parametrize(
    ("name", "settings", "fault"),
    [
        ("a/b", {}, "this looks like a path"),
        ("Old", {}, "not a dataset name"),
        ("old", {}, "declared already"),
        ("new", {"format": "xlsx"}, "unknown format: xlsx"),
        ("new", {"task": None}, "does not tell the task"),
        ("new", {"columns": {"answer": "reply"}}, "no column for answer: reply\n.*has: id, prompt, answer"),
        ("new", {"licence": "", "colour": 1}, r"(?s)2 fault\(s\).*colour: unknown key"),
        ("new", {"delimiter": ";"}, "delimiter is for format csv only"),
        ("new", {"deidentify": False}, "identified data must be de-identified"),
    ],
)
def test_add_refuses_and_writes_nothing(
    store: Store, checkout: Path, rows: Path, name: str, settings: dict[str, Any], fault: str
) -> None:
    given = {"format": "jsonl", "task": "causal-lm", "licence": LICENCE} | settings
    with pytest.raises(InputError, match=fault):
        sources.add(store, name, rows, **given)
    assert (checkout / "params.yaml").read_text() == ENTRIES


def test_one_bad_entry_stops_no_other(checkout: Path) -> None:
    with (checkout / "params.yaml").open("a") as file:
        file.write("  bad:\n    task: poetry\n    format: jsonl\n  worse:\n    task: poetry\n    format: xlsx\n")
    assert params.one_dataset("old").task == "causal-lm"
    with pytest.raises(ConfigError, match=r"(?s)3 fault.*task.*source.*licence"):
        params.one_dataset("bad")
    known = r"Input should be 'jsonl', 'csv', .* or '\w+' \(found 'xlsx'\)"
    with pytest.raises(ConfigError, match=rf"(?s)4 fault.*task.*source.*format: {known}.*licence"):
        params.one_dataset("worse")
    with pytest.raises(InputError, match=r"no such dataset: none\n.*bad, old, worse"):
        params.one_dataset("none")


def test_inputs_digest_changes_with_what_counts_and_with_nothing_else(store: Store, checkout: Path) -> None:
    first = sources.inputs_digest(store, "old")
    source = checkout / "old.jsonl"

    def changed() -> bool:
        return sources.inputs_digest(store, "old") != first

    os.utime(source, (1, 1))
    (checkout / "tasks" / "__pycache__").mkdir()
    (checkout / "tasks" / "__pycache__" / "x.pyc").write_text("")
    with (checkout / "params.yaml").open("a") as file:
        file.write("  other: {}\n")
    assert not changed()

    source.write_text(source.read_text() + json.dumps(question(2)) + "\n")
    assert changed()
    source.write_text(json.dumps(question(1)) + "\n")
    assert not changed()

    (checkout / "tasks" / "code.py").write_text("1")
    assert changed()
    (checkout / "tasks" / "code.py").unlink()
    (checkout / "data").mkdir()
    (checkout / "data" / "withdrawn.txt").write_text("q1")
    assert changed()
    (checkout / "data" / "withdrawn.txt").unlink()
    (checkout / "params.yaml").write_text(ENTRIES.replace("CC0-1.0", "MIT"))
    assert changed()
    source.unlink()
    with pytest.raises(InputError, match="no such file"):
        changed()


def test_a_big_file_is_hashed_once_until_it_changes(
    store: Store, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = checkout / "old.jsonl"
    hashed: list[str] = []

    def watched(path: Path) -> str:
        hashed.append(path.name)
        return digest_file(path)

    monkeypatch.setattr(sources, "digest_file", watched)
    source.write_bytes(b" " * sources.REMEMBERED)
    os.utime(source, (1, 1))
    first = sources.inputs_digest(store, "old")
    assert sources.inputs_digest(store, "old") == first
    assert hashed.count("old.jsonl") == 1
    source.write_bytes(b"x" * sources.REMEMBERED)
    assert sources.inputs_digest(store, "old") != first
    sources.inputs_digest(store, "old")
    assert hashed.count("old.jsonl") == 3  # so young a file may change without its time stamp changing


def build(store: Store, checkout: Path, text: str, **settings: Any) -> None:
    from tasks.data import ingest

    (checkout / "old.jsonl").write_text(text)
    entry = {
        "task": "causal-lm",
        "source": "old.jsonl",
        "format": "jsonl",
        "licence": LICENCE,
        "identified": False,
    }
    stage.execute(
        store, "ingest", "old", Dataset.model_validate(entry | settings), ingest.run, stage.built_folder("old")
    )


def test_show_and_rejected(store: Store, checkout: Path) -> None:
    with pytest.raises(InputError, match="not built yet"):
        shown.show(store, "old")
    with pytest.raises(InputError, match="not built yet"):
        shown.rejected(store, "old")
    text = json.dumps(question(1)) + "\n" + json.dumps(question(2, answer=" ")) + "\n{\n"
    with pytest.raises(InputError, match="refused"):
        build(store, checkout, text)
    with pytest.raises(InputError, match=r"refused.*blank-target: 1; unreadable: 1"):
        shown.show(store, "old")
    assert [row["place"] for row in shown.rejected(store, "old")] == ["line 2", "line 3"]

    build(store, checkout, text, bad_row_budget=1.0)
    found = shown.show(store, "old")
    assert (found["built"], found["rows"], found["kept"], found["digest"]) == ("ingest", 3, 1, None)
    assert found["rejected"] == {"blank-target": 1, "unreadable": 1}
    assert found["source"]["encoding"] == "utf-8"
    (row,) = shown.rejected(store, "old", "unreadable")
    assert (row["stage"], row["place"], row["raw"]) == ("ingest", "line 3", "{")
    with pytest.raises(InputError, match="no such reason: ugly"):
        shown.rejected(store, "old", "ugly")


def test_commit_takes_the_declarations_and_nothing_else(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"NAME": "t", "EMAIL": "t@example.org"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{key}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{key}", value)
    with pytest.raises(InputError, match="git status failed"):
        sources.commit("old")
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    subprocess.run(["git", "add", "old.jsonl"], cwd=checkout, check=True)
    assert sources.commit("old").startswith("committed params.yaml, dvc.yaml as ")
    listed = subprocess.run(["git", "ls-files", "--with-tree=HEAD"], cwd=checkout, capture_output=True, text=True)
    committed = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert committed.stdout.split() == ["dvc.yaml", "params.yaml"]
    assert "old.jsonl" in listed.stdout  # still staged
    assert sources.commit("old").startswith("nothing to commit")

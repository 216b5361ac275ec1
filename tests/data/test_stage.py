from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.config.data import Dataset
from tasks.data.findings import Deidentified, Ingested, Validated
from tasks.data.stage import ERROR_FILE, Stage, execute
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.store import Store
from tests.data.findings import ingested

DATASET = Dataset(task="causal-lm", source="x", format="jsonl", licence="CC0-1.0")
FIRST = ingested("causal-lm", rows=7)


def test_facts_of_every_stage_so_far_are_handed_on(store: Store, tmp_path: Path) -> None:
    def first(stage: Stage) -> Ingested:
        (stage.output / "records.parquet").write_text("1")
        return FIRST

    def second(stage: Stage) -> Deidentified:
        read, rows = stage.previous("records.parquet").read_text(), stage.before.of(Ingested).rows
        return Deidentified(method=read, phi={}, changed=rows)

    execute(store, "ingest", "test", DATASET, first, tmp_path)
    folder = execute(store, "deidentify", "test", DATASET, second, tmp_path)
    assert json.loads((folder / "manifest.json").read_text()) == {
        "ingest": {
            "rows": 7,
            "kept": 7,
            "rejected": {},
            "source": {"digest": "d", "format": "jsonl", "encoding": "utf-8", "rows": 7},
            "settings": {
                "task": "causal-lm",
                "deidentify": True,
                "identified": True,
                "other_languages": "refuse",
            },
        },
        "deidentify": {"method": "1", "phi": {}, "changed": 7},
    }


def test_what_an_earlier_stage_found_is_not_guessed(store: Store, tmp_path: Path) -> None:
    def asks(stage: Stage) -> Deidentified:
        stage.before.of(Validated)
        raise AssertionError

    execute(store, "ingest", "test", DATASET, lambda stage: FIRST, tmp_path)
    with pytest.raises(InputError, match="stage validate did not run yet"):
        execute(store, "deidentify", "test", DATASET, asks, tmp_path)
    (tmp_path / "ingest" / "manifest.json").write_text('{"ingest": {"kept": 1}}')
    with pytest.raises(InputError, match="does not say its rows"):
        execute(store, "deidentify", "test", DATASET, asks, tmp_path)


def test_a_stage_that_fails_leaves_the_old_output(store: Store, tmp_path: Path) -> None:
    def good(stage: Stage) -> Ingested:
        return FIRST

    def bad(stage: Stage) -> Ingested:
        (stage.output / "half").write_text("")
        raise InputError("no")

    folder = execute(store, "ingest", "test", DATASET, good, tmp_path)
    with pytest.raises(InputError):
        execute(store, "ingest", "test", DATASET, bad, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ingest"]
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


def test_out_of_order_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="stage deidentify needs stage ingest first"):
        execute(store, "deidentify", "test", DATASET, lambda stage: FIRST, tmp_path)


MAIN = """
import sys
from tasks.data import stage
entry = {{"task": "causal-lm", "source": "x", "format": "jsonl", "licence": "x"}}
stage.one_entry = lambda name: (entry, "params.yaml")
stage.built_folder = lambda name: stage.Path({built!r})
def run(given):
    raise {error}
sys.argv = ["stage", "test"]
stage.stage_main("ingest", run)
"""


@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [
        ("stage.InputError('wrong', value=3, hint='mend it')", 2, "InputError"),
        ("stage.Interrupted('gone')", 5, "Interrupted"),
        ("OSError(28, 'No space left')", 5, "Stopped"),
        ("PermissionError(13, 'denied', '/here')", 2, "InputError"),
        ("ValueError('Jane Roe has a cough')", 1, "Unforeseen"),
    ],
)
def test_errors_cross_the_process_and_quote_no_record(tmp_path: Path, error: str, code: int, kind: str) -> None:
    file = tmp_path / "error.json"
    done = subprocess.run(
        [sys.executable, "-c", MAIN.format(built=str(tmp_path / "built"), error=error)],
        cwd=CHECKOUT,
        env={ERROR_FILE: str(file), "GALEN_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert json.loads(file.read_text())["error"] == kind
    assert "Jane Roe" not in done.stdout + done.stderr + file.read_text()

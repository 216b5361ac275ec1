"""Stages run in a folder of the test's own, without DVC."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.config.data import Dataset
from tasks.data import entries, sources, stage
from tasks.store import Store

QUESTIONS = {"task": "causal-lm", "licence": "CC0-1.0", "identified": False, "bad_row_budget": 1.0}

ENTRIES = """\
# Why we have these.
datasets:
  old:  # keep me
    task: causal-lm
    source: old.jsonl
    format: jsonl
    licence: "CC0-1.0"
"""


@dataclass(frozen=True)
class Ingested:
    facts: dict[str, Any]
    records: list[dict[str, Any]]
    rejected: list[dict[str, Any]]
    folder: Path

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.rejected]


Ingest = Callable[..., Ingested]


def pairs(done: Ingested) -> list[tuple[str, str]]:
    return [(record["prompt"], record["answer"]) for record in done.records]


@pytest.fixture
def ingest(store: Store, tmp_path: Path) -> Ingest:
    """Write a source (text, bytes, or rows for JSON lines) and ingest it; `settings` go into the dataset's entry."""

    def run(content: str | bytes | list[Any] | Path, format: str = "jsonl", **settings: Any) -> Ingested:  # noqa: A002
        import pyarrow.parquet as pq

        from tasks.data import ingest as stage
        from tasks.data.stage import execute

        if isinstance(content, list):
            content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in content)
        if isinstance(content, str):
            content = content.encode()
        source = content if isinstance(content, Path) else tmp_path / "source"
        if isinstance(content, bytes):
            source.write_bytes(content)
        dataset = Dataset.model_validate(QUESTIONS | {"source": str(source), "format": format} | settings)
        folder = execute(store, "ingest", "test", dataset, stage.run, tmp_path / "built" / "test")
        return Ingested(
            json.loads((folder / "manifest.json").read_bytes())["ingest"],
            pq.read_table(folder / "records.parquet").to_pylist(),
            pq.read_table(folder / "rejected.parquet").to_pylist(),
            folder,
        )

    return run


def question(number: int, **more: Any) -> dict[str, Any]:
    """A row that nothing is wrong with."""
    return {"id": f"q{number}", "prompt": f"What helps against sign {number}?", "answer": f"Remedy {number}."} | more


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the test's own: params.yaml, dvc.yaml, no code."""
    folder = tmp_path / "checkout"
    (folder / "tasks").mkdir(parents=True)
    (folder / "params.yaml").write_text(ENTRIES)
    (folder / "old.jsonl").write_text(json.dumps(question(1)) + "\n")
    deps = {name: {"do": {"deps": ["tasks"]}} for name in stage.STAGES}
    deps["ingest"]["do"]["deps"] = ["${item.source}", "data/withdrawn.txt"]
    (folder / "dvc.yaml").write_text(json.dumps({"stages": deps}))
    for module in (entries, sources, stage):
        monkeypatch.setattr(module, "CHECKOUT", folder)
    monkeypatch.setattr("tasks.data.reading.CHECKOUT", folder)
    monkeypatch.setattr("tasks.home.CHECKOUT", folder)
    return folder

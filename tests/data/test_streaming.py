"""Reading holds a part of a source in memory, never all of it."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from tasks.config.data import Dataset
from tasks.data.reading import open_source

ROWS = 3000
TEXT = "words and more of them " * 40  # 1 kB

ROW = {
    "jsonl": lambda number: json.dumps({"prompt": f"{number}", "answer": TEXT}) + "\n",
    "array": lambda number: f"{',' if number else '['}{json.dumps({'prompt': f'{number}', 'answer': TEXT})}",
    "csv": lambda number: f'{number},"{TEXT}"\n' if number else "prompt,answer\n",
    "pubmedqa": lambda number: (
        f'{"," if number else "{"}"{number}":{json.dumps({"QUESTION": TEXT, "LONG_ANSWER": "x"})}'
    ),
    "conll": lambda number: f"{number} O\n{TEXT.replace(' ', '-')} O\n\n",
}
END = {"array": "]", "pubmedqa": "}"}
TASKS = {"conll": "token-classification"}


def peak(folder: Path, kind: str, rows: int) -> int:
    """The most that reading a source of so many rows held in Python objects, in bytes."""
    source = folder / f"{kind}-{rows}"
    with source.open("w") as file:
        file.writelines(ROW[kind](number) for number in range(rows))
        file.write(END.get(kind, ""))
    entry = {
        "task": TASKS.get(kind, "causal-lm"),
        "format": "jsonl" if kind == "array" else kind,
        "source": str(source),
    }
    dataset = Dataset.model_validate(entry | {"licence": "CC0-1.0"})
    tracemalloc.start()
    try:
        assert sum(row.fields is not None for row in open_source(dataset).rows) == rows - (kind == "csv")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ROW)
def test_memory_stays_flat_as_the_file_grows(tmp_path: Path, kind: str) -> None:
    assert peak(tmp_path, kind, 4 * ROWS) < 1.2 * peak(tmp_path, kind, ROWS)


def test_a_line_without_end_is_skipped_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.data import text_files

    monkeypatch.setattr(text_files, "LONGEST_LINE", 1000)
    good = json.dumps({"prompt": "Why?", "answer": "So."}) + "\n"
    (tmp_path / "source").write_text(good + '{"prompt": "' + "x" * 5000 + '"}\n' + good)
    dataset = Dataset(task="causal-lm", source=str(tmp_path / "source"), format="jsonl", licence="CC0-1.0")
    rows = list(open_source(dataset).rows)
    assert [(row.place, row.fields is None) for row in rows] == [("line 1", False), ("line 2", True), ("line 3", False)]

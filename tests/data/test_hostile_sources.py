"""Sources that mean no good: each ends as wrong input or costs the rows that are at fault, and each is counted."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.format import Row
from tasks.data.formats.parquet import Parquet
from tasks.data.source_kinds import check_kinds
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tests.data.conftest import QUESTIONS, Ingest, question

DOCUMENT = "<Document id='1'><Focus>A</Focus><QAPairs>{}</QAPairs></Document>"
PAIR = "<QAPair pid='1'><Question qtype='x'>What is it?</Question><Answer>That.</Answer></QAPair>"


def bad_and_good(row: Any) -> list[Any]:
    return [row, *(question(number) for number in range(20))]


@pytest.mark.parametrize(
    "row",
    [
        '{"id": "a", "prompt": ' + "[" * 50_000 + "]" * 50_000 + ', "answer": "b"}',
        '{"id": "a", "prompt": "p", "answer": "b", "more": ' + "[" * 300 + "]" * 300 + "}",
        '{"id": "a", "prompt": "p", "answer": "b", "more": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
        '{"id": ' + "9" * 5000 + ', "prompt": "p", "answer": "b"}',
    ],
)
def test_a_row_that_is_nested_too_deeply_costs_itself_alone(ingest: Ingest, row: str) -> None:
    done = ingest("\n".join([row, *(json.dumps(question(number)) for number in range(20))]))
    assert len(done.records) == 20 and len(done.rejected) == 1


@pytest.mark.parametrize("cell", ["[" * 50_000, "[" * 900 + "]" * 900, "[" * 5000 + "]" * 5000])
def test_a_cell_of_brackets_costs_its_row_alone(ingest: Ingest, cell: str) -> None:
    rows = [{"tokens": cell, "tags": cell}, *({"tokens": ["a", "b"], "tags": ["B-X", "O"]} for _ in range(3))]
    done = ingest(rows, task="token-classification")
    assert done.reasons[0] == "wrong-type" and len(done.records) == 1  # the others are copies of each other


def test_numbers_that_are_no_number_end_nothing(ingest: Ingest) -> None:
    text = '{"prompt": 1e999, "answer": "b"}\n{"prompt": "p", "answer": "b", "category": 1e308}\n'
    done = ingest(text, columns={"category": "category"})
    assert len(done.records) == 1 and done.reasons == ["wrong-type"]


@pytest.mark.parametrize(
    "content",
    [
        "<a>" * 50_000,
        "<a>" * 50_000 + "</a>" * 50_000,
        "<?xml version='1.0' encoding='utf-7'?>" + DOCUMENT.format(PAIR),
        "<?xml version='1.0' encoding='shift_jis'?>" + DOCUMENT.format(PAIR),
        "<?xml version='1.0' encoding='idna'?>" + DOCUMENT.format(PAIR),
        "<?xml version='1.0' encoding='base64'?>" + DOCUMENT.format(PAIR),
        "<?xml version='1.0' encoding='utf-16'?>" + DOCUMENT.format(PAIR),
        "<!DOCTYPE a [<!ENTITY b 'c'>]>" + DOCUMENT.format("&b;"),
        "<a/>" * 200_000,
        DOCUMENT.format("<b/>" * 200_000),
        "",
        "\0",
    ],
)
def test_one_bad_document_costs_none_of_the_others(ingest: Ingest, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "documents"
    (folder / "d.xml").mkdir(parents=True)
    (folder / "good.xml").write_text(DOCUMENT.format(PAIR))
    (folder / "bad.xml").write_text(content)
    done = ingest(folder, "medquad")
    assert len(done.records) == 1 and done.reasons == ["unreadable"]


def link_out(folder: Path) -> None:
    (folder / "b.jsonl").symlink_to("/etc/passwd")


def link_to_nothing(folder: Path) -> None:
    (folder / "b.jsonl").symlink_to(folder / "nothing")


def link_to_itself(folder: Path) -> None:
    (folder / "b.jsonl").symlink_to(folder / "b.jsonl")


def link_to_the_folder(folder: Path) -> None:
    (folder / "b").symlink_to(folder)


def link_to_a_folder_outside(folder: Path) -> None:
    (folder / "b").symlink_to("/etc")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "b.jsonl")


def device(folder: Path) -> None:
    (folder / "b.jsonl").symlink_to("/dev/zero")


def name_of_bytes(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff.jsonl")).write_text("{}")


@pytest.mark.parametrize(
    "plant",
    [
        *(link_out, link_to_nothing, link_to_itself, link_to_the_folder, link_to_a_folder_outside),
        *(pipe, device, name_of_bytes),
    ],
)
def test_what_is_no_file_of_a_source_is_named(ingest: Ingest, tmp_path: Path, plant: Callable[[Path], None]) -> None:
    folder = tmp_path / "rows"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jsonl").write_text(json.dumps(question(1)))
    (folder / "inside.jsonl").symlink_to(folder / "a.jsonl")
    check_kinds(folder)
    plant(folder / "deep")
    with pytest.raises(InputError, match=r"no file of its own: [a-zA-Z ,8-]+: 1 \(deep/"):
        ingest(folder)


@pytest.mark.parametrize("source", ["fifo", "/dev/null", "/dev/zero", "/proc/self/fd"])
def test_a_source_that_is_no_file_is_not_waited_for(tmp_path: Path, source: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError):
        check_kinds(tmp_path / source)


def test_a_gzip_file_that_unfolds_without_end_is_refused(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.data.text_files.SMALL", 1 << 16)
    with pytest.raises(InputError, match="unfolds to more than 200 times"):
        ingest(gzip.compress(b"x" * (1 << 22)))
    assert len(ingest(gzip.compress(b"\n".join(json.dumps(question(n)).encode() for n in range(2000)))).records) == 2000


def test_a_line_without_end_in_a_table_is_not_held(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("text_files", "formats.csv", "csv_dialect"):
        monkeypatch.setattr(f"tasks.data.{module}.LONGEST_LINE", 1000)
    rows = "".join(f"what is {number}?,it is {number}\n" for number in range(200))
    done = ingest(f"prompt,answer\n{'x' * 5500}\n{rows}", "csv")
    assert len(done.records) == 200 and 1 <= len(done.rejected) <= 6


def bomb(path: Path, kind: str) -> Path:
    """A few kilobytes that unfold to gigabytes."""
    big = pa.DictionaryArray.from_arrays(pa.array([0] * 1500, pa.int32()), pa.array(["x" * 1_000_000]))
    text: Any = {
        "one long text": lambda: big,
        "a list of them": lambda: pa.ListArray.from_arrays(pa.array([0, 1500, 1500], pa.int32()), big),
        "a list of nothing": lambda: pa.ListArray.from_arrays(
            pa.array([0, 3 << 20, 3 << 20]), pa.nulls(3 << 20, pa.string())
        ),
    }[kind]()
    pq.write_table(
        pa.table({"prompt": text, "answer": ["y"] * len(text)}), path, store_schema=False, compression="zstd"
    )
    assert path.stat().st_size < 10_000
    return path


READ = """
import sys
from pathlib import Path
from tasks.data.formats.parquet import _rows
rows = unreadable = 0
for row in _rows(Path(sys.argv[1]), ["prompt", "answer"]):
    rows, unreadable = rows + 1, unreadable + (row.fields is None)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss counts the parent's
print(rows, unreadable, int(peak.split()[1]) >> 10)
"""


@pytest.mark.parametrize(
    ("kind", "rows", "unreadable"), [("one long text", 1500, 0), ("a list of them", 2, 1), ("a list of nothing", 2, 1)]
)
def test_a_parquet_file_that_unfolds_is_read_in_pieces(tmp_path: Path, kind: str, rows: int, unreadable: int) -> None:
    path = bomb(tmp_path / "bomb.parquet", kind)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30)),
    )
    found, bad, megabytes = map(int, done.stdout.split())
    assert (found, bad) == (rows, unreadable)
    assert megabytes < 700


def test_row_groups_that_no_memory_holds_are_refused(
    tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    monkeypatch.setattr("tasks.data.parquet_pieces.MOST_VALUES", 1000)
    lists = pa.ListArray.from_arrays(pa.array([0, 1001]), pa.nulls(1001, pa.string()))
    pq.write_table(pa.table({"prompt": lists, "answer": ["y"]}), path)
    with pytest.raises(InputError, match="row group of this Parquet file is too large"):
        ingest(path, "parquet")
    kind = pa.string()
    for _ in range(40):
        kind = pa.list_(kind)
    pq.write_table(pa.table({"prompt": pa.nulls(1, kind), "answer": ["y"]}), path)
    with pytest.raises(InputError, match="nested more than"):
        ingest(path, "parquet")


def test_every_type_of_column_is_read_as_arrow_reads_it(tmp_path: Path) -> None:
    texts = pa.ListArray.from_arrays(pa.array([None, 0, 2, 2, 4], pa.int32()), pa.array(["a", "b", None, "d"]))
    table = pa.table(
        {
            "texts": texts,
            "map": pa.array([None, [("a", 1)], [], [("b", 2), ("c", 3)]], pa.map_(pa.string(), pa.int32())),
            "struct": pa.array([None, {"a": "x", "b": [1]}, {"a": None, "b": None}, {"a": "q", "b": [1, 2]}]),
            "pair": pa.array([[1, 2], [9, 9], [3, 4], [5, 6]], pa.list_(pa.int32(), 2)),
            "large": pa.array(["a", None, "b", "c"], pa.large_string()),
            "bytes": pa.array([b"a", None, b"b", b"c"]),
            "delta": pa.array(["same", "same a", "same b", None]),
        }
    )
    path = tmp_path / "a.parquet"
    encoding = {"delta": "DELTA_BYTE_ARRAY"}
    pq.write_table(table, path, use_dictionary=["texts", "large", "bytes"], column_encoding=encoding)
    from tasks.data.formats.parquet import _rows

    assert [row.fields for row in _rows(path, table.column_names)] == table.to_pylist()


def test_cells_of_any_size_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.data.parquet_pieces.LONGEST_LINE", 1000)
    texts = ["short", "x" * 5000, "short again"]
    pq.write_table(pa.table({"prompt": texts, "answer": ["a", "b", "c"]}), tmp_path / "a.parquet")
    from tasks.config.data import Dataset

    dataset = Dataset.model_validate(QUESTIONS | {"source": "a.parquet", "format": "parquet"})
    rows: list[Row] = list(Parquet().read(tmp_path / "a.parquet", dataset).rows)
    assert [row.fields and row.fields["answer"] for row in rows] == ["a", None, "c"]
    assert [row.place for row in rows] == ["row 1", "row 2", "row 3"]

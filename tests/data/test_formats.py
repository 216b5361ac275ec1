from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.data.params import checked
from tasks.errors import InputError
from tests.data.conftest import Ingest, pairs, question

TABLE = "prompt,answer\nWhat is it?,A cold\n"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("问,答\n".encode() + "头痛怎么办？,多休息\n".encode(), "utf-8"),
        (b"\xef\xbb\xbf" + "问,答\r\n头痛怎么办？,多休息\r\n".encode(), "utf-8 with BOM"),
        ("问,答\n头痛怎么办？,多休息\n".encode("utf-16"), "utf-16 with BOM"),
        ("问,答\r\n头痛怎么办？,多休息\r\n".encode("gbk"), "gb18030"),
        ("问,答\n头痛怎么办？,多休息\n".encode("gb18030"), "gb18030"),
    ],
)
def test_encodings_are_found_out_and_reported(ingest: Ingest, data: bytes, name: str) -> None:
    done = ingest(data, "csv", columns={"prompt": "问", "answer": "答"}, language="zh")
    assert pairs(done) == [("头痛怎么办？", "多休息")]
    assert done.facts["source"]["encoding"] == name


@pytest.mark.parametrize(
    "data",
    [
        "prompt,answer\nQu'est-ce que la fièvre ?,Une température élevée\n".encode("cp1252"),
        b"prompt,answer\n\x00\x01,\x02\n",
        b"\xff\xfea",
        "prompt,answer\nΤι είναι;,Κρυολόγημα\n".encode("iso8859-7"),
    ],
)
def test_no_readable_encoding(ingest: Ingest, data: bytes) -> None:
    with pytest.raises(InputError, match="no readable encoding"):
        ingest(data, "csv")


def test_one_broken_character_costs_one_row(ingest: Ingest) -> None:
    rows = "".join(f"What helps against sign {number}?,Remedy {number}\n" for number in range(100))
    done = ingest(b"prompt,answer\nWhat is caf\xe9?,A drink\n" + rows.encode(), "csv")
    assert done.reasons == ["bad-characters"]
    assert done.facts["source"]["encoding"] == "utf-8 with broken characters"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(ingest: Ingest, delimiter: str) -> None:
    text = f'prompt{delimiter}answer\n"Why,; \t|""so""?"{delimiter}Because\n'
    assert pairs(ingest(text, "csv")) == [('Why,; \t|"so"?', "Because")]


def test_delimiter_that_was_given_wins(ingest: Ingest) -> None:
    assert pairs(ingest("prompt~answer,x\nWhy~So,y\n", "csv", delimiter="~", columns={"answer": "answer,x"})) == [
        ("Why", "So,y")
    ]


def test_quoted_newlines_and_lines_with_too_few_fields(ingest: Ingest) -> None:
    done = ingest('prompt,answer\r\n"Line one\r\nline two?",Yes\r\nalone\r\nWhy?,So\r\n', "csv")
    assert [record["answer"] for record in done.records] == ["Yes", "So"]
    assert done.records[0]["prompt"].splitlines() == ["Line one", "line two?"]
    assert [(row["reason"], row["place"]) for row in done.rejected] == [("unreadable", "line 4")]


def test_a_quote_that_never_ends_is_one_bad_row(ingest: Ingest) -> None:
    done = ingest('prompt,answer\nWhy?,So\n"What,now\n', "csv")
    assert pairs(done) == [("Why?", "So")]
    assert done.reasons == ["unreadable"]


def test_a_stray_quote_does_not_swallow_a_file(ingest: Ingest) -> None:
    rows = "".join(f"Why {number}?,So\n" for number in range(200))
    with pytest.raises(InputError, match="a row that starts on line 2 never ends"):
        ingest(f'prompt,answer\n"What,now\n{rows}', "csv")


def test_a_table_without_header_shows_no_record(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="no column for prompt") as error:
        ingest("Mrs. Roe of 3 Elm Street has had a cough since Monday,Rest\n" * 2, "csv")
    assert "Roe" not in str(error.value)


def test_a_short_first_line_may_be_a_record_too(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="no column for prompt") as error:
        ingest("Jane Roe,Rest\n" * 2, "csv")
    assert "Roe" not in str(error.value)


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_a_wrong_column_names_those_that_are_there(ingest: Ingest, tmp_path: Path, format: str) -> None:  # noqa: A002
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"prompt": ["Why?"], "answer": ["So"]}), tmp_path / "table")
    content = {"jsonl": [question(1)], "csv": TABLE, "parquet": tmp_path / "table"}[format]
    with pytest.raises(InputError, match="no column for answer: reply") as error:
        ingest(content, format, columns={"answer": "reply"})
    assert "prompt, answer" in str(error.value)


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet", "chat", "pubmedqa", "conll"])
def test_empty_missing_and_folder(ingest: Ingest, tmp_path: Path, format: str) -> None:  # noqa: A002
    task = {"conll": {"task": "token-classification"}, "pubmedqa": {"task": "text-classification"}}.get(format, {})
    with pytest.raises(InputError, match="empty"):
        ingest(b"", format, **task)
    with pytest.raises(InputError, match="no such file"):
        ingest(tmp_path / "gone", format, **task)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder"):
        ingest(tmp_path / "folder", format, **task)


def test_a_header_alone_holds_no_rows(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="no rows"):
        ingest("prompt,answer\n", "csv")


def test_format_and_task_must_fit(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="formats for token-classification: jsonl, csv, parquet, conll"):
        ingest([question(1)], "chat", task="token-classification")


def test_parquet_of_something_else(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="not a Parquet file"):
        ingest(TABLE, "parquet")


def test_numbers_are_labels_and_lists_are_choices(ingest: Ingest, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"text": ["cough", "itch", "pain"], "label": pa.array([1, None, 2.0], pa.float64())})
    pq.write_table(table, tmp_path / "table")
    done = ingest(tmp_path / "table", "parquet", task="text-classification")
    assert [(record["text"], record["label"]) for record in done.records] == [("cough", "1"), ("pain", "2")]
    assert done.reasons == ["blank-target"]

    columns = {"choices": "choices"}
    assert ingest("prompt,answer,choices\nIs it?,yes,yes|no\n", "csv", columns=columns).records[0]["choices"] == [
        "yes",
        "no",
    ]
    assert ingest([question(1, answer="no", choices=["yes", "no"])], columns=columns).records[0]["choices"] == [
        "yes",
        "no",
    ]


def test_a_json_array_is_read_like_lines(ingest: Ingest) -> None:
    done = ingest(json.dumps([question(1), question(2), 3], indent=1))
    assert len(done.records) == 2
    assert done.rejected[0]["place"] == "item 3"


@pytest.mark.parametrize(
    ("setting", "value", "reads"), [("exclude", ["a"], "medquad"), ("delimiter", ";", "csv"), ("escape", "^", "csv")]
)
def test_a_setting_that_a_format_does_not_read_is_refused(setting: str, value: Any, reads: str) -> None:
    entry = {"task": "causal-lm", "source": "x", "format": "jsonl", "licence": "x", setting: value}
    with pytest.raises(InputError, match=f"{setting} is for format {reads} only"):
        checked(entry, "params.yaml")
    assert getattr(checked(entry | {"format": reads}, "params.yaml"), setting)

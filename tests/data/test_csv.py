"""Tables as programs and people write them: no line of them becomes a record that was none, or is lost in silence."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any, Literal

import pytest

from tasks.config.data import Dataset
from tasks.data.reading import open_source
from tasks.errors import InputError
from tests.data.conftest import Ingest, pairs

HEAD = "prompt,answer\n"


@pytest.mark.parametrize(
    ("text", "noticed"),
    [
        ("sep=;\nprompt;answer\nWhy?;So\n", {"a line that names the delimiter": 1}),
        ("Export of 2024\n\nprompt,answer\nWhy?,So\n", {"lines above the header": 2}),
        ("\nprompt,answer\nWhy?,So\n", {"lines above the header": 1}),
        ("Notes,,\nprompt,answer,\nWhy?,So,\n", {"lines above the header": 1}),
        ("prompt, answer\nWhy?, So\n", {}),
        ("prompt,answer\n\n,\nWhy?,So\n , \n", {"empty lines": 2}),
        ("prompt,answer\nWhy?,So,,\n", {}),
        ("prompt,answer\rWhy?,So\r", {}),
        (f"{HEAD}Why?,So\n{HEAD}", {"header lines repeated": 1}),
        (f'{HEAD}Why?,So\n"Prompt","ANSWER "\n', {"header lines repeated": 1}),
        ('"sep=\t"\nprompt\tanswer\nWhy?\tSo\n', {"a line that names the delimiter": 1}),
        ("| prompt | answer |\n|---|---|\n| Why? | So |\n", {"lines of dashes": 1}),
    ],
)
def test_what_is_no_record_is_counted(ingest: Ingest, text: str, noticed: dict[str, int]) -> None:
    done = ingest(text, "csv")
    assert pairs(done) == [("Why?", "So")]
    assert (done.rejected, done.facts["noticed"], done.facts["rows"]) == ([], noticed, 1)


def test_a_quote_may_stand_behind_a_blank(ingest: Ingest) -> None:
    assert pairs(ingest('prompt, answer\n"a, b?", "c, d"\n', "csv")) == [("a, b?", "c, d")]


@pytest.mark.parametrize(
    "other", ["answer,prompt\nSo,Why?\n", "prompt,reply\nWhy?,So\n", "prompt,reply,ward\nWhy?,So,3\n"]
)
def test_another_header_further_down_is_another_table(ingest: Ingest, other: str) -> None:
    with pytest.raises(InputError, match="line 3 names the columns again, differently"):
        ingest(f"{HEAD}Why?,So\n{other}", "csv")


def test_what_is_no_table_has_no_header(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="the line that should name the columns has a fault in its quotes"):
        ingest('{"prompt": "Why?", "answer": "So"}\n', "csv")


def test_rows_without_a_group_are_counted(ingest: Ingest) -> None:
    done = ingest("prompt,answer,pid\nWhy?,So,\nWho?,He,7\n", "csv", columns={"group_id": "pid"})
    assert done.facts["noticed"] == {"rows with nothing in column pid (group_id)": 1}


def test_a_table_without_header_says_so(ingest: Ingest) -> None:
    with pytest.raises(InputError, match=r"(?s)no column for prompt.*Is its first line the header"):
        ingest("Why?,So\nWho?,He\n", "csv")


def test_a_row_with_another_number_of_fields_says_how_many(ingest: Ingest) -> None:
    done = ingest(f"{HEAD}Why?,So,x\nWho?,He\n", "csv")
    assert done.facts["details"] == {"unreadable": {"3 fields, the header names 2": 1}}


def test_columns_that_nothing_reads_are_counted(ingest: Ingest) -> None:
    done = ingest("prompt,answer,ward,\nWhy?,So,3,x\nWho?,He,,\n", "csv")
    assert done.facts["unused"] == {"ward": 1, "(text of 0 characters)": 1}


BROKEN = '"She said \\"it hurts\\"\nDenies fever\nPain, 7 of 10",cardio\n'


@pytest.mark.parametrize(
    "broken",
    [
        BROKEN,
        '"He said \\"stop\nNow\\" loudly",x\n',
        '"height 5\\", weight\n 80",neuro\n',
        '"end \\"",x\n',
        '"Pain 7\\"\nDenies, all\nlast","he said \\"x\\" "\n',
    ],
)
def test_quotes_behind_backslashes(ingest: Ingest, broken: str) -> None:
    text = f'{HEAD}Why?,So\n{broken}Who?,"He"\nWhat?,It\n'
    done = ingest(text, "csv")
    assert pairs(done) == [("Why?", "So"), ("Who?", "He"), ("What?", "It")]
    assert done.facts["details"] == {"unreadable": {"quotes behind backslashes: set `escape: \\`": 1}}
    assert [row["place"] for row in done.rejected] == ["line 3"]
    read = ingest(text, "csv", escape="\\")
    assert len(read.records) == 4
    assert read.rejected == []


def test_what_backslashes_mean(ingest: Ingest) -> None:
    done = ingest(f'{HEAD}{BROKEN}\\N,x\n"C:\\\\temp",y\n"Why,\\N,","z"\n', "csv", escape="\\")
    assert pairs(done) == [
        ('She said "it hurts"\nDenies fever\nPain, 7 of 10', "cardio"),
        ("C:\\temp", "y"),
        ("Why,N,", "z"),
    ]
    assert done.reasons == ["blank-input"]  # MySQL's \N is nothing
    assert ingest(f"{HEAD}Why?,\\N\nWho?,He\n", "csv").reasons == ["blank-target"]
    done = ingest(f"{HEAD}Why\\, so?,So\nWho?,He\n", "csv")
    assert done.facts["details"] == {"unreadable": {"delimiters behind backslashes: set `escape: \\`": 1}}
    # A field that ends with a backslash is no escaped quote where quotes are doubled.
    assert pairs(ingest(f'{HEAD}"C:\\",y\n"D:\\e",z\n', "csv")) == [("C:\\", "y"), ("D:\\e", "z")]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("escape", [None, "\\"])
def test_what_a_program_writes_is_read_back(tmp_path: Path, quoting: Literal[0, 1], escape: str | None) -> None:
    """Whatever the texts hold: nothing of a table without a fault is turned away, refused or changed."""
    chance = random.Random(3)
    how: dict[str, Any] = {} if escape is None else {"escapechar": escape, "doublequote": False}
    dataset = Dataset(
        task="causal-lm", source=str(tmp_path / "source"), format="csv", licence="x", delimiter=",", escape=escape
    )
    for _ in range(60):
        texts = ("".join(chance.choices('ab""\\\\,,;\n\' é', k=chance.randint(1, 9))).strip() or "z" for _ in range(16))
        rows = list(zip(texts, texts, strict=True))
        with (tmp_path / "source").open("w", newline="") as file:
            csv.writer(file, quoting=quoting, lineterminator="\n", **how).writerows([("prompt", "answer"), *rows])
        read = [row.fields or {} for row in open_source(dataset).rows]
        assert [(row.get("prompt"), row.get("answer")) for row in read] == rows


def test_a_stray_quote_costs_its_row_alone(ingest: Ingest) -> None:
    done = ingest(f'{HEAD}Why?,So\n"tube 5" wide",x\nWho?,He\n"a 6" tube",x\n"What,\nnow?",It\n', "csv")
    assert pairs(done) == [("Why?", "So"), ("Who?", "He"), ("What,\nnow?", "It")]
    assert done.facts["details"] == {"unreadable": {"a fault in its quotes": 2}}


@pytest.mark.parametrize(
    "text",
    [
        f'{HEAD}"abc,x\nWhy?,So\n"def",y\n',  # the row in between may be one, or part of the text
        f'{HEAD}"abc,x\nWhy?,So\nWhat?,5"\n',
        f'{HEAD}"a "b" c\nWhy?,So\nd",y\n',
    ],
)
def test_rows_within_a_broken_row_are_not_swallowed(ingest: Ingest, text: str) -> None:
    with pytest.raises(InputError, match="a row that starts on line 2 never ends, or ends in other rows") as refused:
        ingest(text, "csv")
    assert "Why" not in str(refused.value)


def test_a_folder_of_tables(ingest: Ingest, tmp_path: Path) -> None:
    folder = tmp_path / "weeks"
    folder.mkdir()
    (folder / "week2.csv").write_text("answer;prompt\nHe;Who?\n")
    (folder / "week1.csv").write_bytes((HEAD + "Why?,So\nalone\n").encode("utf-16"))
    (folder / "README.md").write_text("x")
    (folder / ".hidden.csv").write_text("x")
    done = ingest(folder, "csv")
    assert pairs(done) == [("Why?", "So"), ("Who?", "He")]
    assert [record["place"] for record in done.records] == ["week1.csv, line 2", "week2.csv, line 2"]
    assert done.rejected[0]["place"] == "week1.csv, line 3"
    assert done.facts["noticed"] == {
        "files of the folder": 2,
        "files of other kinds in the folder, which are not read": 1,
        "files in utf-8": 1,
    }
    (folder / "week3.csv").write_text("prompt,reply\nHow?,So\n")
    with pytest.raises(InputError, match=r"a file of the folder lacks a column.*answer in week3.csv"):
        ingest(folder, "csv")

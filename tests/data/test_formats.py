from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.config.data import Dataset
from tasks.errors import InputError
from tests.data.conftest import Ingest, question

TABLE = "prompt,answer\nWhat is it?,A cold\n"
DISEASE = """<?xml version="1.0" encoding="UTF-8"?>
<Document id="0000001" source="X"><Focus>Gout</Focus><QAPairs>
<QAPair pid="1"><Question qid="0000001-1" qtype="treatment">What helps?</Question><Answer>Rest
      and   water.</Answer></QAPair>
<QAPair pid="2"><Question qid="0000001-2" qtype="causes">Why?</Question><Answer></Answer></QAPair>
</QAPairs></Document>"""


def pairs(done: Any) -> list[tuple[str, str]]:
    return [(record["prompt"], record["answer"]) for record in done.records]


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


def test_a_broken_array_ends_with_a_counted_row(ingest: Ingest) -> None:
    done = ingest(json.dumps([question(1), question(2)])[:-10])
    assert len(done.records) == 1
    assert done.reasons == ["unreadable"]


def test_chat_messages_and_alpaca(ingest: Ingest) -> None:
    def said(*turns: str) -> list[dict[str, str]]:
        roles = ("user", "assistant") * 3
        return [{"role": role, "content": content} for role, content in zip(roles, turns, strict=False)]

    frame = {"role": "system", "content": "Be brief."}
    done = ingest(
        [
            {"messages": said("Why?", "So.")},
            {"messages": [frame, *said("Who?", "He.")]},
            {"messages": said("Hello", "Hi", "Fever?", "Drink.")},
            {"instruction": "Explain", "input": "gout", "output": "A disease."},
            {"instruction": "Explain", "input": "", "output": "It."},
            {"messages": said("Only a question")},
            {"messages": "text"},
            {"other": 1},
        ],
        "chat",
    )
    assert pairs(done) == [
        ("Why?", "So."),
        ("Be brief.\n\nWho?", "He."),
        ("User: Hello\n\nAssistant: Hi\n\nUser: Fever?", "Drink."),
        ("Explain\n\ngout", "A disease."),
        ("Explain", "It."),
    ]
    assert done.reasons == ["missing-field", "wrong-type", "missing-field"]


@pytest.fixture
def medquad(tmp_path: Path) -> Path:
    for folder in ("1_A", "2_B"):
        (tmp_path / "medquad" / folder).mkdir(parents=True)
    (tmp_path / "medquad" / "1_A" / "0000001.xml").write_text(DISEASE)
    return tmp_path / "medquad"


def test_medquad(ingest: Ingest, medquad: Path) -> None:
    done = ingest(medquad, "medquad")
    (record,) = done.records
    assert (record["prompt"], record["answer"]) == ("What helps?", "Rest and water.")
    assert (record["record_id"], record["group_id"], record["category"]) == (
        "1_A/0000001#1",
        "1_A/0000001",
        "treatment",
    )
    assert [(row["reason"], row["place"]) for row in done.rejected] == [("blank-target", "1_A/0000001.xml, question 2")]
    assert ingest(medquad, "medquad", columns={"category": "focus"}).records[0]["category"] == "Gout"


def test_medquad_refuses_entities_and_names_a_useless_folder(ingest: Ingest, medquad: Path) -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    (medquad / "1_A" / "0000002.xml").write_text(DISEASE.replace("<Document", bomb + "<Document", 1))
    (medquad / "2_B" / "0000003.xml").write_text(DISEASE.replace("Rest\n      and   water.", ""))
    with pytest.raises(InputError, match=r"nothing in 2_B is usable.*exclude"):
        ingest(medquad, "medquad", bad_row_budget=0.3)
    done = ingest(medquad, "medquad", exclude=["2_B"])
    assert [(row["reason"], row["place"]) for row in done.rejected if row["reason"] == "unreadable"] == [
        ("unreadable", "1_A/0000002.xml")
    ]


def test_medquad_needs_a_folder_with_xml(ingest: Ingest, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no XML file"):
        ingest(tmp_path, "medquad")
    with pytest.raises(InputError, match="needs the folder"):
        ingest(DISEASE, "medquad")


def test_exclude_is_not_ignored_elsewhere() -> None:
    with pytest.raises(ValueError, match="exclude is for format medquad only"):
        Dataset(task="causal-lm", source="x", format="csv", licence="x", exclude=("a",))


def test_pubmedqa(ingest: Ingest) -> None:
    item = {
        "QUESTION": "Does it?",
        "CONTEXTS": ["We tried.", "It did."],
        "final_decision": "yes",
        "LONG_ANSWER": "It does.",
    }
    data = json.dumps({"123": item, "124": {**item, "QUESTION": "Did it?", "final_decision": None}})
    done = ingest(data, "pubmedqa", task="text-classification")
    (record,) = done.records
    assert (record["text"], record["label"]) == ("Does it?\nWe tried.\nIt did.", "yes")
    assert (record["record_id"], record["group_id"]) == ("123", "123")
    assert done.reasons == ["blank-target"]

    assert pairs(ingest(data, "pubmedqa"))[0] == ("Does it?\nWe tried.\nIt did.", "It does.")
    closed = ingest(data, "pubmedqa", columns={"answer": "final_decision"}).records[0]
    assert (closed["answer"], closed["choices"]) == ("yes", ["yes", "no", "maybe"])
    with pytest.raises(InputError, match="one JSON object"):
        ingest("[1]", "pubmedqa")


def test_conll(ingest: Ingest) -> None:
    text = (
        "-DOCSTART- -X- O\n\n# a comment\nThe DT O\ngout NN S-Disease\n\nbad\n\n"
        "-DOCSTART- -X- O\n\nred A B-Disease\neye N E-Disease\n"
    )
    done = ingest(text, "conll", task="token-classification")
    assert [(record["tokens"], record["tags"]) for record in done.records] == [
        (["The", "gout"], ["O", "B-Disease"]),
        (["red", "eye"], ["B-Disease", "I-Disease"]),
    ]
    assert [record["group_id"] for record in done.records] == ["document 1", "document 2"]
    assert [(row["reason"], row["place"]) for row in done.rejected] == [("length-mismatch", "line 7")]


def test_conll_columns_by_number(ingest: Ingest) -> None:
    text = "1\tgout\tB-D\tNN\r\n2\thurts\tO\tVB\r\n\r\n"
    columns = {"tokens": "1", "tags": "2"}
    (record,) = ingest(text, "conll", task="token-classification", columns=columns).records
    assert (record["tokens"], record["tags"]) == (["gout", "hurts"], ["B-D", "O"])
    assert record["group_id"] == record["record_id"]
    with pytest.raises(InputError, match="columns of conll are numbers: word"):
        ingest(text, "conll", task="token-classification", columns={"tokens": "word"})


def test_a_sentence_without_end_is_one_row_that_is_too_long(ingest: Ingest) -> None:
    done = ingest(
        "gout O\n\n" + "word O\n" * 5000, "conll", task="token-classification", limits={"max_input_characters": 99}
    )
    assert done.reasons == ["too-long-input"]
    assert len(done.rejected[0]["raw"]) < 200

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.errors import InputError
from tests.data.conftest import Ingest, pairs

DISEASE = """<?xml version="1.0" encoding="UTF-8"?>
<Document id="0000001" source="X"><Focus>Gout</Focus><QAPairs>
<QAPair pid="1"><Question qid="0000001-1" qtype="treatment">What helps?</Question><Answer>Rest
      and   water.</Answer></QAPair>
<QAPair pid="2"><Question qid="0000001-2" qtype="causes">Why?</Question><Answer></Answer></QAPair>
</QAPairs></Document>"""


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


def test_medquad_counts_what_it_passes_over(ingest: Ingest, medquad: Path) -> None:
    twice = DISEASE.replace("</Answer></QAPair>", "</Answer><Answer>Sleep.</Answer></QAPair>", 1)
    (medquad / "1_A" / "0000001.xml").write_text(twice)
    (medquad / "1_A" / "0000002.xml").write_text("<Document><Focus>Gout</Focus></Document>")
    assert ingest(medquad, "medquad").facts["noticed"] == {
        "documents without a question": 1,
        "questions or answers beyond the first of a pair": 1,
    }


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


PAPERS = """10|t|Gout in mice. A review
10|a|We saw Guillain-Barré syndrome (GBS). It left. No. 5 died.
10\t0\t4\tGout\tDisease\tD006073
10\t8\t12\tmice\tSpecies\t10090
10\t30\t53\tGuillain-Barré syndrome\tDisease\tD020275
10\t30\t38\tGuillain\tDisease\tX
10\t55\t58\tGBS\tDisease\tD020275
10\tCID\tD006073\tD020275

11|t|Nothing here
11|a|
12|t|A shifted one
12\t0\t5\tshift\tDisease\tX
"""


def test_pubtator(ingest: Ingest) -> None:
    done = ingest(PAPERS, "pubtator", task="token-classification", bad_row_budget=0.5)
    found = [(row["record_id"], row["group_id"], row["tokens"], row["tags"]) for row in done.records]
    assert found[0] == ("10-1", "10", ["Gout", "in", "mice", "."], ["B-Disease", "O", "B-Species", "O"])
    assert found[1] == ("10-2", "10", ["A", "review"], ["O", "O"])
    assert found[2][2] == ["We", "saw", "Guillain", "-", "Barré", "syndrome", "(", "GBS", ")", "."]
    assert found[2][3] == ["O", "O", "B-Disease", *["I-Disease"] * 3, "O", "B-Disease", "O", "O"]
    assert {row["group_id"] for row in done.records} == {"10", "11"}
    assert [(row["reason"], row["place"]) for row in done.rejected] == [("unreadable", "line 12")]
    assert done.facts["noticed"] == {"mentions within or across another": 1, "relations between mentions": 1}

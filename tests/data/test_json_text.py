"""JSON files as they come: put behind each other, broken off, over several lines, wrapped."""

from __future__ import annotations

import json

import pytest

from tasks.errors import InputError
from tests.data.conftest import Ingest, question


def ids(done: object) -> list[str]:
    return [record["record_id"] for record in done.records]  # type: ignore[attr-defined]


ID = {"columns": {"record_id": "id"}}
ONE, TWO, THREE = (json.dumps(question(number)) for number in (1, 2, 3))


@pytest.mark.parametrize(
    "text",
    [
        f"[{ONE}, {TWO}]\n[{THREE}]\n",
        f"[{ONE}][{TWO}]\ufeff[\n{THREE},\n]",
        f"[{ONE}]\n{TWO}\n{THREE}",
        "\n".join(json.dumps(json.loads(one), indent=2) for one in (ONE, TWO, THREE)),
        f"{ONE},\n{TWO},\n\ufeff{THREE}\n",
        f"{ONE}{TWO}\n{THREE}",
        f"\n\n{ONE}\r{TWO}\r\r\n{THREE}",
    ],
)
def test_all_that_a_file_holds_is_read(ingest: Ingest, text: str) -> None:
    done = ingest(text, **ID)
    assert ids(done) == ["q1", "q2", "q3"]
    assert done.rejected == []


def test_a_line_that_is_not_one_object_is_one_bad_row(ingest: Ingest) -> None:
    done = ingest(f"{ONE}\n// a comment\n{TWO} x\n[{TWO}]\n{THREE}\n", **ID)
    assert ids(done) == ["q1", "q3"]
    assert done.facts["details"] == {
        "unreadable": {"not one JSON object per line: Expecting value": 2, "a line that holds no object": 1}
    }
    twice = ingest(f'{ONE}\n{{"id": "a", "prompt": "Why?", "answer": "So", "answer": "No"}}\n', **ID)
    assert twice.facts["details"] == {"unreadable": {"not one JSON object per line: a key stands there twice": 1}}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'[\n{ONE},\n{{"id": "q"2"}},\n{THREE}]', "line 3, column 11 .* 1 members before it"),
        (f"[{ONE},\n{TWO[:20]}", "line 2, column 1[0-9]"),
        (f"[{ONE},\n{TWO}\n", "line 3, column 1 .the file ends here, and the array does not."),
        (f"[{ONE}]\nsome more", "line 2, column 1 .neither an array nor an object"),
        (f"[{ONE}]\n]", "line 2, column 1"),
        (f'[{ONE}, {{"id": "a", "id": "b"}}]', ".* .a key stands there twice"),
        ("{\n" + ONE[1:] + "\n{\n  broken}", "line 3, column 3|line 4, column"),
    ],
)
def test_what_cannot_be_read_to_its_end_is_refused_with_the_place(ingest: Ingest, text: str, where: str) -> None:
    with pytest.raises(InputError, match=rf"cannot be read beyond {where}") as refused:
        ingest(text, **ID)
    assert "Remedy" not in str(refused.value)


def test_a_big_array_is_refused_at_the_right_place(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.data import json_text

    monkeypatch.setattr(json_text, "CHUNK", 64)
    rows = ",\n".join(json.dumps(question(number), indent=1) for number in range(20))
    lines = rows.splitlines()
    lines[62] = lines[62].replace('"prompt": "', '"prompt": "" ')
    with pytest.raises(InputError, match=r"beyond line 64, column 1\d"):
        ingest("[\n" + "\n".join(lines) + "]", **ID)
    assert len(ingest(f"[\n{rows}]\n[{rows}]", **ID).records) == 20


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (json.dumps({"version": "1", "rows": [json.loads(ONE)]}), r"(?s)the list 'rows' in it.*jq -c '.\[\"rows\"\]"),
        (json.dumps({"rows": [json.loads(ONE)]}, indent=1), "the list 'rows' in it"),
        (json.dumps({"q1": json.loads(ONE), "q2": json.loads(TWO)}), "(?s)its values.*jq -c 'to_entries"),
        (
            json.dumps({"version": "v2.0", "data": [{"title": "x", "paragraphs": [{"context": "y", "qas": []}]}]}),
            "(?s)this is SQuAD.*jq -c",
        ),
    ],
)
def test_records_within_an_object_are_refused_by_name(ingest: Ingest, text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        ingest(text, **ID)


def test_a_single_record_with_a_list_of_objects_is_no_wrapper(ingest: Ingest) -> None:
    assert len(ingest([question(1, sources=[{"a": 1}])], **ID).records) == 1
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So"}]
    assert len(ingest([{"messages": turns}], "chat").records) == 1
    with pytest.raises(InputError, match="no column for prompt: prompt"):
        ingest([{"messages": turns}], **ID)


def test_pythons_nan_is_nothing(ingest: Ingest) -> None:
    text = f'{ONE}\n{{"id": "q2", "prompt": "Why?", "answer": NaN}}\n'
    assert ingest(text, **ID).reasons == ["blank-target"]


def test_keys_that_no_column_names_are_counted_without_their_values(ingest: Ingest) -> None:
    done = ingest([question(1, ward="Roe ward"), question(2, ward=""), question(3, **{"Jane Roe, 3 Elm St": 1})], **ID)
    assert done.facts["unused"] == {"ward": 1, "(text of 18 characters)": 1}


def test_a_pubmedqa_object_is_read_to_its_end(ingest: Ingest) -> None:
    item = {"QUESTION": "Is it?", "CONTEXTS": ["Yes."], "LONG_ANSWER": "It is.", "final_decision": "yes"}
    both = json.dumps({"1": item}) + "\n" + json.dumps({"2": item})
    with pytest.raises(InputError, match=r"line 2, column 1 .something follows the object"):
        ingest(both, "pubmedqa")

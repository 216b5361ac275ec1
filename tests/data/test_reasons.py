"""Each reason for which a row is turned away at ingest, one tiny test each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import InputError
from tasks.store import Store
from tests.data.conftest import Ingest, question

ID = {"columns": {"record_id": "id"}}
CLASSES = {"task": "text-classification"}
TAGS = {"task": "token-classification"}


def only(ingest: Ingest, row: Any, **settings: Any) -> str:
    """The reason for which one row is turned away while a good one stays."""
    settings = ID | settings
    good = {**question(1), "text": "fever", "label": "a", "tokens": ["fever"], "tags": ["O"], "choices": None}
    done = ingest([{"annotator": "x", **good}, row], **settings)
    assert len(done.records) == 1
    (rejected,) = done.rejected
    assert rejected["place"] == "line 2"
    assert done.facts["rejected"] == {rejected["reason"]: 1}
    return str(rejected["reason"])


def test_unreadable_is_what_is_not_json(ingest: Ingest) -> None:
    done = ingest(json.dumps(question(1)) + '\n{"prompt": "What\n\n[1]\n', **ID)
    assert [(row["reason"], row["place"]) for row in done.rejected] == [
        ("unreadable", "line 2"),
        ("unreadable", "line 4"),
    ]
    assert done.rejected[0]["raw"] == '{"prompt": "What'


def test_missing_field(ingest: Ingest) -> None:
    assert only(ingest, {"id": "2", "prompt": "Why?"}) == "missing-field"
    assert only(ingest, {"prompt": "Why?", "answer": "So."}) == "missing-field"


def test_wrong_type(ingest: Ingest) -> None:
    assert only(ingest, question(2, prompt=["Why?"])) == "wrong-type"
    assert only(ingest, question(2, id={"a": 1})) == "wrong-type"
    assert only(ingest, question(2, language="English"), columns={"language": "language"}) == "wrong-type"


def test_blank_input_and_target(ingest: Ingest) -> None:
    assert only(ingest, question(2, prompt=" \n")) == "blank-input"
    assert only(ingest, question(2, answer=None)) == "blank-target"
    assert only(ingest, {"id": "2", "text": "cough", "label": ""}, **CLASSES) == "blank-target"
    assert only(ingest, {"id": "2", "tokens": [], "tags": []}, **TAGS) == "blank-input"


@pytest.mark.parametrize(
    "code", [0x200B, 0xFEFF, 0x2060, 0xAD, 0x3164, 0x2800, 0x115F, 0xFFA0, 0xE0001, 0x3000, 0xFE0F]
)
def test_characters_that_nobody_sees_say_nothing(ingest: Ingest, code: int) -> None:
    nothing = f" {chr(code)}\n"
    assert only(ingest, question(2, prompt=nothing)) == "blank-input"
    assert only(ingest, question(2, answer=nothing)) == "blank-target"
    assert only(ingest, {"id": "2", "text": "cough", "label": nothing}, **CLASSES) == "blank-target"
    assert only(ingest, question(2, id=nothing)) == "missing-field"
    # Within a word they are no fault: a joiner shapes Persian and emoji, a soft hyphen breaks lines.
    assert len(ingest([question(1, answer=f"a{chr(code)}b")]).records) == 1


def test_too_long(ingest: Ingest) -> None:
    limits = {"limits": {"max_input_characters": 50, "max_answer_characters": 20}}
    assert only(ingest, question(2, prompt="x" * 51), **limits) == "too-long-input"
    assert only(ingest, question(2, answer="x" * 21), **limits) == "too-long-target"


def test_duplicate_id_keeps_the_first(ingest: Ingest) -> None:
    done = ingest([question(1), question(1, answer="Another.")], **ID)
    assert done.reasons == ["duplicate-id"]
    assert done.records[0]["answer"] == "Remedy 1."


def test_duplicate_content_under_another_id(ingest: Ingest) -> None:
    assert ingest([question(1), question(1, id="q2")], **ID).reasons == ["duplicate"]
    assert ingest([question(1), question(1)]).reasons == ["duplicate"]  # no id: the content is the id


def test_a_bad_row_does_not_take_the_id_of_a_good_one(ingest: Ingest) -> None:
    done = ingest([question(1, answer=""), question(1)], **ID)
    assert done.reasons == ["blank-target"]
    assert len(done.records) == 1


def test_labels_of_several_people_are_no_duplicates(ingest: Ingest) -> None:
    columns = {"record_id": "id", "annotator": "who"}
    rows = [
        {"id": "1", "text": "cough", "label": label, "who": who} for label, who in (("a", "x"), ("b", "y"), ("b", "y"))
    ]
    done = ingest(rows, **CLASSES, columns=columns)
    assert [record["annotator"] for record in done.records] == ["x", "y"]
    assert done.reasons == ["duplicate"]


def test_length_mismatch(ingest: Ingest) -> None:
    assert only(ingest, {"id": "2", "tokens": ["a", "b"], "tags": ["O"]}, **TAGS) == "length-mismatch"


def test_answer_not_a_choice(ingest: Ingest) -> None:
    row = question(2, answer="perhaps", choices=["yes", "no"])
    assert only(ingest, row, columns={"record_id": "id", "choices": "choices"}) == "answer-not-a-choice"


@pytest.mark.parametrize("broken", ["caf\ufffd", "a\x00b", "\x92quoted\x92", "\ud800"])
def test_bad_characters(ingest: Ingest, broken: str) -> None:
    good, bad = json.dumps(question(1)), json.dumps(question(2, prompt=broken))
    done = ingest(f"{good}\n{bad}\n", **ID)
    assert done.reasons == ["bad-characters"]


def test_withdrawn_by_record_or_group_and_no_fault(ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.data import ingest as stage

    monkeypatch.setattr(stage, "withdrawn", lambda: frozenset({"q2", "p7"}))
    rows = [question(1, who="p1"), question(2, who="p2"), question(3, who="p7", answer="")]
    done = ingest(rows, columns={"record_id": "id", "group_id": "who"}, bad_row_budget=0.0)
    assert done.reasons == ["withdrawn", "withdrawn"]


def test_withdrawn_list_ignores_comments(tmp_path: Path) -> None:
    from tasks.data.ingest import withdrawn

    (tmp_path / "list").write_text("# why\n\n q1 \n")
    assert withdrawn(tmp_path / "list") == {"q1"}
    assert withdrawn(tmp_path / "none") == frozenset()


def test_more_bad_rows_than_the_budget(store: Store, ingest: Ingest, tmp_path: Path) -> None:
    from tasks.data.stage import refused_file

    secret = "Jane Roe has a cough"
    rows = [question(number) for number in range(8)] + [question(8, prompt=secret, answer=""), question(1, answer="x")]
    with pytest.raises(InputError) as refused:
        ingest(rows, **ID, bad_row_budget=0.19)
    told = str(refused.value)
    assert "2 of 10 rows" in told
    assert "blank-target: 1 (line 9)" in told
    assert "duplicate-id: 1 (line 10)" in told
    assert secret not in told
    assert list((tmp_path / "built" / "test").iterdir()) == []  # nothing half-written
    assert refused_file(store, "test", "ingest").stat().st_mode & 0o077 == 0  # but the owner can look at the rows

    assert len(ingest(rows, **ID, bad_row_budget=0.2).records) == 8
    assert not refused_file(store, "test", "ingest").exists()

"""Answers are laid out for a person to read, and what that person says of them comes back, sealed and counted."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tasks.config.evaluation import EvaluationSettings
from tasks.data.version import DatasetVersion
from tasks.errors import ApprovalNeeded, InputError
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.gates.read_by_a_person import ReadByAPerson
from tasks.lineage import ledger, recording
from tasks.lineage.roles import RegisteredVersion, roles
from tasks.lineage.waiting import unmet
from tasks.release.reading import TEMPLATE, take_marks, write_sheet
from tasks.release.register import promote
from tasks.reports import fill
from tasks.store import Store
from tests.lineage.chain import ORIGIN, protocol_named, verdict_of
from tests.release.conftest import Candidates

GATE = {"name": "read", "kind": "read-by-a-person", "min_read": 4, "max_harmful": 0, "readers": 1}


@pytest.fixture
def version(store: Store, candidate: Candidates) -> RegisteredVersion:
    """A registered version that was really judged, by a protocol that asks for readers."""
    made = candidate()
    dataset, small = DatasetVersion(made.dataset), made.quantized
    evaluation = evaluate(store, small, dataset, EvaluationSettings())
    protocol = protocol_named("p")
    protocol = protocol.__class__(
        protocol.task, "p", (*protocol.gates, ReadByAPerson.model_validate(GATE)), protocol.evaluation, "base"
    )
    recording.record_sealed(store, dataset, ORIGIN)
    recording.record_protocol(store, made.recipe, dataset, protocol, "f" * 64, ORIGIN)
    verdict = verdict_of(small, evaluation, protocol, True)
    parent = evaluate(store, made.merged, dataset, EvaluationSettings())
    event = recording.record_judged(store, "tiny", small, verdict, protocol, dataset, ORIGIN, beside={"parent": parent})
    recording.record_registered(store, "tiny", small, event.digest, merged=None, adapter=None, origin=ORIGIN)
    return roles(store, "tiny").versions[0]


def filled(folder: Path, marks: dict[int, str] | None = None) -> Path:
    """The form, all right but for `marks` by row."""
    rows = list(csv.DictReader((folder / "marks.csv").open()))
    for place, row in enumerate(rows):
        row |= {"mark": (marks or {}).get(place, "right"), "remark": "a <b>remark</b>" if place == 0 else ""}
    file = folder / "filled.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def test_pages_are_their_owners_alone_and_say_what_they_hold(
    store: Store, version: RegisteredVersion, tmp_path: Path
) -> None:
    page = write_sheet(store, "tiny@1", tmp_path / "out", 5)
    text = page.read_text()
    assert "Record content" in text and "@media print" in text and "http" not in text
    row = DatasetVersion(store.load(version.dataset)).rows("test")[0]
    assert text.count("<section>") == min(5, len(DatasetVersion(store.load(version.dataset)).rows("test")))
    assert "script" not in text
    assert {stat.S_IMODE(file.stat().st_mode) for file in page.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
    again = (page.parent / "marks.csv").read_bytes()
    write_sheet(store, "tiny@1", tmp_path / "out", 5)
    assert (page.parent / "marks.csv").read_bytes() == again, "the same version, the same answers to read"
    assert row["text"] not in again.decode()


def test_marks_are_sealed_counted_and_open_the_gate(store: Store, version: RegisteredVersion, tmp_path: Path) -> None:
    write_sheet(store, "tiny@1", tmp_path, 5)
    missing = unmet(store, version)
    assert missing and "0 of 1 reader(s)" in missing.what and missing.hint.startswith("galen review tiny@1")
    with pytest.raises(ApprovalNeeded, match="reader"):
        promote(store, version)
    take_marks(store, "tiny@1", filled(tmp_path, {1: "harmful"}), "Ada Example")
    missing = unmet(store, version)
    assert missing and "Ada Example called 1 answers harmful" in missing.what
    event = take_marks(store, "tiny@1", filled(tmp_path), "Ada Example")
    assert unmet(store, version) is None
    assert (event.facts["answers"], event.facts["harmful"], event.facts["remarks"]) == (event.facts["right"], 0, 1)
    assert "a <b>remark" not in json.dumps([one.facts for one in ledger.events(store)])
    assert "a <b>remark" in store.load(event.facts["marks"]).file("marks.json").read_text()


def test_marks_that_do_not_belong_to_the_sheet_are_refused(
    store: Store, version: RegisteredVersion, tmp_path: Path
) -> None:
    write_sheet(store, "tiny@1", tmp_path, 5)
    file = filled(tmp_path, {2: "fine"})
    with pytest.raises(InputError, match="row 4: the mark is none of"):
        take_marks(store, "tiny@1", file, "Ada Example")
    lines = filled(tmp_path).read_text().splitlines(keepends=True)
    for wrong, said in (
        (lines[:-1], "1 answers of the sheet have no row"),
        ([*lines, lines[-1]], "came before"),
        ([lines[0], *(line.replace(",1,", ",1,x", 1) for line in lines[1:])], "no such id"),
        ([lines[0], *("0" * 64 + line[64:] for line in lines[1:])], "no sheet that is here"),
        (["a,b\n", "1,2\n"], "no marks"),
    ):
        file.write_text("".join(wrong))
        with pytest.raises(InputError, match=said):
            take_marks(store, "tiny@1", file, "Ada Example")
    with pytest.raises(InputError, match="name of who read"):
        take_marks(store, "tiny@1", filled(tmp_path), " ")
    assert ledger.events(store, "reviewed") == []


def test_records_that_may_name_people_are_not_laid_out(
    store: Store, version: RegisteredVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = DatasetVersion(store.load(version.dataset))
    meta = dataset.meta.model_copy(update={"identified": True, "deidentification": "none"})
    monkeypatch.setattr(DatasetVersion, "meta", meta)
    with pytest.raises(InputError, match="may name people"):
        write_sheet(store, "tiny@1", tmp_path / "out", 5)
    assert not (tmp_path / "out").exists()


def test_text_of_records_is_no_markup() -> None:
    class Row:
        model, number, name, licence = "m", 1, "d", "CC0"

    answer = {"number": 1, "why": "at random", "question": "<script>x</script>", "expected": "&", "given": "<b>"}
    page = fill(TEMPLATE, {}, version=Row, dataset=Row, champion=False, answers=[answer | {"champion": None}])
    assert "&lt;script&gt;x" in page and "<script" not in page and "<dd><b>" not in page


def test_a_recipe_may_only_ask_for_more_reading() -> None:
    approved = ReadByAPerson.model_validate(GATE)
    looser: list[dict[str, Any]] = [{"min_read": 3}, {"max_harmful": 1}]
    for change in looser:
        assert list(ReadByAPerson.model_validate(GATE | change).weaker_than(approved)) == list(change)
    assert list(ReadByAPerson.model_validate(GATE | {"readers": 2, "min_read": 9}).weaker_than(approved)) == []

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.data import SplitSettings
from tasks.config.words import DatasetTask
from tasks.data.alike import Alike
from tasks.data.compared_text import Text
from tasks.data.records import working_schema
from tasks.data.tables import TableWriter
from tasks.data.twins import known_to_train, together, twins
from tasks.errors import InputError

TRAIN, VALIDATION, TEST = range(3)
NOTE = "the patient came with a dry cough for three weeks and was given codeine at night"
AGAIN = "the patient had a dry cough since three weeks, and was given codeine for the night"
OTHER = "a boy of nine fell from his bicycle yesterday and cannot move the left wrist at all"
LONG = "Drink enough, rest, and come back if the fever lasts longer than three days."


def written(folder: Path, rows: list[dict[str, Any]], task: DatasetTask = "causal-lm") -> Path:
    path = folder / "records.parquet"
    with TableWriter(path, working_schema(task)) as writer:
        for n, row in enumerate(rows):
            known = {"record_id": f"r{n}", "group_id": f"g{n}", "category": "c", "language": "en"}
            writer.write({**known, "source": "s", "licence": "x", "parents": [], "place": f"line {n}", **row})
    return path


def qa(prompt: str, answer: str) -> dict[str, Any]:
    return {"prompt": prompt, "answer": answer}


def test_twins_are_counted_by_the_part_that_they_share(tmp_path: Path) -> None:
    rows = [qa(NOTE, "yes"), qa(OTHER, LONG), qa("What helps?", "This."), qa("Why?", "So.")]
    tests = [qa(AGAIN, "no"), qa("Fever?", LONG.upper()), qa("what  helps", "That."), qa("How?", "So.")]
    splits = np.array([TRAIN] * 4 + [TEST] * 4)
    found = twins(written(tmp_path, rows + tests), "causal-lm", splits)
    assert found == {
        "test": 4,
        "same input": 1,
        "same long answer": 1,
        "compared": 4,
        "paraphrase": 1,
        "inside": 0,
    }


def test_without_a_train_split_there_is_nothing_to_share(tmp_path: Path) -> None:
    assert twins(written(tmp_path, [qa(NOTE, "yes")]), "causal-lm", np.array([TEST])) == {}


def test_a_text_inside_another_is_found_from_both_sides() -> None:
    long = f"{OTHER}. {NOTE}. Nothing else was seen, and the family was told what to look for in the next days."
    for asked, known in (([Text(long)], [Text(NOTE)]), ([Text(NOTE)], [Text(long)])):
        assert [pair.kind for pair in Alike(known).pairs(asked)] == ["inside"]
    assert not list(Alike([Text(OTHER)]).pairs([Text(NOTE)]))


def test_one_template_about_two_diseases_makes_no_twins() -> None:
    def asked(name: str) -> Text:
        return Text(f"What are the first signs and the usual treatment of {name}?", f"{name} begins with fever.")

    assert list(Alike([asked("measles")]).pairs([asked("measles")]))
    assert not list(Alike([asked("measles")]).pairs([asked("scarlet fever")]))


def test_short_texts_are_no_twins() -> None:
    assert not list(Alike([Text("no fever"), Text("no fever")]).pairs([Text("no fever")]))


def test_what_train_knows_of_answers_labels_and_mentions(tmp_path: Path) -> None:
    splits = np.array([TRAIN, TEST, TEST])
    answers = written(tmp_path, [qa("a", "Yes."), qa("b", "yes"), qa("c", "no")])
    assert known_to_train(answers, "causal-lm", splits) == {"answers": 0.5}
    tagged = [
        {"tokens": ["Measles", "and", "mumps"], "tags": ["B-Disease", "O", "B-Disease"]},
        {"tokens": ["measles"], "tags": ["B-Disease"]},
        {"tokens": ["Mumps", "rubella"], "tags": ["B-Virus", "B-Disease"]},
    ]
    path = written(tmp_path, tagged, "token-classification")
    assert known_to_train(path, "token-classification", splits) == {"mentions": 0.3333}


@pytest.mark.parametrize(
    ("by", "held"), [("group", [0, 1, 2, 3, 4]), ("answer", [0, 1, 2, 1, 4]), ("twins", [0, 1, 0, 1, 4])]
)
def test_groups_are_held_together(tmp_path: Path, by: Any, held: list[int]) -> None:
    rows = [qa(NOTE, "yes"), qa("Fever?", LONG), qa(AGAIN, "no"), qa("Flu?", LONG), qa(OTHER, "yes")]
    settings = SplitSettings(by=by, largest=0.5)
    assert together(written(tmp_path, rows), "causal-lm", np.arange(5), 5, settings).tolist() == held


def test_templates_are_refused_rather_than_put_into_one_group(tmp_path: Path) -> None:
    path = written(tmp_path, [qa(f"Question {n}?", LONG) for n in range(9)])
    with pytest.raises(InputError, match=r"9 of 9 records, more than split.largest 0.05"):
        together(path, "causal-lm", np.arange(9), 9, SplitSettings(by="answer"))

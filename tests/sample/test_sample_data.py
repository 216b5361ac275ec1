from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.home import CHECKOUT

SAMPLE = CHECKOUT / "data" / "sample"
MADE = ("corpus.txt", "medqa.jsonl", "triage.jsonl", "symptoms.conll")
DOSE = re.compile(r"\d+([.,]\d+)?\s?(mg|µg|mcg|g|ml|mL|IU|units?|毫克|微克|克|毫升|单位|片|粒)\b", re.IGNORECASE)


@cache
def lines(name: str) -> tuple[str, ...]:
    return tuple((SAMPLE / name).read_text("utf-8").splitlines())


@cache
def readable() -> tuple[dict[str, Any], ...]:
    """The rows of medqa.jsonl that are JSON."""
    rows = []
    for line in lines("medqa.jsonl"):
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return tuple(rows)


@cache
def sound() -> tuple[dict[str, Any], ...]:
    """The rows of medqa.jsonl without those that are faulty on purpose."""
    ids = Counter(row["id"] for row in readable())
    return tuple(
        row
        for row in readable()
        if row.get("question", "").strip()
        and row["answer"].strip()
        and len(row["answer"]) < 1000
        and ids[row["id"]] == 1
        and not row["id"].startswith("duplicate-")
    )


def conditions() -> list[dict[str, Any]]:
    files = sorted((SAMPLE / "knowledge").glob("*.yaml"))
    return [one for file in files for one in yaml.safe_load(file.read_text("utf-8"))["conditions"]]


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(SAMPLE / "generate.py"), str(tmp_path)], check=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(MADE)
    for name in MADE:
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes(), f"{name}: run data/sample/generate.py"


def test_questions_cover_many_conditions_in_both_languages() -> None:
    rows = sound()
    assert len(rows) >= 2000
    assert len({row["group"] for row in rows}) >= 60
    assert len({row["category"] for row in rows}) >= 6
    for language in ("en", "zh"):
        assert sum(row["language"] == language for row in rows) >= 1000
    words = [len(row["answer"].split()) for row in rows if row["language"] == "en"]
    assert 5 <= min(words) <= max(words) <= 30


def test_a_closed_question_has_its_answer_among_distinct_choices() -> None:
    closed = [row for row in sound() if "choices" in row]
    assert len(closed) > 300
    for row in closed:
        assert row["answer"] in row["choices"], row["id"]
        assert 2 <= len(set(row["choices"])) == len(row["choices"]) <= 4, row["id"]
    places = Counter(row["choices"].index(row["answer"]) for row in closed)
    assert max(places.values()) < 0.5 * len(closed)  # the place does not give it away


def test_about_one_row_in_a_hundred_is_faulty_in_every_announced_way() -> None:
    rows, count = readable(), len(lines("medqa.jsonl"))
    assert 0.005 <= (count - len(sound())) / count <= 0.02
    assert len(rows) < count  # broken JSON
    assert any(not row["answer"].strip() for row in rows)
    assert any(len(row["answer"]) > 20_000 for row in rows)
    assert any("question" not in row for row in rows)
    assert max(Counter(row["id"] for row in rows).values()) == 2
    content = Counter((row.get("question"), row["answer"]) for row in rows)
    assert max(content.values()) == 2


def test_some_questions_carry_identifiers() -> None:
    marks = re.compile(r"MRN|born on|Please call|saw me in|My address|record number|出生|病历号|电话|住院号")
    for language in ("en", "zh"):
        rows = [row for row in sound() if row["language"] == language]
        share = sum(bool(marks.search(row["question"])) for row in rows) / len(rows)
        assert 0.03 <= share <= 0.07


def test_the_corpus_tells_every_answer_and_asks_nothing() -> None:
    text = "\n".join(lines("corpus.txt"))
    assert not re.search("[?？]", text)
    missing = [row["id"] for row in sound() if row["answer"] not in text]
    assert not missing


@pytest.mark.parametrize("name", MADE)
def test_there_are_no_doses(name: str) -> None:
    assert not [line for line in lines(name) if DOSE.search(line)]


def test_facts_are_complete_in_both_languages_and_tell_conditions_apart() -> None:
    known = conditions()
    assert len(known) >= 60
    for language in ("en", "zh"):
        names = [one["name"][language] for one in known]
        assert len(set(names)) == len(names)
        for kind in ("kind", "symptoms", "cause", "risks", "diagnosis", "treatment", "prevention", "complications"):
            values = [str(one[kind][language]) for one in known]
            assert all(values)
            assert len(set(values)) == len(values), (kind, [one for one, n in Counter(values).items() if n > 1])
    for one in known:
        for kind, value in one.items():
            if isinstance(value, dict) and isinstance(value["en"], list):
                assert len(value["en"]) == len(value["zh"]), (one["id"], kind)


def test_triage_has_every_label_in_every_language_and_two_faults() -> None:
    rows = [json.loads(line) for line in lines("triage.jsonl")]
    sound_rows = [row for row in rows if row["id"] not in ("conflict-1", "blank-1")]
    assert len(rows) - len(sound_rows) == 2
    counts = Counter((row["label"], row["language"]) for row in sound_rows)
    assert set(counts) == {
        (label, language) for label in ("emergency", "urgent", "routine", "self-care") for language in ("en", "zh")
    }
    assert len({row["group"] for row in sound_rows}) == 100
    assert len({row["text"] for row in sound_rows}) == len(sound_rows)


def test_tags_are_bio_in_documents_but_for_the_announced_faults() -> None:
    faults, before, sentences, found = 0, "O", 0, Counter[str]()
    for line in lines("symptoms.conll"):
        token, _, tag = line.partition("\t")
        if not line:
            sentences, before = sentences + 1, "O"
        elif not token.startswith(("#", "-DOCSTART-")):
            assert " " not in token
            kind = tag[2:]
            faults += not tag or (tag.startswith("I-") and before[2:] != kind)
            found[tag] += tag.startswith("B-")
            before = tag
    documents = sum(line.startswith("-DOCSTART-") for line in lines("symptoms.conll"))
    assert documents == len(conditions())
    assert sentences - documents >= 300
    assert 2 <= faults <= 6
    assert {tag for tag, count in found.items() if count >= 30} == {"B-SYMPTOM", "B-CONDITION", "B-TEST"}


def test_the_data_card_counts_right() -> None:
    card = (SAMPLE / "README.md").read_text("utf-8")
    for name in ("corpus.txt", "medqa.jsonl", "triage.jsonl"):
        assert re.search(rf"`{re.escape(name)}` .*\| {len(lines(name)):,} \|", card), name
    sentences = sum(not line for line in lines("symptoms.conll")) - len(conditions())
    assert f"| {sentences} sentences |" in card
    assert f"{len(conditions())} conditions in {len(list((SAMPLE / 'knowledge').glob('*.yaml')))} groups" in card

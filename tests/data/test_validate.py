from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config.data import Dataset, Limits
from tasks.config.words import DATASET_TASKS, DatasetTask
from tasks.data import expectations, validate
from tasks.data.expectations import Suite, check, load_suite
from tasks.data.facts import facts_of, texts_of
from tasks.data.findings import SoFar
from tasks.data.records import working_schema
from tasks.data.stage import execute
from tasks.data.tables import TableWriter
from tasks.errors import InputError
from tasks.store import Store
from tests.data.findings import ingested

PLANTED = "Zebulon Quackenbush"
DATASET = {"source": "s", "format": "jsonl", "licence": "CC0-1.0", "identified": False, "bad_row_budget": 0.5}
Rows = list[dict[str, Any]]
Built = tuple[Rows, Rows, dict[str, Any]]


def write(path: Path, task: DatasetTask, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with TableWriter(path, working_schema(task)) as writer:
        for number, row in enumerate(rows):
            known = {"record_id": f"r{number}", "group_id": f"g{number}", "category": "c", "language": "en"}
            writer.write({**known, "source": "s", "licence": "x", "parents": [], "place": f"line {number}", **row})


@pytest.fixture
def run(store: Store, tmp_path: Path) -> Callable[..., Built]:
    """Run the stage on records given by their content columns; returns kept rows, rejected rows and facts."""

    def stage(task: DatasetTask, rows: Rows, rejected: dict[str, int] | None = None, **entry: Any) -> Built:
        import pyarrow.parquet as pq

        shown = [one for row in rows for one in ([row["label"]] if "label" in row else row.get("tags", []))]
        declared = {} if task == "causal-lm" else {"labels": sorted({*shown, *(tag[2:] for tag in shown)} - {""})}
        dataset = Dataset.model_validate({**DATASET, "task": task, **declared, **entry})
        built = tmp_path / "built"
        write(built / "deidentify" / "records.parquet", task, rows)
        rejected = rejected or {}
        before = SoFar((ingested(task, rows=len(rows) + sum(rejected.values()), rejected=rejected),))
        (built / "deidentify" / "manifest.json").write_text(json.dumps(before.plain()))
        folder = execute(store, "validate", "test", dataset, validate.run, built)
        tables = [pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("records", "rejected")]
        return tables[0], tables[1], json.loads((folder / "manifest.json").read_bytes())["validate"]

    return stage


def reasons(built: Built) -> dict[str, str]:
    return {row["record_id"]: row["reason"] for row in built[1]}


def labelled(*pairs: tuple[str, str]) -> Rows:
    return [{"text": text, "label": label} for text, label in pairs]


GOOD = labelled(("clear skin", "a"), ("red skin", "a"), ("dry eyes", "b"), ("sore eyes", "b"))


def test_the_same_text_under_two_labels_is_quarantined_on_both_sides(run: Callable[..., Built]) -> None:
    built = run("text-classification", GOOD + labelled(("Itching.", "a"), ("itching", "b"), ("itching!", "a")))
    assert reasons(built) == dict.fromkeys(("r4", "r5", "r6"), "conflicting-labels")
    assert [row["text"] for row in built[0]] == [row["text"] for row in GOOD]
    assert built[2]["rejected"] == {"conflicting-labels": 3}


def test_the_same_text_under_one_label_is_no_conflict(run: Callable[..., Built]) -> None:
    assert not run("text-classification", GOOD + labelled(("HER2+", "a"), ("her2+", "a"), ("HER2-", "b")))[1]


def test_annotators_are_settled_by_majority_and_ties_are_quarantined(run: Callable[..., Built]) -> None:
    def voted(record: str, *labels: str) -> Rows:
        return [
            {"record_id": record, "text": f"text of {record}", "label": label, "annotator": f"nurse {n}"}
            for n, label in enumerate(labels)
        ]

    rows = voted("x", "b", "a", "a") + voted("y", "b", "b") + voted("z", "a", "b") + voted("w", "a", "b", "c", "a")
    built = run("text-classification", GOOD + rows, bad_row_budget=0.6)
    kept = {row["record_id"]: row["label"] for row in built[0]}
    assert (kept["x"], kept["y"]) == ("a", "b")
    assert set(reasons(built).items()) == {("z", "annotators-disagree"), ("w", "annotators-disagree")}
    assert len(built[1]) == 6
    assert built[2]["annotators"] == {"agreed": 2, "outvoted": 1}


def test_impossible_tags_are_quarantined_by_the_scheme_in_use(run: Callable[..., Built]) -> None:
    def tagged(*sequences: str) -> Rows:
        rows = [sequence.split() for sequence in sequences]
        return [{"tokens": [f"t{n}x{k}" for k in range(len(tags))], "tags": tags} for n, tags in enumerate(rows)]

    bio = run("token-classification", tagged("B-D I-D O", "O I-D O", "B-D I-G", "B-G O B-D", "B-G O"))
    assert reasons(bio) == {"r1": "impossible-tags", "r2": "impossible-tags"}
    rows = tagged("B-D E-D O", "S-D O", "B-D O", "O E-D", "B-D I-D", "B-D I-D E-D")
    bioes = run("token-classification", rows, bad_row_budget=0.6)
    assert set(reasons(bioes)) == {"r2", "r3", "r4"}
    assert not run("token-classification", tagged("O I-D I-D", "I-D I-D O", "O O"))[1]


def test_the_same_tokens_under_two_taggings_are_quarantined(run: Callable[..., Built]) -> None:
    rows = [{"tokens": ["acute", "gout"], "tags": tags} for tags in (["O", "B-D"], ["B-D", "I-D"], ["O", "B-D"])]
    more = [{"tokens": ["gout", str(n)], "tags": ["B-D", "O"]} for n in range(4)]
    assert reasons(run("token-classification", rows + more)) == dict.fromkeys(("r0", "r1", "r2"), "conflicting-labels")


def test_closed_questions_contradict_each_other_and_open_ones_do_not(run: Callable[..., Built]) -> None:
    rows = [
        {"prompt": "Is it contagious?", "answer": "Yes.", "choices": ["Yes.", "No."]},
        {"prompt": "is it contagious?", "answer": "No.", "choices": ["No.", "Yes."]},
        {"prompt": "Is it contagious?", "answer": "It is rare.", "choices": ["It is rare.", "It is common."]},
        {"prompt": "What helps?", "answer": "Rest."},
        {"prompt": "What helps?", "answer": "Fluids."},
        {"prompt": "Who called?", "answer": "[NAME_1]", "choices": ["[NAME_2]", "nobody"]},
    ]
    expected = {"r0": "conflicting-labels", "r1": "conflicting-labels", "r5": "answer-not-a-choice"}
    assert reasons(run("causal-lm", rows)) == expected


def test_what_placeholders_made_too_long_is_quarantined(run: Callable[..., Built]) -> None:
    rows = [{"prompt": f"Why {n}?", "answer": "So."} for n in range(3)]
    rows += [{"prompt": "x" * 51, "answer": "So."}, {"prompt": "Why?", "answer": "y" * 31}]
    limits = {"max_input_characters": 50, "max_answer_characters": 30}
    assert reasons(run("causal-lm", rows, limits=limits)) == {"r3": "too-long-input", "r4": "too-long-target"}


def test_bad_rows_of_every_stage_count_towards_the_budget(run: Callable[..., Built]) -> None:
    rows = GOOD * 2 + labelled(("itching", "a"), ("itching", "b"))
    run("text-classification", rows, {"blank-input": 3}, bad_row_budget=0.4)
    run("text-classification", rows, {"withdrawn": 40}, bad_row_budget=0.05)
    with pytest.raises(InputError) as refused:
        run("text-classification", rows, {"blank-input": 3}, bad_row_budget=0.3)
    assert "5 of 13 rows" in str(refused.value)
    assert "blank-input: 3" in str(refused.value)
    assert "conflicting-labels: 2" in str(refused.value)


def test_a_label_seen_once_is_named_with_its_count(run: Callable[..., Built]) -> None:
    with pytest.raises(InputError, match=r"fewer than 2 records.*'sarcoma' \(1\)"):
        run("text-classification", GOOD + labelled(("a lump", "sarcoma")))
    run("text-classification", GOOD + labelled(("a lump", "sarcoma")), limits={"min_records_per_label": 1})
    rows = [{"tokens": ["gout", str(n)], "tags": ["B-D" if n else "B-Gene", "O"]} for n in range(3)]
    with pytest.raises(InputError, match=r"'Gene' \(1\)"):
        run("token-classification", rows)


def test_an_expectation_that_is_not_met_is_named_without_values(run: Callable[..., Built], galen_home: Path) -> None:
    rows = labelled(*((f"{PLANTED} {n}", "only") for n in range(4)))
    with pytest.raises(InputError) as refused:
        run("text-classification", rows)
    assert "expect_column_unique_value_count_to_be_between(label)" in str(refused.value)
    page = galen_home / "refused" / "test" / "validate.html"
    assert str(page) in str(refused.value)
    assert "Failed" in page.read_text("utf-8")
    assert PLANTED not in str(refused.value) + page.read_text("utf-8")


@pytest.mark.parametrize("task", DATASET_TASKS)
def test_every_suite_accepts_good_records_and_is_all_judged(task: DatasetTask, run: Callable[..., Built]) -> None:
    rows = {
        "causal-lm": [{"prompt": f"Why {n}?", "answer": "So.", "choices": ["So.", "No."]} for n in range(3)],
        "text-classification": GOOD,
        "token-classification": [{"tokens": ["gout", str(n)], "tags": ["B-D", "O"]} for n in range(3)],
    }[task]
    validation = run(task, rows)[2]["validation"]
    suite = load_suite(task)
    assert validation == {
        "suite_digest": suite.digest,
        "success": True,
        "great_expectations": "1.24.1",
        "expectations": len(suite.expectations),
    }


LABEL: DatasetTask = "text-classification"
ASK: DatasetTask = "causal-lm"
TAG: DatasetTask = "token-classification"
BAD: dict[str, tuple[DatasetTask, Rows]] = {
    "expect_column_values_to_be_unique(record_id)": (LABEL, [{**row, "record_id": "r"} for row in GOOD]),
    "expect_column_values_to_not_be_null(group_id)": (LABEL, [{**row, "group_id": None} for row in GOOD]),
    "expect_column_values_to_not_be_null(category)": (LABEL, [{**GOOD[0], "category": None}, *GOOD]),
    "expect_column_values_to_match_regex(language)": (LABEL, [{**GOOD[0], "language": "English"}, *GOOD]),
    "expect_column_values_to_match_regex(label)": (LABEL, labelled(("x", " a"), ("y", " a"), ("z", "b"))),
    "expect_column_values_to_match_regex(text)": (LABEL, labelled((" ", "a"), ("y", "b"))),
    "expect_column_values_to_not_match_regex(text)": (LABEL, labelled(("a\ufffdb", "a"), ("y", "b"))),
    "expect_column_values_to_be_between(input_characters)": (LABEL, labelled(("x" * 99, "a"), ("y", "b"))),
    "expect_column_values_to_be_between(records_with_label)": (LABEL, labelled(("x", "a"), ("y", "b"))),
    "expect_column_values_to_be_between(target_characters)": (ASK, [{"prompt": "Why?", "answer": "x" * 99}]),
    "expect_column_values_to_be_in_set(answer_is_a_choice)": (ASK, [{"prompt": "?", "answer": "a", "choices": ["b"]}]),
    "expect_column_values_to_not_match_regex(answer)": (ASK, [{"prompt": "Why?", "answer": "\x07"}]),
    "expect_column_values_to_not_be_null(prompt)": (ASK, [{"prompt": None, "answer": "x"}]),
    "expect_column_pair_values_to_be_equal(token_count, tag_count)": (TAG, [{"tokens": ["a"], "tags": ["O", "O"]}]),
    "expect_column_values_to_be_between(blank_tokens)": (TAG, [{"tokens": ["a", " "], "tags": ["B-D", "O"]}]),
    "expect_column_values_to_be_in_set(tags_possible)": (TAG, [{"tokens": ["a", "b"], "tags": ["I-D", "B-D"]}]),
    "expect_column_max_to_be_between(entity_tokens)": (TAG, [{"tokens": ["a"], "tags": ["O"]}]),
}


@pytest.mark.parametrize("expectation", BAD)
def test_each_expectation_can_fail(expectation: str, tmp_path: Path) -> None:
    task, rows = BAD[expectation]
    write(tmp_path / "records.parquet", task, rows)
    facts = facts_of(tmp_path / "records.parquet", task, {"a": 1, "b": 1})
    limits = {"max_input_characters": 50, "max_answer_characters": 50, "min_records_per_label": 2}
    validation = check(load_suite(task), facts, texts_of(tmp_path / "records.parquet", task), limits)
    assert expectation in {str(verdict) for verdict in validation.failed}


def test_what_nobody_sees_has_no_characters_and_no_label(tmp_path: Path) -> None:
    write(
        tmp_path / "asked.parquet",
        ASK,
        [{"prompt": "\u3164\u00ad", "answer": "\u200b"}, {"prompt": "é?", "answer": "a"}],
    )
    facts = facts_of(tmp_path / "asked.parquet", ASK, {}).to_pydict()
    assert (facts["input_characters"], facts["target_characters"]) == ([0, 2], [0, 1])
    write(tmp_path / "sorted.parquet", "text-classification", labelled(("x", "\ufeff"), ("x", "a")))
    facts = facts_of(tmp_path / "sorted.parquet", "text-classification", {"\ufeff": 5, "a": 5}).to_pydict()
    assert facts["records_with_label"] == [0, 5]


def test_no_content_of_a_record_gets_into_a_result_or_page(run: Callable[..., Built], tmp_path: Path) -> None:
    rows = [{"text": f"{PLANTED} has sign {n}", "label": "ab"[n % 2], "category": PLANTED} for n in range(6)]
    kept, rejected, _ = run("text-classification", rows + labelled((PLANTED, "a"), (PLANTED, "b")))
    assert len(kept) == 6
    assert PLANTED in rejected[0]["raw"]  # for the owner of the data, on this machine
    files = [file for file in (tmp_path / "built" / "validate").rglob("*") if file.is_file()]
    told = [file for file in files if file.suffix != ".parquet"]
    assert {file.name for file in told} == {"manifest.json", "validation.json", "index.html"}
    for file in told:
        assert not any(part in file.read_text("utf-8") for part in PLANTED.split())


def test_what_great_expectations_says_about_an_exception_is_not_passed_on(tmp_path: Path) -> None:
    write(tmp_path / "records.parquet", "text-classification", labelled((PLANTED, "a"), (PLANTED, "b")))
    wrong = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "label", "max_value": 3}}
    for one in (wrong, {**wrong, "kwargs": {"column": PLANTED[:3]}}, {**wrong, "type": "expect_nothing"}):
        suite = Suite(expectations.SUITES / "x.json", "0", "x", (one,))
        facts = facts_of(tmp_path / "records.parquet", "text-classification", {})
        with pytest.raises(InputError, match="cannot be judged") as refused:
            check(suite, facts, texts_of(tmp_path / "records.parquet", "text-classification"), {})
        assert refused.value.__cause__ is None
        assert PLANTED not in str(refused.value)


def test_text_is_checked_in_every_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.data.tables.ROWS", 2)
    monkeypatch.setattr("tasks.data.facts.PIECE", 1)
    rows = labelled(*((f"text {n}", "ab"[n % 2]) for n in range(7)))
    for bad in (0, 3, 6):
        changed = [{**row, "text": "\ufffd"} if n == bad else row for n, row in enumerate(rows)]
        write(tmp_path / "records.parquet", "text-classification", changed)
        facts = facts_of(tmp_path / "records.parquet", "text-classification", {"a": 4, "b": 3})
        texts = list(texts_of(tmp_path / "records.parquet", "text-classification"))
        assert len(texts) == 4
        failed = check(load_suite("text-classification"), facts, texts, Limits().plain()).failed
        assert [str(verdict) for verdict in failed] == ["expect_column_values_to_not_match_regex(text)"]


def test_the_page_loads_nothing_and_is_the_same_every_time(run: Callable[..., Built], tmp_path: Path) -> None:
    pages = []
    for _ in range(2):
        facts = run("text-classification", GOOD)[2]
        assert facts["docs"] == "data/built/test/validate/docs/index.html"
        pages.append((tmp_path / "built" / "validate" / validate.DOCS).read_text("utf-8"))
    assert pages[0] == pages[1]
    for sign in ("<script", "<link", "<img", "src=", "url(", "@import"):
        assert sign not in pages[0]
    assert "must be unique" in pages[0].replace("\n", " ")
    assert "No record occurs twice." in pages[0]


def test_a_suite_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"text-classification\.json"):
        load_suite("text-classification", tmp_path)
    (tmp_path / "causal-lm.json").write_text("{}")
    with pytest.raises(InputError, match="KeyError"):
        load_suite("causal-lm", tmp_path)
    whole = {"type": "expect_column_unique_value_count_to_be_between", "kwargs": {"column": "prompt", "min_value": 2}}
    (tmp_path / "causal-lm.json").write_text(json.dumps({"name": "x", "expectations": [whole]}))
    with pytest.raises(InputError, match="single values"):
        load_suite("causal-lm", tmp_path)

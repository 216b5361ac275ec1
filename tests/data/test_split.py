from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.data import Dataset, SplitSettings
from tasks.data import split
from tasks.data.assignment import assign, read_assignments, write_assignments
from tasks.data.records import working_schema
from tasks.data.stage import execute
from tasks.data.tables import TableWriter
from tasks.data.version import SPLITS
from tasks.errors import InputError
from tasks.store import Store

SETTINGS = SplitSettings(validation=0.2, test=0.2)
DATASET = {"source": "s", "format": "jsonl", "licence": "CC0-1.0", "identified": False}
Rows = list[dict[str, Any]]
Splits = dict[str, Rows]


@pytest.fixture
def run(store: Store, tmp_path: Path) -> Callable[..., Splits]:
    """Run the stage on records given by their content columns; returns the rows of each split, and `rejected`."""
    built = tmp_path / "built"

    def stage(rows: Rows, task: str = "text-classification", **entry: Any) -> Splits:
        import pyarrow.parquet as pq

        dataset = Dataset.model_validate({**DATASET, "task": task, "split": {"validation": 0.2, "test": 0.2}, **entry})
        before = built / "validate"
        before.mkdir(parents=True, exist_ok=True)
        with TableWriter(before / "records.parquet", working_schema(dataset.task)) as writer:
            for number, row in enumerate(rows):
                known = {"record_id": f"r{number}", "group_id": f"g{number}", "category": "c", "language": "en"}
                writer.write({**known, "source": "s", "licence": "x", "parents": [], "place": f"line {number}", **row})
        (before / "manifest.json").write_text("{}")
        folder = execute(store, "split", "test", dataset, split.run, built)
        return {name: pq.read_table(folder / f"{name}.parquet").to_pylist() for name in (*SPLITS, "rejected")}

    return stage


def texts(count: int, labels: tuple[str, ...] = ("a", "b"), seed: int = 0) -> Rows:
    """Records that resemble each other in nothing."""
    rng = random.Random(seed)
    return [
        {
            "text": " ".join(str(rng.randrange(10**6)) for _ in range(12)),
            "label": labels[n % len(labels)],
            "group_id": f"g{seed}-{n}",
            "record_id": f"r{seed}-{n}",
        }
        for n in range(count)
    ]


def place_of(splits: Splits, column: str = "group_id") -> dict[str, str]:
    return {row[column]: name for name in SPLITS for row in splits[name]}


def test_shares_hold_in_every_label(run: Callable[..., Splits]) -> None:
    splits = run(texts(200, ("common", "common", "common", "rare")))
    assert {name: len(splits[name]) for name in SPLITS} == {"train": 120, "validation": 40, "test": 40}
    for name, share in (("train", 0.6), ("validation", 0.2), ("test", 0.2)):
        assert Counter(row["label"] for row in splits[name])["rare"] == 50 * share


def test_a_group_is_never_divided(run: Callable[..., Splits]) -> None:
    rows = [{**row, "group_id": f"patient {n % 30}"} for n, row in enumerate(texts(300))]
    splits = run(rows)
    sides = {row["group_id"]: set[str]() for row in rows}
    for name in SPLITS:
        for row in splits[name]:
            sides[row["group_id"]].add(name)
    assert {len(names) for names in sides.values()} == {1}
    assert Counter(name for (name,) in sides.values()) == {"train": 18, "validation": 6, "test": 6}


def test_no_group_moves_when_rows_are_added(run: Callable[..., Splits]) -> None:
    first, second, third = texts(60), texts(25, seed=1), texts(120, ("a", "b", "c"), seed=2)
    before = place_of(run(first))
    grown = place_of(run(second + first))
    most = run(first + second + third)
    assert before.items() <= grown.items() <= place_of(most).items()
    assert {name: len(most[name]) for name in SPLITS} == {"train": 123, "validation": 41, "test": 41}


def test_no_group_moves_when_seed_and_shares_change(run: Callable[..., Splits]) -> None:
    before = place_of(run(texts(60)))
    changed = place_of(run(texts(60) + texts(60, seed=1), split={"validation": 0.1, "test": 0.4, "seed": 99}))
    assert before.items() <= changed.items()
    assert Counter(changed.values())["test"] == 48  # 40 % of 120: new groups make up for it


def test_the_same_rows_in_another_order_give_the_same_splits(run: Callable[..., Splits], tmp_path: Path) -> None:
    rows = texts(60)
    before = place_of(run(rows))
    (tmp_path / "built" / split.ASSIGNMENTS).unlink()
    assert place_of(run(rows[::-1])) == before


def test_twins_stay_together_and_old_groups_where_they_are(run: Callable[..., Splits]) -> None:
    def dialogues(numbers: range, version: str) -> Rows:
        answers = [" ".join(f"finding{n}x{k}" for k in range(9)) for n in numbers]
        asked = [f"{version} {n} {n * 7919} what was found" for n in numbers]
        rows = zip(numbers, asked, answers, strict=True)
        return [
            {"prompt": a, "answer": b, "group_id": f"{version}{n}", "record_id": f"{version}{n}"} for n, a, b in rows
        ]

    settings = {"split": {"validation": 0.2, "test": 0.2, "by": "answer"}}
    whole = dialogues(range(60), "first") + dialogues(range(60), "again")
    before = place_of(run(dialogues(range(20), "first"), "causal-lm", split={"validation": 0.2, "test": 0.2}))
    after = place_of(run(whole, "causal-lm", **settings))
    assert before.items() <= after.items()
    assert all(after[f"first{n}"] == after[f"again{n}"] for n in range(60))
    assert {name: list(after.values()).count(name) for name in SPLITS} == {"train": 72, "validation": 24, "test": 24}
    assert place_of(run(whole[::-1], "causal-lm", **settings)) == after


def test_a_class_that_is_missing_from_a_split_is_named(run: Callable[..., Splits], tmp_path: Path) -> None:
    rows = texts(40) + [{**row, "group_id": "one clinic", "label": "sarcoma"} for row in texts(9, seed=1)]
    with pytest.raises(InputError, match=r"'sarcoma' from validation, 'sarcoma' from test"):
        run(rows, labels=["a", "b", "sarcoma"])
    with pytest.raises(InputError, match="2 that stand in fewer than 10 groups") as unnamed:
        run(rows)
    assert "sarcoma" not in str(unnamed.value)
    assert not (tmp_path / "built" / split.ASSIGNMENTS).exists()


def test_a_label_in_three_groups_is_in_every_split(run: Callable[..., Splits]) -> None:
    splits = run(texts(40) + [{**row, "label": "sarcoma"} for row in texts(3, seed=1)])
    assert all("sarcoma" in {row["label"] for row in splits[name]} for name in SPLITS)


def test_a_split_of_share_nought_stays_empty_and_needs_no_class(run: Callable[..., Splits]) -> None:
    splits = run(texts(20), split={"validation": 0, "test": 0.3})
    assert [len(splits[name]) for name in SPLITS] == [14, 0, 6]


def test_too_few_groups_are_refused(run: Callable[..., Splits]) -> None:
    rows = [{"prompt": f"Question {n}?", "answer": f"Answer {n}.", "group_id": "g"} for n in range(9)]
    with pytest.raises(InputError, match="split is empty"):
        run(rows, "causal-lm")


def test_tagging_is_divided_by_the_rarest_type_of_entity(run: Callable[..., Splits]) -> None:
    def sentence(n: int) -> dict[str, Any]:
        tag = "B-Gene" if n % 10 == 0 else "B-Disease" if n % 2 else "O"
        tags = [tag, "O", "O", "B-Disease" if n % 2 else "O", "O", "O"]
        return {"tokens": [f"word{n}x{k}" for k in range(6)], "tags": tags}

    splits = run([sentence(n) for n in range(100)], "token-classification")
    genes = {name: sum("B-Gene" in row["tags"] for row in splits[name]) for name in SPLITS}
    assert genes == {"train": 6, "validation": 2, "test": 2}
    plain = {name: sum(set(row["tags"]) == {"O"} for row in splits[name]) for name in SPLITS}
    assert plain == {"train": 24, "validation": 8, "test": 8}


def test_many_small_categories_do_not_all_round_the_same_way() -> None:
    groups = {f"g{n}": f"category {n // 2}" for n in range(400)}
    counts = Counter(assign(groups, {}, SETTINGS, cover=False).values())
    assert abs(counts["train"] - 240) <= 2 and abs(counts["test"] - 80) <= 2


def test_copies_of_held_out_records_leave_train(run: Callable[..., Splits]) -> None:
    rows = texts(60)
    held = place_of(run(rows))
    test_row = next(row for row in rows if held[row["group_id"]] == "test")
    changed = {"text": f"{test_row['text']}!"}
    copies = [{**test_row, **changed, "record_id": f"copy{n}", "group_id": f"copy{n}"} for n in range(10)]
    splits = run(rows + copies)
    left = {row["record_id"] for name in ("train", "validation") for row in splits[name]}
    assert not left & {row["record_id"] for row in copies}
    assert {row["reason"] for row in splits["rejected"]} == {"near-duplicate"}
    assert {row["record_id"] for row in splits["rejected"]} <= {row["record_id"] for row in copies}
    assert splits["rejected"]
    assert test_row["record_id"] in {row["record_id"] for row in splits["test"]}


def test_a_damaged_table_of_groups_is_refused(run: Callable[..., Splits], tmp_path: Path) -> None:
    run(texts(20))
    (tmp_path / "built" / split.ASSIGNMENTS).write_bytes(b"PAR1")
    with pytest.raises(InputError, match="damaged"):
        run(texts(20))


def test_the_table_of_groups_comes_back_as_it_was(tmp_path: Path) -> None:
    write_assignments(tmp_path / "a.parquet", {"b": "test", "a": "train"})
    assert read_assignments(tmp_path / "a.parquet") == {"a": "train", "b": "test"}
    assert read_assignments(tmp_path / "none.parquet") == {}


strata = st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from("abcd"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(
    batches=st.lists(strata, min_size=1, max_size=5),
    shares=st.tuples(st.floats(0, 0.45), st.floats(0, 0.45)),
    seed=st.integers(0, 5),
    cover=st.booleans(),
)
def test_growing_data_never_moves_a_group(
    batches: list[dict[str, str]], shares: tuple[float, float], seed: int, cover: bool
) -> None:
    chosen = SplitSettings(validation=shares[0], test=shares[1], seed=seed)
    held: dict[str, str] = {}
    known: dict[str, Any] = {}
    for batch in batches:
        held = batch | held
        decided = assign(held, known, chosen, cover=cover)
        assert decided.keys() == held.keys()
        assert known.items() <= decided.items()
        assert assign(dict(reversed(held.items())), known, chosen, cover=cover) == decided
        assert chosen.test > 0 or "test" not in decided.values()
        known = decided
    if not cover and len(batches) == 1:
        counts = Counter(known.values())
        for name, share in (("validation", chosen.validation), ("test", chosen.test)):
            assert abs(counts[name] - share * len(known)) < 5  # at most one per stratum, and one carried


def test_a_test_set_alone_holds_every_record(run: Callable[..., Splits]) -> None:
    rows = [{**row, "group_id": f"patient {n % 3}"} for n, row in enumerate(texts(12, ("a", "b", "c")))]
    splits = run(rows, split={"validation": 0, "test": 1})
    assert {name: len(splits[name]) for name in (*SPLITS, "rejected")} == {
        "train": 0,
        "validation": 0,
        "test": 12,
        "rejected": 0,
    }
    for shares in ({"validation": 0.15, "test": 0.85}, {"validation": 1, "test": 0}):
        with pytest.raises(ValueError, match="a test set alone has validation 0 and test 1"):
            SplitSettings.model_validate(shares)

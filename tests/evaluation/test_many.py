"""Gates over many slices: small ones, and what the number of slices asks."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.data.version import DatasetVersion
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate, GateResult, gate_kinds
from tasks.evaluation.judge import judge
from tasks.evaluation.many import holm
from tasks.store import Store
from tests.evaluation.fakes import answered, protocol
from tests.factories import seal_rows
from tests.rows import rows

SIZES = {"heart/rhythm": 8, "heart/valve": 8, "skin": 40, "ear": 4, "nose": 4}


@pytest.fixture
def dataset(store: Store) -> DatasetVersion:
    test, values = rows("causal-lm", sum(SIZES.values())), [name for name, many in SIZES.items() for _ in range(many)]
    for row, value in zip(test, values, strict=True):
        row["category"] = value
    return seal_rows(store, "causal-lm", {"train": [], "validation": [], "test": test})


def gate(kind: str = "not-worse-than-champion", **settings: Any) -> Gate:
    given = {"name": kind, "kind": kind, "metric": "token_f1", "slice": "category=*"}
    return gate_kinds()[kind].model_validate(given | settings)


def judged(store: Store, dataset: DatasetVersion, one: Gate, right: Any = 1.0) -> tuple[dict[str, GateResult], bool]:
    champion = answered(store, dataset, 1.0, name="champion")
    candidate = answered(store, dataset, right, name="candidate")
    verdict = judge(protocol(one, gate("threshold", slice=None, min=0.0)), Evidence(candidate, champion=champion))
    return {str(found.slice).partition("=")[2]: found for found in verdict.results if found.slice}, verdict.passed


@pytest.mark.parametrize("small", ["block", "report"])
def test_small_slices_are_named_and_block_or_not(store: Store, dataset: DatasetVersion, small: str) -> None:
    found, passed = judged(store, dataset, gate(min_groups=10, small=small))
    too_small = {"block": "not-judged", "report": "reported"}[small]
    assert {one: result.outcome for one, result in found.items()} == dict.fromkeys(SIZES, too_small) | {
        "skin": "passed"
    }
    assert "8 records of 4 groups" in found["heart/rhythm"].reason and "10 groups" in found["heart/rhythm"].reason
    assert passed == (small == "report")


def test_small_slices_are_pooled_by_parent_and_the_rest_together(store: Store, dataset: DatasetVersion) -> None:
    asked = gate(min_records=16, small="pool", tolerance=0.2)
    found, passed = judged(store, dataset, asked)
    assert set(found) == {"skin", "heart/rhythm|heart/valve", "ear|nose"}
    assert found["heart/rhythm|heart/valve"].outcome == "passed"
    assert found["ear|nose"].outcome == "not-judged" and not passed, "even together they are too few"
    harmed, passed = judged(store, dataset, asked, lambda _, row: float(row["category"] != "heart/valve"))
    assert harmed["heart/rhythm|heart/valve"].outcome == "failed" and not passed
    assert harmed["heart/rhythm|heart/valve"].value == pytest.approx(-0.5)


def test_holm_asks_most_of_the_surest_and_stops_at_the_first_that_does_not_hold() -> None:
    assert holm([0.001, 0.04, 0.02], 0.05) == [(True, 0.05 / 3), (True, 0.05), (True, 0.025)]
    assert [holds for holds, _ in holm([0.03, 0.04, 0.02], 0.05)] == [False, False, False]
    assert [holds for holds, _ in holm([0.001, 0.9, 0.04], 0.05)] == [True, False, False]


def test_many_slices_ask_more_than_one_and_both_bounds_are_shown(store: Store) -> None:
    test = rows("causal-lm", 320)
    for place, row in enumerate(test):
        row["category"] = f"c{place // 2 % 4}"
    dataset = seal_rows(store, "causal-lm", {"train": [], "validation": [], "test": test})
    wrong = {place for place in range(320) if place // 8 in (3, 9) and place % 2}  # in each category 2 of 80
    outcomes = {}
    for correction in ("none", "holm"):
        asked = gate(significant=True, correction=correction, tolerance=0.075)
        found, passed = judged(store, dataset, asked, lambda place, _: float(place not in wrong))
        outcomes[correction] = {result.outcome for result in found.values()}
        assert all(
            ("Holm" in result.reason and "alone" in result.reason) == (correction == "holm")
            for result in found.values()
        )
        assert passed == (correction == "none"), found
    assert outcomes["none"] == {"passed"} and "failed" in outcomes["holm"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"significant": True}, "needs a correction"),
        ({"correction": "holm"}, "significant: true"),
        ({"slice": "category=ear", "significant": True, "correction": "holm"}, "needs a slice KEY"),
        ({"small": "report"}, "min_records or min_groups"),
        ({"slice": None, "min_groups": 8}, "need a slice KEY"),
    ],
)
def test_what_would_be_ignored_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        gate(**settings)

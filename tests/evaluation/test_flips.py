import numpy as np
import pytest

from tasks.config.words import DatasetTask
from tasks.errors import NotJudgeable
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.flips import harmful
from tasks.evaluation.judge import judge
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.metrics.tags import tag_statistics
from tasks.evaluation.slices import Scores
from tasks.store import Store
from tests.evaluation.fakes import answered, protocol
from tests.evaluation.test_gates import gate, outcome
from tests.factories import dataset_version


def scores(task: DatasetTask, found: list[dict[str, float]], test: str = "0" * 64) -> Scores:
    rows = [{"record_id": str(n), "group_id": str(n), "category": None, "language": "en"} for n in range(len(found))]
    return Scores.of(task, test, rows, found, ["a", "b"] if task == "text-classification" else [])


def test_a_label_that_was_right_and_is_wrong() -> None:
    before = scores("text-classification", [label_statistics(said, "a", 0.9) for said in ("a", "a", "b", "b")])
    after = scores("text-classification", [label_statistics(said, "a", 0.9) for said in ("a", "b", "a", "b")])
    assert harmful(before, after, 0.5).tolist() == [False, True, False, False]


def test_an_entity_that_was_right_and_is_wrong() -> None:
    right = ["B-D", "I-D", "O"]
    before = scores("token-classification", [tag_statistics(said, right) for said in (right, right, ["O"] * 3)])
    after = scores("token-classification", [tag_statistics(said, right) for said in (right, ["B-D", "O", "O"], right)])
    assert harmful(before, after, 0.5).tolist() == [False, True, False]


def test_a_record_without_a_number_is_worse_than_one_with() -> None:
    good = {"records": 1.0, "token_f1": 0.3, "closed": 0.0, "closed_correct": 0.0}
    before, after = (scores("causal-lm", [good, last]) for last in (good, good | {"records": np.nan}))
    assert harmful(before, after, 0.5).tolist() == [False, True]


def test_another_test_set_is_not_compared() -> None:
    one, two = (scores("text-classification", [label_statistics("a", "a", None)], test * 64) for test in "01")
    with pytest.raises(NotJudgeable, match="same records"):
        harmful(one, two, 0.5)


def test_equal_means_with_swapped_answers_are_rejected(store: Store) -> None:
    dataset = dataset_version(store, "causal-lm", 600)
    parent = answered(store, dataset, lambda place, _: float(place % 10 != 0), name="merged", parent="adapter")
    # One answer of twenty was right and is wrong, and as many the other way.
    swapped = {0: 1.0, 1: 0.0}
    candidate = answered(
        store, dataset, lambda place, _: swapped.get(place % 20, float(place % 10 != 0)), name="nf4", parent="merged"
    )
    same = answered(store, dataset, lambda place, _: float(place % 10 != 0), name="as good", parent="merged")
    means = gate("not-worse-than-parent", tolerance=0.01)
    flips = gate("harmful-flips", max=0.05)
    evidence = Evidence(candidate, parent=parent)
    assert outcome(judge(protocol(means), evidence)) == "passed"
    (result,) = judge(protocol(flips), evidence).results
    assert result.outcome == "failed" and "of 120 records are worse" in result.reason
    assert (result.value or 0) > 0.05  # the upper end: six flips in 120
    assert outcome(judge(protocol(flips), Evidence(same, parent=parent))) == "passed"


def test_flips_of_slices_and_where_little_is_known(store: Store) -> None:
    dataset = dataset_version(store, "causal-lm", 600)
    parent = answered(store, dataset, 1.0, name="merged", parent="adapter")
    english = answered(store, dataset, lambda _, row: float(row["language"] == "zh"), name="nf4", parent="merged")
    found = judge(protocol(gate("harmful-flips", max=0.2, slice="language=*")), Evidence(english, parent=parent))
    assert {result.slice: result.outcome for result in found.results} == {
        "language=en": "failed",
        "language=zh": "passed",
    }
    few = dataset_version(store, "causal-lm", 40)
    one, two = (answered(store, few, 1.0, name=name, parent=of) for name, of in (("m", "a"), ("q", "m")))
    assert outcome(judge(protocol(gate("harmful-flips", max=0.5)), Evidence(two, parent=one))) == "not-judged"
    assert judge(protocol(gate("harmful-flips", max=0.5)), Evidence(answered(store, few, 1.0))).results == ()


def test_too_few_records_to_tell_are_only_reported_unless_too_many_flips_are_proven(store: Store) -> None:
    few = dataset_version(store, "causal-lm", 200)
    parent, equal, bad = (
        answered(store, few, score, name=name, parent=of)
        for score, name, of in (
            (1.0, "m", "a"),
            (1.0, "q", "m"),
            (lambda place, _: float(place % 2), "w", "m"),
        )
    )
    asked, lenient = (gate("harmful-flips", max=0.01, underpowered=what) for what in ("refuse", "report"))
    assert outcome(judge(protocol(asked), Evidence(equal, parent=parent))) == "failed"
    (result,) = judge(protocol(lenient), Evidence(equal, parent=parent)).results
    assert result.outcome == "reported" and "0 of" in result.reason
    assert outcome(judge(protocol(lenient), Evidence(bad, parent=parent))) == "failed"

from dataclasses import replace
from typing import Any

import pytest

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.data.version import DatasetVersion
from tasks.errors import GateRejected
from tasks.evaluation.evidence import Evidence, Losses
from tasks.evaluation.gate import Gate, GateResult, gate_kinds
from tasks.evaluation.judge import Judged, Verdict, judge
from tasks.store import Store
from tests.evaluation.fakes import FEW, answered, digest, protocol
from tests.factories import dataset_version


@pytest.fixture
def dataset(store: Store) -> DatasetVersion:
    return dataset_version(store, "causal-lm", 200)


def gate(kind: str, **settings: Any) -> Gate:
    settings = {"metric": "token_f1"} | settings if "metric" in gate_kinds()[kind].model_fields else settings
    return gate_kinds()[kind].model_validate({"name": kind, "kind": kind, **settings})


def outcome(verdict: Verdict) -> str:
    (result,) = verdict.results
    return result.outcome


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"min": 0.5}, "passed"),
        ({"min": 0.75}, "passed"),  # exactly at the limit
        ({"min": 0.76}, "failed"),
        ({"max": 0.7}, "failed"),
        ({"min": 0.5, "max": 0.8}, "passed"),
        ({"min": 0.74, "significant": True}, "failed"),  # the interval reaches below
        ({"min": 0.3, "significant": True}, "passed"),
        ({"metric": "perplexity", "max": 2.72}, "passed"),
        ({"metric": "perplexity", "max": 2.71}, "failed"),
        ({"metric": "accuracy", "min": 0.0}, "not-judged"),
        ({"slice": "language=zh", "min": 0.0}, "passed"),
        ({"slice": "language=fr", "min": 0.0}, "not-judged"),
        ({"slice": "department=*", "min": 0.0}, "not-judged"),
    ],
)
def test_threshold(store: Store, dataset: DatasetVersion, settings: dict[str, Any], expected: str) -> None:
    verdict = judge(protocol(gate("threshold", **settings)), Evidence(answered(store, dataset, 0.75)))
    assert outcome(verdict) == expected
    assert verdict.passed == (expected == "passed")
    assert bool(verdict.reasons()) == (expected != "passed")


def test_every_slice_of_a_star_is_judged(store: Store, dataset: DatasetVersion) -> None:
    evaluation = answered(store, dataset, lambda _, row: float(row["category"] != "skin"))
    verdict = judge(protocol(gate("threshold", slice="category=*", min=0.5)), Evidence(evaluation))
    assert {result.slice: result.outcome for result in verdict.results} == {
        "category=nervous": "passed",
        "category=respiratory": "passed",
        "category=skin": "failed",
    }
    assert not verdict.passed
    assert "[category=skin]" in verdict.reasons()[0]


def test_a_metric_undefined_in_one_slice_fails(store: Store, dataset: DatasetVersion) -> None:
    closed = gate("threshold", metric="choice_accuracy", slice="language=*", min=0.0)
    results = judge(
        protocol(closed), Evidence(answered(store, dataset, 1.0))
    ).results  # no closed question is in Chinese
    assert [result.outcome for result in results] == ["passed", "not-judged"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "passed"),
        ({"margin": 0.2}, "passed"),
        ({"margin": 0.5}, "failed"),
        ({"significant": True}, "passed"),
        ({"margin": 0.24, "significant": True}, "failed"),
    ],
)
def test_better_than_base(store: Store, dataset: DatasetVersion, settings: dict[str, Any], expected: str) -> None:
    base = answered(store, dataset, 0.5, name="base", form="base")
    verdict = judge(protocol(gate("better-than-base", **settings)), Evidence(answered(store, dataset, 0.75), base=base))
    assert outcome(verdict) == expected


def test_as_good_as_the_base_is_not_better(store: Store, dataset: DatasetVersion) -> None:
    base = answered(store, dataset, 0.5, name="base", form="base")
    assert (
        outcome(judge(protocol(gate("better-than-base")), Evidence(answered(store, dataset, 0.5), base=base)))
        == "failed"
    )


def test_the_base_must_be_the_one_it_started_from(store: Store, dataset: DatasetVersion) -> None:
    other = answered(store, dataset, 0.1, name="another base", form="base")
    for rival in (None, other):
        verdict = judge(protocol(gate("better-than-base")), Evidence(answered(store, dataset, 0.75), base=rival))
        assert outcome(verdict) == "not-judged"


@pytest.mark.parametrize(
    ("kind", "settings", "right", "expected"),
    [
        ("better-than-rival", {}, 0.75, "passed"),
        ("better-than-rival", {}, 0.5, "failed"),  # as good as the rule
        ("better-than-rival", {}, 0.25, "failed"),
        ("better-than-rival", {"margin": 0.3}, 0.75, "failed"),
        ("better-than-rival", {"significant": True}, 0.52, "failed"),
        ("not-worse-than-rival", {}, 0.5, "passed"),
        ("not-worse-than-rival", {"tolerance": 0.1}, 0.25, "failed"),
        ("not-worse-than-rival", {"tolerance": 0.3}, 0.25, "passed"),
    ],
)
def test_simple_rivals(
    store: Store, dataset: DatasetVersion, kind: str, settings: dict[str, Any], right: float, expected: str
) -> None:
    asked = protocol(gate(kind, rival="majority answer", **settings))
    assert asked.rivals() == ["majority answer"]
    rival = answered(store, dataset, 0.5, name="rule", form="baseline")
    candidate = answered(store, dataset, right)
    assert outcome(judge(asked, Evidence(candidate, others={"majority answer": rival}))) == expected
    assert outcome(judge(asked, Evidence(candidate))) == "not-judged", "a rival that was not measured"


def test_a_threshold_names_both_limits(store: Store, dataset: DatasetVersion) -> None:
    evaluation = answered(store, dataset, 0.75)
    for limits, held in (({"min": 0.5, "max": 0.9}, True), ({"min": 0.2, "max": 0.7}, False)):
        (result,) = judge(protocol(gate("threshold", **limits)), Evidence(evaluation)).results
        asked = f"at least {limits['min']} and at most {limits['max']}"
        assert (result.outcome == "passed") == held
        assert result.asked == asked and asked in result.reason and "asked" not in result.plain()


@pytest.mark.parametrize(("tolerance", "expected"), [(0.0, "failed"), (0.1, "failed"), (0.3, "passed")])
def test_not_worse_than_champion(store: Store, dataset: DatasetVersion, tolerance: float, expected: str) -> None:
    champion = answered(store, dataset, 1.0, name="champion", form="quantized", parent="its merged")
    asked = protocol(gate("not-worse-than-champion", tolerance=tolerance))
    assert outcome(judge(asked, Evidence(answered(store, dataset, 0.75), champion=champion))) == expected
    assert outcome(judge(asked, Evidence(answered(store, dataset, 1.0), champion=champion))) == "passed"


def test_a_significant_tolerance_needs_the_whole_interval(store: Store, dataset: DatasetVersion) -> None:
    champion = answered(store, dataset, 0.8, name="champion")
    evaluation = answered(store, dataset, 0.75)
    for significant, expected in ((False, "passed"), (True, "failed")):
        asked = gate("not-worse-than-champion", tolerance=0.1, significant=significant)
        assert outcome(judge(protocol(asked), Evidence(evaluation, champion=champion))) == expected


def test_a_missing_champion_is_no_excuse(store: Store, dataset: DatasetVersion) -> None:
    asked = protocol(gate("not-worse-than-champion", tolerance=1.0))
    assert outcome(judge(asked, Evidence(answered(store, dataset, 1.0)))) == "not-judged"


def test_first_release_is_left_to_a_person_or_compared_with_the_base(store: Store, dataset: DatasetVersion) -> None:
    base = answered(store, dataset, 0.9, name="base", form="base")
    other = gate("threshold", min=0.5)
    champion = gate("not-worse-than-champion")
    evaluation = answered(store, dataset, 0.75)

    person = judge(protocol(champion, other), Evidence(evaluation, base=base, first_release=True))
    assert [result.outcome for result in person.results] == ["not-applicable", "passed"]
    assert person.passed
    alone = judge(protocol(champion), Evidence(evaluation, base=base, first_release=True))
    assert not alone.passed  # nothing was judged

    asked = protocol(champion, other, first_release="base")
    compared = judge(asked, Evidence(evaluation, base=base, first_release=True))
    assert [result.outcome for result in compared.results] == ["failed", "passed"]
    without = judge(asked, Evidence(evaluation, first_release=True))
    assert without.results[0].outcome == "not-judged"


def test_a_form_with_a_parent_is_compared_with_it(store: Store, dataset: DatasetVersion) -> None:
    asked = protocol(gate("not-worse-than-parent", tolerance=0.1), gate("threshold", min=0.0))
    merged = answered(store, dataset, 0.9, name="merged", form="merged", parent="adapter")
    shipped = answered(store, dataset, 0.75, name="shipped", form="quantized", parent="merged")
    assert [one.name for one in judge(asked, Evidence(answered(store, dataset, 0.9, name="adapter"))).results] == [
        "threshold"
    ]
    assert judge(asked, Evidence(shipped, parent=merged)).results[0].outcome == "failed"
    assert judge(asked, Evidence(shipped)).results[0].outcome == "not-judged"
    stranger = answered(store, dataset, 0.1, name="stranger", form="merged", parent="adapter")
    assert judge(asked, Evidence(shipped, parent=stranger)).results[0].outcome == "not-judged"


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"train_loss": 1.0, "validation_loss": 1.5}, "passed"),
        ({"train_loss": 1.0, "validation_loss": 1.6}, "failed"),
        ({"train_loss": 1.0, "validation_loss": 0.9}, "passed"),
        ({"train_loss": 1.0}, "not-judged"),
        ({"train_loss": float("nan"), "validation_loss": 1.0}, "not-judged"),
        ({"train_loss": None, "validation_loss": 1.0}, "not-judged"),
        ({}, "not-judged"),
    ],
)
def test_train_gap(store: Store, dataset: DatasetVersion, training: Any, expected: str) -> None:
    evidence = Evidence(answered(store, dataset, 1.0), losses=Losses(**training))
    verdict = judge(protocol(gate("train-gap", max=0.5)), evidence)
    assert outcome(verdict) == expected


def test_other_settings_or_another_split_cannot_be_judged(store: Store, dataset: DatasetVersion) -> None:
    asked = protocol(gate("threshold", min=0.0))
    other = EvaluationSettings(resamples=300)
    assert outcome(judge(asked, Evidence(answered(store, dataset, 1.0, settings=other)))) == "not-judged"
    assert outcome(judge(asked, Evidence(answered(store, dataset, 1.0, split="validation")))) == "not-judged"
    champion = answered(store, dataset, 0.1, name="champion", settings=other)
    compared = protocol(gate("not-worse-than-champion"))
    assert outcome(judge(compared, Evidence(answered(store, dataset, 1.0), champion=champion))) == "not-judged"


def test_without_an_interval_nothing_is_significant(store: Store) -> None:
    small = dataset_version(store, "causal-lm", 40)  # four groups in the test split
    base = answered(store, small, 0.0, name="base", form="base")
    for significant, expected in ((False, "passed"), (True, "not-judged")):
        asked = protocol(gate("better-than-base", significant=significant))
        assert outcome(judge(asked, Evidence(answered(store, small, 1.0), base=base))) == expected


def test_a_verdict_says_what_was_judged_by_what(store: Store, dataset: DatasetVersion) -> None:
    asked, evaluation = protocol(gate("threshold", min=0.9)), answered(store, dataset, 0.75)
    plain = judge(asked, Evidence(evaluation)).plain()
    assert (plain["subject"], plain["evaluation"]) == (digest("model"), evaluation.digest)
    assert (plain["protocol"], plain["verdict"]) == (asked.digest, "failed")
    (result,) = plain["gates"]
    assert (result["value"], result["limit"]) == (0.75, 0.9)
    assert "0.75" in result["reason"] and "0.9" in result["reason"]


def test_only_what_passed_can_be_registered(store: Store, dataset: DatasetVersion, tmp_path: Any) -> None:
    artifact = Artifact(digest("model"), "adapter", tmp_path, {}, {})
    other = Artifact(digest("other"), "adapter", tmp_path, {}, {})
    evaluation = answered(store, dataset, 0.75)
    passed = judge(protocol(gate("threshold", min=0.5)), Evidence(evaluation))
    failed = judge(protocol(gate("threshold", min=0.9)), Evidence(evaluation))
    assert Judged(artifact, evaluation, passed).verdict.passed
    with pytest.raises(GateRejected, match=r"at least 0\.9"):
        Judged(artifact, evaluation, failed)
    with pytest.raises(GateRejected, match="another model"):
        Judged(other, evaluation, passed)
    again = answered(store, dataset, 0.8, settings=EvaluationSettings(resamples=300))
    with pytest.raises(GateRejected, match="another evaluation"):
        Judged(artifact, again, passed)
    for results in ((), (GateResult("champion", None, "not-applicable", "no champion yet"),)):
        with pytest.raises(GateRejected):
            Judged(artifact, evaluation, Verdict(artifact.digest, evaluation.digest, "p", results))


def test_a_broken_model_fails_every_gate_that_asks(store: Store, dataset: DatasetVersion) -> None:
    broken = answered(store, dataset, 1.0, nll=float("nan"))
    base = answered(store, dataset, 0.0, name="base", form="base")
    asked = protocol(gate("threshold", min=0.0), gate("better-than-base"), settings=FEW)
    verdict = judge(asked, Evidence(broken, base=base))
    assert [result.outcome for result in verdict.results] == ["not-judged", "not-judged"]


@pytest.mark.parametrize("metric", ["bits_per_byte", "perplexity"])
def test_a_loss_that_nobody_measured_is_not_zero(store: Store, dataset: DatasetVersion, metric: str) -> None:
    evaluation = answered(store, dataset, 0.75)
    scores = evaluation.scores()
    kept = [place for place, name in enumerate(scores.names) if name != "answer_nll"]
    unmeasured = replace(scores, names=tuple(scores.names[place] for place in kept), values=scores.values[:, kept])
    champion = answered(store, dataset, 0.75, name="champion")
    evaluation.__dict__["_scores"] = unmeasured
    asked = protocol(gate("threshold", metric=metric, max=5.0), gate("not-worse-than-champion", metric=metric))
    results = judge(asked, Evidence(evaluation, champion=champion)).results
    assert [result.outcome for result in results] == ["not-judged", "not-judged"]
    assert all(f"{metric} was not measured" in result.reason for result in results)

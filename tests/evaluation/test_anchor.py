"""The gate against creep: proven not worse than the anchor, within a budget of looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tasks.data.version import DatasetVersion
from tasks.evaluation.evidence import Evidence, Looks
from tasks.evaluation.gate import Gate
from tasks.evaluation.judge import judge
from tasks.store import Store
from tests.evaluation.fakes import answered, protocol
from tests.evaluation.test_gates import gate, outcome
from tests.factories import dataset_version

GROUPS = 200


@pytest.fixture
def dataset(store: Store) -> DatasetVersion:
    return dataset_version(store, "causal-lm", 200)


def anchored(**settings: Any) -> Gate:
    return gate("not-worse-than-anchor", **({"tolerance": 0.1} | settings))


def evidence(store: Store, dataset: DatasetVersion, lost: int, **more: Any) -> Evidence:
    """A candidate that has so many records wrong that the anchor has right."""
    anchor = answered(store, dataset, 1.0, name="anchor", form="quantized", parent="merged")
    candidate = answered(store, dataset, lambda place, _: float(place >= lost), name=f"candidate {lost}")
    usual: dict[str, Any] = {"anchor": anchor, "looks": Looks(3.0, GROUPS)}
    return Evidence(candidate, **(usual | more))


def test_the_loss_must_be_proven_small(store: Store, dataset: DatasetVersion) -> None:
    records = answered(store, dataset, 1.0).records
    for lost, expected in ((0, "passed"), (records // 20, "failed"), (records // 5, "failed")):
        verdict = judge(protocol(anchored()), evidence(store, dataset, lost))
        assert outcome(verdict) == expected, verdict.results
    wide = judge(protocol(anchored(tolerance=0.32)), evidence(store, dataset, records // 20))
    assert outcome(wide) == "passed" and "look 4 of 52" in wide.results[0].reason


def test_a_look_has_its_share_of_the_error(store: Store, dataset: DatasetVersion) -> None:
    """The same candidate passes as the only look, and not as one of a thousand."""
    lost = answered(store, dataset, 1.0).records // 20
    few = judge(protocol(anchored(tolerance=0.25, budget={"looks": 4})), evidence(store, dataset, lost))
    many = judge(protocol(anchored(tolerance=0.25, budget={"looks": 10000})), evidence(store, dataset, lost))
    assert (few.results[0].outcome, many.results[0].outcome) == ("passed", "failed")


def test_a_spent_budget_is_no_verdict_and_holds_back_who_would_look(store: Store, dataset: DatasetVersion) -> None:
    spent = evidence(store, dataset, 0, looks=Looks(52.0, GROUPS))
    verdict = judge(protocol(anchored()), spent)
    assert outcome(verdict) == "not-judged" and not verdict.passed
    assert "52 looks is spent" in verdict.reasons()[0] and "4 fresh test groups" in verdict.reasons()[0]
    unseen = replace(spent, candidate=answered(store, dataset, 1.0, split="validation"))
    assert not judge(protocol(anchored()).screening, unseen).worth_a_look
    assert outcome(judge(protocol(anchored()), evidence(store, dataset, 0, looks=None))) == "not-judged"
    assert outcome(judge(protocol(anchored()), evidence(store, dataset, 0, anchor=None))) == "not-judged"
    first = judge(protocol(anchored()), evidence(store, dataset, 0, anchor=None, first_release=True))
    assert outcome(first) == "not-applicable"


def test_who_may_have_learned_from_the_split_is_judged_on_what_is_new(store: Store, dataset: DatasetVersion) -> None:
    adaptive = Looks(3.0, GROUPS, adaptive=True)
    old = judge(protocol(anchored()), evidence(store, dataset, 0, looks=adaptive))
    assert outcome(old) == "not-judged" and "nobody had seen before" in old.reasons()[0]
    groups = sorted(set(answered(store, dataset, 1.0).scores().columns["group_id"]))
    some = {"since-setup": frozenset(groups[: len(groups) // 2])}
    new = judge(protocol(anchored(tolerance=0.3)), evidence(store, dataset, 0, looks=adaptive, arrived=some))
    assert outcome(new) == "passed" and "on records that nobody had seen" in new.results[0].reason
    paid = judge(protocol(anchored(adaptive_cost=49)), evidence(store, dataset, 0, looks=adaptive))
    assert outcome(paid) == "passed"
    poor = judge(protocol(anchored(adaptive_cost=50)), evidence(store, dataset, 0, looks=adaptive))
    assert outcome(poor) == "not-judged"


def test_too_few_records_are_reported_where_the_policy_says_so(store: Store, dataset: DatasetVersion) -> None:
    records = answered(store, dataset, 1.0).records
    narrow = {"tolerance": 0.001, "underpowered": "report"}
    other = gate("threshold", min=0.1)
    for lost, expected in ((1, "reported"), (records // 2, "failed")):
        verdict = judge(protocol(anchored(**narrow), other), evidence(store, dataset, lost))
        assert verdict.results[0].outcome == expected
        assert verdict.passed == (expected == "reported")
    alone = judge(protocol(anchored(**narrow)), evidence(store, dataset, 1))
    assert not alone.passed, "nothing was judged"


def test_a_screen_goes_by_estimates_and_excuses_what_it_cannot_know(store: Store, dataset: DatasetVersion) -> None:
    screen = protocol(anchored(), gate("threshold", min=0.74, significant=True), gate("served-as-judged")).screening
    found = replace(
        evidence(store, dataset, 0),
        candidate=answered(store, dataset, 0.75, split="validation"),
        anchor=answered(store, dataset, 0.75, name="anchor", split="validation"),
    )
    verdict = judge(screen, found)
    assert [result.outcome for result in verdict.results] == ["passed", "passed"]
    assert verdict.worth_a_look
    worse = judge(screen, replace(found, candidate=answered(store, dataset, 0.5, split="validation")))
    assert not worse.worth_a_look
    unknown = protocol(gate("threshold", slice="language=fr", min=0.5)).screening
    assert judge(unknown, found).worth_a_look
    assert judge(protocol(anchored()), found).results[0].outcome == "not-judged", "of another split"


def test_arrived_records_are_a_slice_of_every_gate(store: Store, dataset: DatasetVersion) -> None:
    groups = sorted(set(answered(store, dataset, 1.0).scores().columns["group_id"]))
    half = frozenset(groups[: len(groups) // 2])
    candidate = answered(store, dataset, lambda _, row: float(row["group_id"] in half))
    new = protocol(gate("threshold", slice="arrived=since-champion", min=0.99))
    assert outcome(judge(new, Evidence(candidate, arrived={"since-champion": half}))) == "passed"
    assert outcome(judge(new, Evidence(candidate, arrived={"since-champion": frozenset(groups)}))) == "failed"
    assert outcome(judge(new, Evidence(candidate))) == "not-judged"

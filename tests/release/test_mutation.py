"""Which harms the shipped policies notice in scores, and that a weaker policy notices fewer."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from tasks.config.words import DatasetTask
from tasks.errors import GateRejected
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.gate import Gate, gate_kinds
from tasks.evaluation.measured import Pace, Resources
from tasks.evaluation.metric import metrics_of
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.policy import Policy, load_policy
from tasks.evaluation.slices import Scores
from tasks.release.harm import TIMES, Case, DoesNotApply, Harm
from tasks.release.harmed_scores import (
    exchanged,
    labels_of,
    meant_and_said,
    planted,
    renamed,
    saying,
    silent,
    spoiler,
    value_of,
)
from tasks.release.harms import HARMS
from tasks.release.mutation import LEAST, Planting, Score, plantings, twin_fails
from tasks.store import Store
from tests.release.mutants import candidate

SHIPPED = {
    "classification-default": {"worse-in-a-rare-category", "equal-but-flipped"},
    "qa-default": {"worse-in-a-rare-category", "wrong-choices"},
    "qa-sample": {"worse-in-a-rare-category"},
    "tagging-default": {"worse-in-a-rare-category", "equal-but-flipped", "worse-in-one-language"},
}
"""What no gate of a shipped policy is meant for, or large enough to notice: docs/gates.md says so."""


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    store = Store(tmp_path_factory.mktemp("mutants"))
    return {name: candidate(store, load_policy(name)) for name in SHIPPED}


@pytest.fixture(scope="module")
def classifier(cases: dict[str, Case]) -> Case:
    return cases["classification-default"]


def gate(kind: str, **settings: Any) -> Gate:
    return gate_kinds()[kind].model_validate({"name": settings.pop("name", kind), "kind": kind, **settings})


def with_gates(case: Case, *gates: Gate) -> Case:
    return replace(case, protocol=replace(case.protocol, gates=gates))


def only(*names: str) -> list[Any]:
    return [replace(harm, graded=False) for harm in HARMS if harm.name in names or not names]


def score(case: Case, found: list[Planting]) -> Score:
    return Score("policy", None, "model@1", "validation", 1, 1, 1, twin_fails(case), tuple(found))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_notices_all_but_what_is_known(cases: dict[str, Case], name: str) -> None:
    assert twin_fails(cases[name]) == (), "the unharmed twin"
    planted = [one for one in plantings(cases[name], HARMS, 11) if one.planted]
    assert len(planted) >= 24 and {one.harm for one in planted if not one.by_meant} == SHIPPED[name]
    assert sum(one.by_meant for one in planted) >= 22
    assert all(one.smallest for one in planted if one.harm in ("worse-overall", "creep", "learned-by-heart"))
    smallest = next(one.smallest for one in planted if one.harm == "worse-overall")
    assert smallest is not None and 0.5 < float(smallest.split("(")[1].split()[0]) <= 1.1, "its own margin, or nearly"


def test_every_harm_is_planted_into_some_shipped_task(cases: dict[str, Case]) -> None:
    def fits(harm: Harm, case: Case) -> bool:
        try:
            return bool(harm.plant(case, TIMES, Random(3)))
        except DoesNotApply:
            return False

    for harm in HARMS:
        if harm.name in ("fragile", "demanding"):  # no shipped policy asks
            continue
        assert any(fits(harm, case) for case in cases.values()), harm.name


def test_gates_for_what_was_unnoticed_notice_it(classifier: Case) -> None:
    more = (
        gate("not-worse-than-champion", name="category", metric="accuracy", slice="category=*", tolerance=0.1),
        gate("harmful-flips", max=0.06),
    )
    case = with_gates(classifier, *classifier.protocol.gates, *more)
    assert twin_fails(case) == ()
    found = {
        one.harm: one.caught_by for one in plantings(case, only("worse-in-a-rare-category", "equal-but-flipped"), 2)
    }
    assert "category" in found["worse-in-a-rare-category"] and "harmful-flips" in found["equal-but-flipped"]


def test_what_gates_measure_of_a_served_form_is_harmed_too(classifier: Case) -> None:
    own = classifier.served.candidate
    changed = replace(own.scores(), test="c" * 64)
    altered = planted(own, changed, test="c" * 64, altered={"by": "upper-case:200", "of": own.test})
    pace = Pace((0.1, 0.1, 0.1), (50.0, 50.0, 50.0))
    needs = Resources(own.model_digest, 1000, 300.0, own.model_digest, (pace, pace))
    gates = (
        gate("robust", metric="accuracy", perturbations=["upper-case"], tolerance=0.05),
        gate("resources", size_mib=1, peak_memory_mib=900, latency_ratio=1.2, tokens_per_second_ratio=0.8),
    )
    case = with_gates(classifier.beside(altered={"upper-case:200": altered}, resources=needs), *gates, champion_gate())
    assert twin_fails(case) == ()
    for seed in range(6):  # chance chooses one of the bounds
        found = list(plantings(case, only("fragile", "demanding"), seed))
        assert [one.caught_by for one in found] == [("robust",), ("resources",)], found
    assert {one.why_not for one in plantings(classifier, only("fragile", "demanding"), 1)} == {
        "no gate asks about changed texts",
        "no gate asks what it needs",
    }


def champion_gate(tolerance: float = 0.05) -> Gate:
    return gate("not-worse-than-champion", metric="accuracy", tolerance=tolerance)


def test_a_weakened_policy_scores_lower(classifier: Case) -> None:
    """Each gate that is left out, and each that is so wide that it hardly ever speaks."""
    gates, known = classifier.protocol.gates, SHIPPED["classification-default"]
    for dropped in gates:
        meant = [one for one in only() if dropped.kind in one.meant and one.name not in known]
        left = with_gates(classifier, *(one for one in gates if one.name != dropped.name))
        weaker = score(left, list(plantings(left, meant, 5)))
        assert weaker.share < 1 or any(one.kind == dropped.kind for one in left.protocol.gates), dropped.name
    whole = score(classifier, list(plantings(classifier, only(), 5)))
    whole.raise_if_low(LEAST)
    bare = with_gates(classifier, gates[0])
    found = score(bare, list(plantings(bare, only(), 5)))
    assert found.share < whole.share and len(found.counted) == len(whole.counted)
    with pytest.raises(GateRejected, match="of the harms"):
        found.raise_if_low()


def test_a_wider_tolerance_shows_in_the_smallest_strength_that_is_noticed(classifier: Case) -> None:
    def smallest(tolerance: float) -> float:
        harms = [one for one in HARMS if one.name == "worse-overall"]
        [found] = plantings(with_gates(classifier, champion_gate(tolerance)), harms, 1)
        assert found.by_meant and found.smallest
        return float(found.smallest.split()[1])

    assert smallest(0.02) < smallest(0.05) < smallest(0.1)


def test_chance_comes_from_the_seed_alone(classifier: Case) -> None:
    def rows(seed: int) -> list[int]:
        [harm] = only("worse-overall")
        hit = harm.plant(classifier, TIMES, Random(seed)).case.scores
        return list(np.flatnonzero((hit.values != classifier.scores.values).any(axis=1)))

    assert rows(1) == rows(1) and rows(1) != rows(2)
    every = {one.harm: one for one in plantings(classifier, only(), 9)}
    [alone] = plantings(classifier, only("no-better-than-a-rule"), 9)
    assert alone == every["no-better-than-a-rule"], "one harm more or less changes no other"


def test_planting_leaves_the_case_as_it_is(classifier: Case) -> None:
    before = {form: one.candidate.scores().values.copy() for form, one in classifier.forms.items()}
    list(plantings(classifier, only(), 4))
    for form, values in before.items():
        assert np.array_equal(classifier.forms[form].candidate.scores().values, values)
    assert twin_fails(classifier) == ()


def test_a_twin_that_fails_ends_all(classifier: Case) -> None:
    hard = with_gates(classifier, gate("threshold", metric="accuracy", min=0.999))
    with pytest.raises(GateRejected, match="does not pass") as found:
        score(hard, []).raise_if_low()
    assert found.value.exit_code == 3 and "accuracy is 0.8" in str(found.value)


def test_what_cannot_be_is_said_and_not_counted(cases: dict[str, Case]) -> None:
    found = {one.harm: one.why_not for one in plantings(cases["qa-default"], only(), 1) if not one.planted}
    assert found == {
        "worse-in-a-rare-label": "there are no labels to miss",
        "miscalibrated": "no probability is judged beside an answer",
        "labels-swapped": "there are not two labels to swap",
        "below-the-majority": "no label is the most frequent one",
        "fragile": "no gate asks about changed texts",
        "demanding": "no gate asks what it needs",
    }
    [flips] = only("equal-but-flipped")
    perfect = cases["qa-default"].edited(lambda one: planted_right(one))
    with pytest.raises(DoesNotApply, match="without changing any mean"):
        flips.plant(perfect, TIMES, Random(1))


def planted_right(evaluation: Evaluation) -> Evaluation:
    scores = evaluation.scores()
    values = scores.values.copy()
    values[:, scores.names.index("token_f1")] = 1.0
    return planted(evaluation, replace(scores, values=values))


def all_metrics(scores: Scores) -> dict[str, float]:
    return {name: round(value_of(scores, name), 9) for name in metrics_of(scores.task)}


@pytest.mark.parametrize("name", ["classification-default", "qa-default", "tagging-default"])
def test_an_exchange_changes_records_and_no_mean(cases: dict[str, Case], name: str) -> None:
    scores = cases[name].scores
    other, done = exchanged(scores, 20, Random(1))
    assert done == 20
    assert (other.values != scores.values).any(axis=1).sum() == 40
    assert all_metrics(other) == all_metrics(scores)


def test_another_label_gives_the_statistics_that_it_would_have_had(classifier: Case) -> None:
    scores = classifier.scores
    meant, said = meant_and_said(scores)
    names, row = labels_of(scores), int(np.flatnonzero(meant == said)[0])
    wrong = said.copy()
    wrong[row] = (said[row] + 1) % len(names)
    confidence = float(scores.values[row, [one.startswith("bin-confidence") for one in scores.names]].sum())
    expected = label_statistics(names[wrong[row]], names[meant[row]], confidence)
    found = dict(zip(scores.names, saying(scores, wrong).values[row], strict=True))
    for name, value in found.items():
        if name != "squared_error":
            assert value == expected.get(name, 0.0), name
    assert found["squared_error"] == pytest.approx(0.02 + 2 * confidence)
    assert np.allclose(saying(saying(scores, wrong), said).values, scores.values)


@pytest.mark.parametrize("name", ["classification-default", "tagging-default"])
def test_two_labels_swapped_twice_are_as_they_were(cases: dict[str, Case], name: str) -> None:
    scores = cases[name].scores
    one, other = labels_of(scores)[:2]
    once = renamed(scores, one, other)
    key = "label" if name.startswith("class") else "entity"
    metric = "f1" if key == "label" else "entity_f1"
    assert value_of(once, metric, f"{key}={one}") < 0.5 < value_of(scores, metric, f"{key}={one}")
    if key == "label":
        counted = [place for place, name in enumerate(scores.names) if name != "squared_error"]  # that is an estimate
        assert np.array_equal(renamed(once, one, other).values[:, counted], scores.values[:, counted])


def test_each_metric_is_made_worse_by_what_spoils_it(cases: dict[str, Case]) -> None:
    tasks: dict[DatasetTask, str] = {
        "text-classification": "classification-default",
        "causal-lm": "qa-default",
        "token-classification": "tagging-default",
    }
    for task, name in tasks.items():
        scores = cases[name].scores
        rows = np.arange(len(scores.values))
        for metric in metrics_of(task).values():
            if metric.name in ("accuracy_at_80", "accuracy_at_50"):
                continue
            spoiled = spoiler(scores, metric.name, Random(1))(scores, rows)
            change = metric.sign * (value_of(spoiled, metric.name) - value_of(scores, metric.name))
            assert change < 0, metric.name
    assert value_of(silent(cases["tagging-default"].scores), "entity_f1") == 0


def test_the_policies_of_the_table_are_those_that_are_shipped() -> None:
    from tasks.evaluation.policy import POLICIES

    assert {file.stem for file in POLICIES.glob("*.yaml")} == set(SHIPPED)
    assert all(isinstance(load_policy(name), Policy) for name in SHIPPED)

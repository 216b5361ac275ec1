"""What is said of a gate before anything is trained is what the gate then does; `bench/power.py` has more cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.power import CASES, Case, lets_by, stated
from tasks.config.evaluation import EvaluationSettings
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.evaluation.policy import Policy
from tasks.evaluation.policy_check import check_of
from tasks.evaluation.power import Rule, Spread, groups_missing, half_width, noticed_loss, passes, spread_of_counts
from tasks.store import Store
from tests.evaluation.fakes import answered
from tests.factories import dataset_version

SOME = [CASES[place] for place in (0, 4, 8, 12, 16)]


@pytest.mark.parametrize("case", SOME, ids=lambda case: f"{case.twins.name}, {case.groups} groups")
def test_as_many_equal_candidates_pass_as_was_said(case: Case) -> None:
    found = float(np.mean(list(lets_by(case, 400, 5))))
    assert stated(case, 23) == pytest.approx(found, abs=0.1)  # of 400: three points, and four standard errors


def test_of_independent_records_the_width_is_the_textbooks() -> None:
    spread = spread_of_counts(np.ones((2000, 1)), 0.1, np.array([1 / 2000]), together=0.1, least=1.0, units=2000)
    assert half_width(spread, 0.025) == pytest.approx(1.96 * (0.1 / 2000) ** 0.5, rel=0.02)
    assert passes(spread, Rule(0.02, None)) == pytest.approx(0.9977, abs=0.001)  # 2.83 standard errors
    assert noticed_loss(spread, Rule(0.02, None)) == pytest.approx(0.02 + 0.8416 * (0.1 / 2000) ** 0.5, abs=1e-4)


def test_records_of_a_group_that_are_alike_say_less() -> None:
    apart, alike = (
        spread_of_counts(np.full((50, 1), 10.0), 0.1, np.array([1 / 500]), together=together, least=1.0, units=500)
        for together in (0.0, 1.0)
    )
    assert alike.variance == pytest.approx(10 * apart.variance)


def test_the_groups_that_are_missing_are_enough_and_none_too_many() -> None:
    spread = Spread(0.1 / 300, 3 * (0.1 / 300) ** 2 / 300, 15 * (0.1 / 300) ** 3 / 300**2, 300, 2 / 300**2)
    rule = Rule(0.02, 0.001)
    missing = groups_missing(spread, rule, 0.3)
    assert missing
    assert passes(spread.with_groups(300 + missing), rule) >= 0.3 > passes(spread.with_groups(299 + missing), rule)
    assert groups_missing(spread.with_groups(300 + missing), rule, 0.3) == 0
    assert groups_missing(spread, Rule(0.0, 0.001), 0.3) is None


@pytest.fixture
def dataset(tmp_path: Path) -> DatasetVersion:
    return dataset_version(Store(tmp_path), "causal-lm", 120)


def policy(**more: object) -> Policy:
    gate = {"name": "answers", "kind": "not-worse-than-champion", "metric": "token_f1", "tolerance": 0.02, **more}
    return Policy.model_validate({"name": "own", "task": "causal-lm", "description": "for tests", "gates": [gate]})


def test_a_margin_that_the_records_cannot_resolve_is_refused_with_the_groups_that_are_missing(
    dataset: DatasetVersion, tmp_path: Path
) -> None:
    found = check_of(Store(tmp_path), policy(significant=True), dataset, 0.3)
    (one,) = found.sizes
    assert one.missing and not one.resolved and f"all records: {one.missing:,} more groups" in one.needs
    with pytest.raises(InputError, match=f"{one.missing:,} more groups"):
        found.raise_if_refused()
    check_of(Store(tmp_path), policy(significant=True, tolerance=0.5), dataset, 0.3).raise_if_refused()
    check_of(Store(tmp_path), policy(), dataset, 0.3).raise_if_refused()  # an estimate is always let by half the time


def test_every_slice_is_sized_by_its_own_records(dataset: DatasetVersion, tmp_path: Path) -> None:
    sizes = check_of(Store(tmp_path), policy(slice="language=*"), dataset, 0.2).sizes
    assert len(sizes) > 1 and sum(one.records for one in sizes) == len(dataset.rows("test"))
    fewest, most = min(sizes, key=lambda one: one.records), max(sizes, key=lambda one: one.records)
    assert fewest.records == most.records or (fewest.noticed or 0) > (most.noticed or 0)


def test_disagreement_is_measured_between_models_that_were_judged_on_these_records(
    dataset: DatasetVersion, tmp_path: Path
) -> None:
    store = Store(tmp_path)
    with pytest.raises(InputError, match="--disagreement"):
        check_of(store, policy(), dataset)
    settings = EvaluationSettings()
    answered(store, dataset, lambda place, _: place % 2, name="one", settings=settings)
    with pytest.raises(InputError, match="--disagreement"):
        check_of(store, policy(), dataset)  # one model alone does not differ from anything
    answered(store, dataset, lambda place, _: place % 3 > 0, name="two", settings=settings)
    found = check_of(store, policy(), dataset)
    assert found.source == "measured between 2 candidates of one base"
    assert (found.sizes[0].promoted or 0) > 20


def test_without_a_gate_on_the_anchor_no_bound_is_claimed(dataset: DatasetVersion, tmp_path: Path) -> None:
    worlds = check_of(Store(tmp_path), policy(), dataset, 0.2).worlds
    assert len(worlds) == 4 and not any(world.holds for world in worlds)


def test_a_slice_that_the_gate_finds_too_small_is_named_and_not_sized(dataset: DatasetVersion, tmp_path: Path) -> None:
    small = policy(slice="language=*", min_records=10_000, small="report", significant=True, correction="none")
    found = check_of(Store(tmp_path), small, dataset, 0.2)
    assert found.sizes and all("too small" in one.needs and one.promoted is None for one in found.sizes)
    found.raise_if_refused()

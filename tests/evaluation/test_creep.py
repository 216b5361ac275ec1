"""A year of weekly candidates that are each a little worse, simulated; `python -m bench.creep` has the full size."""

from __future__ import annotations

import numpy as np
import pytest

from bench.creep import GROWTH, Rules, World, Year, allowed, carried, year

RULES = Rules(margin=0.03)


def years(world: World, many: int = 20) -> list[Year]:
    chance = np.random.default_rng(11)
    return [year(world, RULES, chance) for _ in range(many)]


def below(found: list[Year]) -> float:
    return float(np.mean([one.loss > RULES.margin for one in found]))


@pytest.mark.parametrize("keeps", [0.0, 0.8])
def test_without_the_anchor_many_small_losses_add_up(keeps: float) -> None:
    found = years(World(2000, keeps, 0.0, 0.005, anchor=False), 4)
    assert min(one.loss for one in found) > 0.15


@pytest.mark.parametrize("growth", [0.0, GROWTH])
@pytest.mark.parametrize("keeps", [0.0, 0.8])
def test_with_the_anchor_a_year_ends_within_the_margin(keeps: float, growth: float) -> None:
    found = years(World(500, keeps, growth, 0.005))
    assert below(found) <= 0.1  # of 20; at full size at most 0.05
    assert max(one.loss for one in found) < 2 * RULES.margin


def test_luck_that_is_inherited_breaks_the_bound_and_so_new_records_are_asked_for() -> None:
    inherited = years(World(500, 0.8, 0.0, 0.005, prospective=False), 40)
    assert below(inherited) > 0.05
    assert all(one.promoted == 0 for one in years(World(500, 0.8, 0.0, 0.005), 5))  # nothing new that could show it


def test_equal_candidates_are_promoted_where_records_arrive() -> None:
    assert np.mean([one.promoted for one in years(World(2000, 0.0, GROWTH), 3)]) >= 6
    assert np.mean([one.promoted for one in years(World(2000, 0.8, GROWTH), 6)]) >= 4


def test_new_records_show_the_true_accuracy_and_the_old_ones_flatter() -> None:
    found = years(World(500, 0.0, GROWTH, 0.005), 40)
    assert abs(sum(one.prospective for one in found) / sum(one.arrived for one in found)) < 0.015
    fixed = years(World(500, 0.8, 0.0, 0.005, prospective=False), 20)
    assert np.mean([one.flattered for one in fixed]) > 0.01


def test_a_test_split_that_grows_is_looked_at_more_often_and_no_look_errs_more() -> None:
    assert [len(allowed(growth, 52, 300)) for growth in (0.0, 0.02, 0.05)] == [52, 73, 87]
    rules = Rules(margin=0.03, alpha=0.4, looks=8)  # 5 % each, so that few trials show them
    looks, _, wrong, of_budget = carried(0.1, rules, 60, 3, groups=300)
    assert int(looks) > 8 and float(wrong) > 0
    assert float(of_budget) < 0.4 * 1.5

import numpy as np
import pytest

from tasks.comparison import bootstrap
from tasks.comparison.bootstrap import interval, resampled_sums


def test_resamples_are_sums_over_groups_drawn_with_replacement() -> None:
    sums = np.eye(7)  # the sum over a resample then says how often each group was drawn
    drawn = resampled_sums(sums, 2000, "seed")
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn >= 0).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.1)
    assert drawn.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.1)  # multinomial


def test_the_same_seed_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = np.random.default_rng(0).normal(size=(20, 3))
    once = resampled_sums(sums, 300, "a")
    assert (once == resampled_sums(sums, 300, "a")).all()
    assert (once != resampled_sums(sums, 300, "b")).any()
    monkeypatch.setattr(bootstrap, "_CELLS", 100)  # in small blocks: bounded memory must not change the draws
    assert resampled_sums(sums, 300, "a") == pytest.approx(once)


def test_groups_that_agree_within_make_the_interval_wider() -> None:
    chance = np.random.default_rng(1)
    by_group = np.repeat(chance.integers(0, 2, size=30), 10).astype(float)  # ten records of a group say the same
    ones = np.ones_like(by_group)
    alone = np.stack([by_group, ones], axis=1)  # as if the records were independent
    together = alone.reshape(30, 10, 2).sum(axis=1)
    widths = []
    for sums in (alone, together):
        drawn = resampled_sums(sums, 2000, "seed")
        low, high = interval(drawn[:, 0] / drawn[:, 1], len(sums), 0.95) or (0.0, 0.0)
        widths.append(high - low)
    assert widths[1] > 2.5 * widths[0]  # sqrt(10) for perfect agreement


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    chance, truth, hits = np.random.default_rng(2), 0.6, 0
    for trial in range(200):
        shares = chance.beta(6, 4, size=40)  # each group has a share of its own, on average 0.6
        right = chance.binomial(8, shares).astype(float)
        drawn = resampled_sums(np.stack([right, np.full(40, 8.0)], axis=1), 400, f"trial {trial}")
        low, high = interval(drawn[:, 0] / drawn[:, 1], 40, 0.95) or (0.0, 0.0)
        hits += low <= truth <= high
    assert 0.90 <= hits / 200 <= 0.99


def test_no_interval_where_too_little_is_known() -> None:
    values = np.linspace(0, 1, 100)
    assert interval(values, 5, 0.95) == pytest.approx((0.025, 0.975))
    assert interval(values, 4, 0.95) is None
    values[:11] = np.nan
    assert interval(values, 50, 0.95) is None

"""Intervals hold what they claim; `python -m bench.coverage` measures the same at full size."""

import numpy as np
import pytest

from bench.coverage import WORLDS, World, found, trials
from tasks.evaluation.intervals import MIN_GROUPS, of_difference, of_value
from tasks.evaluation.metric import Sums, metrics_of
from tasks.evaluation.metrics.labels import label_statistics

ACCURACY = metrics_of("text-classification")["accuracy"]
NAMES = ("records", "correct")


def held(world: World, groups: int, many: int) -> tuple[float, float]:
    """How often an interval holds the truth, of those that are given; and what share is given."""
    spans = [found(world, sums, 0.95) for sums in trials(world, groups, many, 3)]
    given = [span for span in spans if span]
    return float(np.mean([low <= world.truth <= high for low, high in given])), len(given) / many


@pytest.mark.parametrize("groups", [8, 30])
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_an_interval_holds_the_truth_about_as_often_as_it_says(world: World, groups: int) -> None:
    share, given = held(world, groups, 150)
    assert given == 1 or world.name == "macro"
    if given > 0.5:
        assert share >= 0.90  # of 150: 0.95 less three standard errors


def test_the_interval_of_independent_records_is_wilsons() -> None:
    right = np.array([1.0] * 57 + [0.0] * 3)
    span = of_value(ACCURACY, NAMES, np.column_stack([np.ones(60), right]), 0.95)
    assert span is not None and span.method == "wilson"
    assert (span.low, span.high) == pytest.approx(
        (0.8630, 0.9829), abs=0.004
    )  # scipy's binomtest; Student's t makes it wider


def test_groups_that_agree_within_make_the_interval_wider() -> None:
    by_group = np.repeat(np.random.default_rng(1).integers(0, 2, size=30), 10).astype(float)
    alone = np.column_stack([np.ones(300), by_group])
    together = alone.reshape(30, 10, 2).sum(axis=1)
    one, two = (of_value(ACCURACY, NAMES, sums, 0.95) for sums in (alone, together))
    assert one is not None and two is not None
    assert two.high - two.low > 2.5 * (one.high - one.low)  # sqrt(10) for perfect agreement


def test_all_right_is_not_certain() -> None:
    sums = np.column_stack([np.full(12, 5.0), np.full(12, 5.0)])
    span = of_value(ACCURACY, NAMES, sums, 0.95)
    assert span is not None and 0.8 < span.low < 0.93 and span.high == 1.0
    same = of_difference(ACCURACY, (NAMES, NAMES), (sums, sums), 0.95)
    assert same is not None and same.low == -same.high < -0.02


def test_no_interval_where_too_little_is_known() -> None:
    few = np.column_stack([np.full(MIN_GROUPS - 1, 4.0), np.arange(MIN_GROUPS - 1.0) % 4])
    assert of_value(ACCURACY, NAMES, few, 0.95) is None
    assert of_difference(ACCURACY, (NAMES, NAMES), (few, few), 0.95) is None
    idle = np.zeros((20, 2))  # groups in which the metric measures nothing are none
    assert of_value(ACCURACY, NAMES, np.concatenate([few, idle]), 0.95) is None


@pytest.mark.parametrize(("rare", "given"), [(4, False), (5, True)])
def test_a_mean_over_labels_needs_each_label_in_some_groups(rare: int, given: bool) -> None:
    rows = [label_statistics("a", "rare" if group < rare else "a" if group % 2 else "b", None) for group in range(40)]
    names = ("records", *(f"{outcome}:{label}" for outcome in ("tp", "fp", "fn") for label in ("a", "b", "rare")))
    sums = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    macro = metrics_of("text-classification")["macro_f1"]
    assert (of_value(macro, names, sums, 0.95) is not None) is given


def test_a_gain_turns_its_sign_where_lower_is_better() -> None:
    metric = metrics_of("causal-lm")["bits_per_byte"]
    names = ("answer_bytes", "answer_nll")
    chance = np.random.default_rng(2)
    worse, better = (np.column_stack([np.full(20, 50.0), chance.normal(mean, 2, 20)]) for mean in (40, 30))
    span = of_difference(metric, (names, names), (better, worse), 0.95)
    assert span is not None and span.low > 0
    assert float(metric.of(Sums(names, better.sum(axis=0)))) < float(metric.of(Sums(names, worse.sum(axis=0))))


def test_a_calibrated_model_is_not_said_to_be_off() -> None:
    """Chance makes each gap between confidence and accuracy larger than it is; the interval takes that off."""
    world = next(world for world in WORLDS if world.name == "calibrated")
    shown = [float(world.metric.of(Sums(world.names, sums.sum(axis=0)))) for [sums] in trials(world, 30, 20, 3)]
    spans = [found(world, sums, 0.95) for sums in trials(world, 30, 20, 3)]
    assert min(shown) > 0.03
    assert sum(span is not None and span[0] == 0 for span in spans) >= 17
    assert all(span is not None and span[1] >= value for span, value in zip(spans, shown, strict=True))

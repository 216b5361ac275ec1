"""How often intervals hold what they claim, by simulation, beside the percentile bootstrap.

    python -m bench.coverage [--trials 2000] [--seed 17] [--bootstrap]

Groups are patients or pages with 1 to 41 records each (geometric, 5 on average), whose records are alike: a tenth of
the variance lies between groups. `share` is an accuracy, `rare` one of 0.95, `graded` a mean of scores between 0 and 1,
`macro` the macro-F1 of three labels of which one is rare (6 %), `calibrated` and `too sure` the expected calibration
error of a model whose confidence is right, or up to a fifth too high. A difference is between two models of which 10 %
(or, `seldom`, 3 %) of the records tell them apart; `lost` says that one of them is really worse.

Per row: the share of trials in which an interval is given, and of these in which it holds the truth; its mean width;
and how often it lies above the truth altogether: of a difference, that is how often a loss of exactly the tolerance
would pass as "not worse" (one-sided, half of what is left to the nominal confidence).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tasks.comparison.bootstrap import interval, resampled_sums
from tasks.config.words import DATASET_TASKS
from tasks.evaluation.intervals import of_difference, of_value
from tasks.evaluation.metric import Metric, Sums, metrics_of

GROUPS = (8, 12, 30, 100)
ALIKE = 0.1
LABELS = (0.6, 0.34, 0.06)
"""Share of each label in the world of `macro`."""
CONFUSION = np.array([[0.85, 0.1, 0.05], [0.15, 0.8, 0.05], [0.2, 0.2, 0.6]])
Names = tuple[str, ...]
Chance = np.random.Generator


class World(NamedTuple):
    """Something to measure, its truth, and how one test set of some groups comes out: statistics by group."""

    name: str
    metric: Metric
    names: Names
    truth: float
    draw: Callable[[Chance, int], list[np.ndarray]]


def metric_called(name: str) -> Metric:
    """A metric of any task."""
    return next(found[name] for task in DATASET_TASKS if name in (found := metrics_of(task)))


def sizes(chance: Chance, groups: int) -> np.ndarray:
    """Records by group."""
    return 1 + np.minimum(chance.geometric(0.2, size=groups) - 1, 40)


def shares(chance: Chance, groups: int, of: tuple[float, ...]) -> np.ndarray:
    """What each group's records tend to, shape [groups, outcomes]: a Dirichlet around the whole."""
    weights = np.maximum(np.array(of) * (1 - ALIKE) / ALIKE, 1e-9)
    return chance.dirichlet(weights, size=groups)


def counts(chance: Chance, groups: int, of: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Records by group, and how many have each outcome."""
    size = sizes(chance, groups)
    return size, chance.multinomial(size, shares(chance, groups, of)).astype(float)


def share(name: str, truth: float) -> World:
    """Right or wrong."""

    def draw(chance: Chance, groups: int) -> list[np.ndarray]:
        size, found = counts(chance, groups, (truth, 1 - truth))
        return [np.column_stack([size, found[:, 0]])]

    return World(name, metric_called("accuracy"), ("records", "correct"), truth, draw)


def graded() -> World:
    """Scores with a mean of 0.4, a tenth of them 0 or 1."""

    def draw(chance: Chance, groups: int) -> list[np.ndarray]:
        size, mean = sizes(chance, groups), chance.beta(0.4 * 9, 0.6 * 9, size=groups)
        total = [chance.beta(4 * one, 4 * (1 - one), size=many).sum() for many, one in zip(size, mean, strict=True)]
        return [np.column_stack([size, total])]

    return World("graded", metric_called("token_f1"), ("records", "token_f1"), 0.4, draw)


def macro() -> World:
    """Three labels, one rare."""
    names = ("records", *(f"{kind}:{label}" for kind in ("tp", "fp", "fn") for label in "abc"))
    each = np.array(LABELS)[:, None] * CONFUSION

    def outcomes(table: np.ndarray) -> np.ndarray:
        hits = np.diagonal(table, axis1=-2, axis2=-1)
        return np.concatenate([hits, table.sum(-2) - hits, table.sum(-1) - hits], axis=-1)

    def draw(chance: Chance, groups: int) -> list[np.ndarray]:
        size, found = counts(chance, groups, tuple(each.ravel()))
        return [np.column_stack([size, outcomes(found.reshape(groups, 3, 3))])]

    metric = metric_called("macro_f1")
    truth = float(metric.of(Sums(names, np.concatenate([[1.0], outcomes(each)]))))
    return World("macro", metric, names, truth, draw)


def calibration(name: str, too_sure: float) -> World:
    """Two labels, with confidences from 0.5 to 1 in 15 bins; the surest is right less often by `too_sure`."""
    middles = (np.arange(7, 15) + 0.5) / 15
    said = np.array((0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2))
    right = middles - too_sure * (middles - 0.5) / 0.5
    of = tuple(np.concatenate([said * right, said * (1 - right)]))
    names = (
        "records",
        "with_confidence",
        *(f"bin-{kind}:{at}" for kind in ("correct", "confidence") for at in "abcdefgh"),
    )

    def draw(chance: Chance, groups: int) -> list[np.ndarray]:
        size, found = counts(chance, groups, of)
        hits, misses = found[:, :8], found[:, 8:]
        return [np.column_stack([size, size, hits, (hits + misses) * middles])]

    truth = float((said * np.abs(right - middles)).sum())
    return World(name, metric_called("calibration_error"), names, truth, draw)


def gain(name: str, apart: float, truth: float) -> World:
    """Two models, right on four fifths of the records; `apart` is the share on which only one is right."""
    more, less = (apart + truth) / 2, (apart - truth) / 2
    of = (more, less, 0.8 - less, 1 - more - 0.8)

    def draw(chance: Chance, groups: int) -> list[np.ndarray]:
        size, found = counts(chance, groups, of)
        return [np.column_stack([size, found[:, side] + found[:, 2]]) for side in (0, 1)]

    return World(name, metric_called("accuracy"), ("records", "correct"), truth, draw)


WORLDS = (
    *(share("share", 0.6), share("rare", 0.95), graded(), macro()),
    *(gain("gain", 0.1, 0.0), gain("gain, seldom", 0.03, 0.0)),
    *(gain("lost", 0.1, -0.05), gain("lost, seldom", 0.03, -0.02)),
    *(calibration("calibrated", 0.0), calibration("a little too sure", 0.05), calibration("too sure", 0.2)),
)


def bootstrapped(world: World, sums: list[np.ndarray], confidence: float, seed: str) -> tuple[float, float] | None:
    """The percentile bootstrap's interval of the same data."""
    drawn = [world.metric.of(Sums(world.names, resampled_sums(one, 500, seed))) for one in sums]
    return interval(drawn[0] - drawn[1] if len(drawn) > 1 else drawn[0], len(sums[0]), confidence)


def found(world: World, sums: list[np.ndarray], confidence: float) -> tuple[float, float] | None:
    """Galen's."""
    if len(sums) == 1:
        span = of_value(world.metric, world.names, sums[0], confidence)
    else:
        span = of_difference(world.metric, (world.names, world.names), (sums[0], sums[1]), confidence)
    return (span.low, span.high) if span else None


def trials(world: World, groups: int, many: int, seed: int) -> Iterator[list[np.ndarray]]:
    """Test sets, the same for every way to make an interval."""
    chance = np.random.default_rng([seed, groups, WORLDS.index(world)])
    for _ in range(many):
        yield world.draw(chance, groups)


def row(world: World, groups: int, many: int, seed: int, confidence: float, *, bootstrap: bool = False) -> list[str]:
    """Coverage, mean width and, of a difference, how often the whole interval lies above the truth."""
    spans = [
        bootstrapped(world, sums, confidence, f"{place}") if bootstrap else found(world, sums, confidence)
        for place, sums in enumerate(trials(world, groups, many, seed))
    ]
    given = np.array([span for span in spans if span is not None]).reshape(-1, 2)
    held = (given[:, 0] <= world.truth + 1e-12) & (world.truth - 1e-12 <= given[:, 1])
    above = given[:, 0] > world.truth + 1e-12
    if not len(given):
        return ["-"] * 4
    return [f"{len(given) / many:.3f}", f"{held.mean():.3f}", f"{np.diff(given).mean():.3f}", f"{above.mean():.4f}"]


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--bootstrap", action="store_true", help="the percentile bootstrap beside it")
    asked = parser.parse_args()
    ways = (False, True) if asked.bootstrap else (False,)
    for bootstrap in ways:
        print(f"\n{'percentile bootstrap' if bootstrap else 'Galen'}, nominal {asked.confidence}\n")
        print("| what | groups | given | holds the truth | width | lies above |\n|---|---:|---:|---:|---:|---:|")
        for world in WORLDS:
            for groups in GROUPS:
                cells = row(world, groups, asked.trials, asked.seed, asked.confidence, bootstrap=bootstrap)
                print(f"| {world.name} | {groups} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

"""Whether the power that `galen policy check` states is the power that gates have, by simulation.

    python -m bench.power [--trials 4000] [--seed 23]

Twenty cases: two equally good models, judged by accuracy, by graded scores (as token F1), by macro-F1 of three labels
of which one is rare, and by entity F1; 30 to 2,000 groups of 1 to 41 records (geometric), alike within. The stated
power comes from one pair of models on many groups, as `tasks/evaluation/sizing.py` has it from models that were judged
before (few groups would say it less exactly); the simulated one is how often the gate's own interval lets an equal
candidate by.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from bench.coverage import ALIKE, CONFUSION, LABELS, Chance, counts, metric_called, sizes
from tasks.evaluation.intervals import of_difference
from tasks.evaluation.metric import Metric
from tasks.evaluation.power import Rule, passes, spread_between

PILOT = 100_000
"""Groups on which the two models were judged that the stated power comes from."""
Pair = tuple[np.ndarray, np.ndarray]


class Twins(NamedTuple):
    """Two equally good models by one metric: their statistics by group, drawn anew each time."""

    name: str
    metric: Metric
    names: tuple[str, ...]
    draw: Callable[[Chance, int], Pair]


class Case(NamedTuple):
    """A gate in front of two equally good models."""

    twins: Twins
    groups: int
    rule: Rule


def accuracy(apart: float) -> Twins:
    """Right on four fifths; on a share of records only one of the two is."""

    def draw(chance: Chance, groups: int) -> Pair:
        size, found = counts(chance, groups, (apart / 2, apart / 2, 0.8 - apart / 2, 0.2 - apart / 2))
        return np.column_stack([size, found[:, 0] + found[:, 2]]), np.column_stack([size, found[:, 1] + found[:, 2]])

    return Twins(f"accuracy, apart on {apart:.0%}", metric_called("accuracy"), ("records", "correct"), draw)


def graded(apart: float) -> Twins:
    """Scores with a mean of 0.4, two thirds of them the same for both."""

    def draw(chance: Chance, groups: int) -> Pair:
        size, mean = sizes(chance, groups), chance.beta(0.4 * 9, 0.6 * 9, size=groups)
        place = np.repeat(np.arange(groups), size)
        scores = chance.beta(4 * mean[place], 4 * (1 - mean[place]), size=(3, len(place)))
        other = chance.random((2, len(place))) < apart / 2
        found = [
            np.bincount(place, np.where(new, own, scores[0]), groups)
            for new, own in zip(other, scores[1:], strict=True)
        ]
        return np.column_stack([size, found[0]]), np.column_stack([size, found[1]])

    return Twins(f"token F1, apart on {apart:.0%}", metric_called("token_f1"), ("records", "token_f1"), draw)


def macro(apart: float) -> Twins:
    """Three labels, one of 6 %; on a share of records one of the two says something else."""
    names = ("records", *(f"{kind}:{label}" for kind in ("tp", "fp", "fn") for label in "abc"))
    each = np.cumsum(CONFUSION, axis=1)

    def outcomes(size: np.ndarray, place: np.ndarray, meant: np.ndarray, said: np.ndarray) -> np.ndarray:
        table = np.zeros((len(size), 3, 3))
        np.add.at(table, (place, meant, said), 1)
        hits = np.diagonal(table, axis1=1, axis2=2)
        return np.column_stack([size, hits, table.sum(1) - hits, table.sum(2) - hits])

    def draw(chance: Chance, groups: int) -> Pair:
        size = sizes(chance, groups)
        place = np.repeat(np.arange(groups), size)
        tends = chance.dirichlet(np.array(LABELS) * (1 - ALIKE) / ALIKE, size=groups)
        meant = (chance.random(len(place))[:, None] > np.cumsum(tends, axis=1)[place]).sum(axis=1).clip(max=2)
        said = [(chance.random(len(place))[:, None] > each[meant]).sum(axis=1).clip(max=2) for _ in range(3)]
        other = chance.random((2, len(place))) < apart / 2
        one, two = (np.where(new, own, said[0]) for new, own in zip(other, said[1:], strict=True))
        return outcomes(size, place, meant, one), outcomes(size, place, meant, two)

    return Twins(f"macro-F1, apart on {apart:.0%}", metric_called("macro_f1"), names, draw)


def entities(apart: float) -> Twins:
    """Entities of texts, four fifths of them found by both but for a share; as many are said that are not there."""
    names = ("records", "tp:disease", "fp:disease", "fn:disease")

    def draw(chance: Chance, groups: int) -> Pair:
        size, found = counts(chance, groups, (apart / 2, apart / 2, 0.8 - apart / 2, 0.2 - apart / 2))
        _, wrong = counts(chance, groups, (apart / 2, apart / 2, 0.2 - apart / 2, 0.8 - apart / 2))
        sides = []
        for side in (0, 1):
            hits, more = found[:, side] + found[:, 2], wrong[:, side] + wrong[:, 2]
            sides.append(np.column_stack([size, hits, more, size - hits]))
        return sides[0], sides[1]

    return Twins(f"entity F1, apart on {apart:.0%}", metric_called("entity_f1"), names, draw)


COMMON, SPENT = 0.025, 0.05 / 52
CASES = (
    *(Case(accuracy(0.1), groups, Rule(margin, COMMON)) for groups, margin in ((30, 0.08), (100, 0.05), (500, 0.02))),
    *(Case(accuracy(0.1), groups, Rule(margin, SPENT)) for groups, margin in ((100, 0.06), (500, 0.03), (2000, 0.02))),
    *(Case(accuracy(0.2), groups, Rule(margin, SPENT)) for groups, margin in ((30, 0.2), (2000, 0.02))),
    *(Case(graded(0.3), groups, Rule(margin, COMMON)) for groups, margin in ((30, 0.04), (300, 0.01))),
    *(Case(graded(0.3), groups, Rule(margin, SPENT)) for groups, margin in ((100, 0.03), (2000, 0.006))),
    *(Case(macro(0.2), groups, Rule(margin, COMMON)) for groups, margin in ((100, 0.06), (500, 0.03))),
    *(Case(macro(0.2), groups, Rule(margin, SPENT)) for groups, margin in ((300, 0.06), (2000, 0.025))),
    *(Case(entities(0.1), groups, Rule(margin, COMMON)) for groups, margin in ((30, 0.07), (300, 0.02))),
    *(Case(entities(0.1), groups, Rule(margin, SPENT)) for groups, margin in ((300, 0.035), (1000, 0.02))),
)


def stated(case: Case, seed: int) -> float:
    """From one pair of models on many groups of the kind."""
    twins = case.twins
    one, other = twins.draw(np.random.default_rng([seed, 1]), PILOT)
    spread = spread_between(twins.metric, [((twins.names, one), (twins.names, other))])
    assert spread is not None
    return passes(spread.with_groups(case.groups), case.rule)


def lets_by(case: Case, many: int, seed: int) -> Iterator[bool]:
    """Whether the gate's interval lets an equal candidate by, on one test set after the other."""
    twins, chance = case.twins, np.random.default_rng([seed, 2, case.groups])
    level = case.rule.level
    assert level is not None
    for _ in range(many):
        one, other = twins.draw(chance, case.groups)
        span = of_difference(twins.metric, (twins.names, twins.names), (one, other), 1 - 2 * level)
        yield span is not None and span.low >= -case.rule.tolerance


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=23)
    asked = parser.parse_args()
    print("| what | groups | margin | level | stated | simulated | apart |\n|---|---:|---:|---:|---:|---:|---:|")
    for case in CASES:
        said = stated(case, asked.seed)
        found = float(np.mean(list(lets_by(case, asked.trials, asked.seed))))
        print(
            f"| {case.twins.name} | {case.groups} | {case.rule.tolerance} | {case.rule.level:.2%} | {said:.1%} "
            f"| {found:.1%} | {100 * (said - found):+.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

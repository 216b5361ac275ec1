"""A year of weekly retraining, simulated: how far candidates that are each a little worse take the champion down.

    python -m bench.creep [--years 1000] [--seed 31] [--apart 0.15] [--margin 0.02]

A model is right on four fifths of the records; two that were trained alike differ on a share of them (`--apart`). Each
week a candidate comes that is half a point worse than the champion, or as good. It is trained from the base (`cold`),
or from the champion, and then keeps four fifths of the champion's outcomes (`keeps 80 %`), those on the test split
included. The test split stays as it is for the year, or grows by 5 % of its first size every week. The gates: not worse
than the champion by the estimate (tolerance 0.02), and not worse than the anchor, which is the year's first champion,
by Galen's own interval (`of_difference`) at the level that one of 52 looks has. A candidate that starts from the
champion is judged against the anchor on the records alone that arrived after its champion was chosen, as
`not-worse-than-anchor` does; `luck inherited` says what comes of not doing so.

Per row: the share of years that end with a champion that is truly worse than the anchor by more than the margin; the
mean true loss of a year; how many candidates were promoted; and how far off the champion's accuracy is on average, as
measured on the records that arrived after it was chosen (which a report shows first), and on the whole test split.

    python -m bench.creep --carried

shows for growing test splits how many looks the rule of `tasks/lineage/looks.py` allows, how many of these wrongly pass
a candidate that has lost exactly the margin, and how many do in a year of 52 looks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.coverage import metric_called
from tasks.evaluation.intervals import of_difference

WEEKS = 52
RIGHT = 0.8
GROWTH = 0.05
CHAMPION = 0.02
"""What the gate on the champion tolerates."""
ACCURACY, NAMES = metric_called("accuracy"), ("records", "correct")
Chance = np.random.Generator


@dataclass(frozen=True)
class World:
    """How candidates and records come."""

    groups: int
    keeps: float = 0.0
    """Share of the champion's outcomes that a candidate keeps."""
    growth: float = 0.0
    """Records that arrive each week, as a share of the first test split."""
    worse: float = 0.0
    """What each candidate truly loses to the champion."""
    anchor: bool = True
    """Whether there is a gate on the anchor."""
    prospective: bool = True
    """Whether candidates that start from the champion are judged against the anchor on new records alone."""

    @property
    def words(self) -> tuple[str, ...]:
        """For a table."""
        who = f"keeps {self.keeps:.0%}" if self.keeps else "cold"
        gate = "no anchor" if not self.anchor else "anchor"
        if self.anchor and self.keeps and not self.prospective:
            gate += ", luck inherited"
        records = f"+{self.growth:.0%} a week" if self.growth else "one split"
        return str(self.groups), who, records, f"-{self.worse:g}" if self.worse else "equal", gate


@dataclass(frozen=True)
class Rules:
    """What the gates ask, and how models differ."""

    apart: float = 0.15
    """Share of the records on which only one of two models that were trained alike is right."""
    margin: float = 0.02
    alpha: float = 0.05
    looks: int = WEEKS

    @property
    def level(self) -> float:
        """One-sided error probability of a look."""
        return self.alpha / self.looks


@dataclass(frozen=True)
class Year:
    """How a year ended."""

    loss: float
    """True loss of the last champion to the anchor."""
    promoted: int
    arrived: int
    """Records that arrived after the last champion was chosen."""
    prospective: float
    """How many of these it gets right, less as many as it truly should."""
    flattered: float
    """Its accuracy on the whole test split, less its true one."""


class Records:
    """How hard records are: two models trained alike are both right on some, and differ on others."""

    def __init__(self, chance: Chance, many: int, apart: float) -> None:
        spread = apart / (2 * RIGHT * (1 - RIGHT))
        weight = spread / (1 - spread)
        self._chance = chance
        self._easy = chance.beta(RIGHT * weight, (1 - RIGHT) * weight, size=many)

    def trained(self, right: float) -> np.ndarray:
        """Which records a model gets right that was trained from the base, and is right on a share of all there are."""
        drawn = self._chance.random((2, len(self._easy)))
        found: np.ndarray = (drawn[0] < self._easy) & (drawn[1] < right / RIGHT)
        return found

    def started_from(self, champion: np.ndarray, keeps: float, right: float) -> np.ndarray:
        """The same for one that keeps a share of the champion's outcomes; `right` of the rest."""
        found: np.ndarray = np.where(self._chance.random(len(champion)) < keeps, champion, self.trained(right))
        return found


def lower_end(candidate: np.ndarray, other: np.ndarray, level: float) -> float:
    """Of Galen's interval of what a candidate gains over another model; each record is a group of its own."""
    ones = np.ones(len(candidate))
    sides = np.column_stack([ones, candidate]), np.column_stack([ones, other])
    span = of_difference(ACCURACY, (NAMES, NAMES), sides, 1 - 2 * level)
    return -1.0 if span is None else span.low


def year(world: World, rules: Rules, chance: Chance) -> Year:
    """One year of weekly candidates."""
    weekly = round(world.groups * world.growth)
    records = Records(chance, world.groups + WEEKS * weekly, rules.apart)
    anchor = champion = records.trained(RIGHT)
    truth, chosen, promoted = RIGHT, world.groups, 0
    for week in range(1, WEEKS + 1):
        split = world.groups + week * weekly
        right = truth - world.worse
        fresh = right - (truth - right) * world.keeps / (1 - world.keeps)
        candidate = records.started_from(champion, world.keeps, fresh) if world.keeps else records.trained(fresh)
        if candidate[:split].mean() - champion[:split].mean() < -CHAMPION:
            continue
        first = chosen if world.keeps and world.prospective else 0
        if world.anchor and lower_end(candidate[first:split], anchor[first:split], rules.level) < -rules.margin:
            continue
        champion, truth, chosen, promoted = candidate, right, split, promoted + 1
    end = world.groups + WEEKS * weekly
    new = float((champion[chosen:end] - truth).sum())
    return Year(RIGHT - truth, promoted, end - chosen, new, float(champion[:end].mean()) - truth)


def worlds() -> Iterator[World]:
    """Every row of the table."""
    for groups in (2000, 500):
        for keeps in (0.0, 0.8):
            for growth in (0.0, GROWTH):
                yield World(groups, keeps, growth, 0.005, anchor=False)
                if keeps:
                    yield World(groups, keeps, growth, 0.005, prospective=False)
                yield World(groups, keeps, growth, 0.005)
                yield World(groups, keeps, growth)


def row(world: World, rules: Rules, years: int, seed: int) -> list[str]:
    """What `years` years of a world gave."""
    chance = np.random.default_rng([seed, *(ord(letter) for letter in "".join(world.words))])
    found = [year(world, rules, chance) for _ in range(years)]
    below = np.mean([one.loss > rules.margin + 1e-9 for one in found])
    arrived = sum(one.arrived for one in found)
    return [
        f"{below:.1%}",
        f"{-100 * np.mean([one.loss for one in found]):.1f}",
        f"{np.mean([one.promoted for one in found]):.1f}",
        f"{100 * sum(one.prospective for one in found) / arrived:+.2f}" if arrived else "none arrived",
        f"{100 * np.mean([one.flattered for one in found]):+.2f}",
    ]


def allowed(growth: float, looks: int, most: int) -> list[float]:
    """The sizes of a test split, by its first one, at each look that the budget allows; it grows from look to look.

    An earlier look counts for the share of today's groups that it saw.
    """
    seen: list[float] = []
    while len(seen) < most:
        size = 1 + growth * len(seen)
        if sum(seen) / size + 1 > looks + 1e-9:
            break
        seen.append(size)
    return seen


def carried(growth: float, rules: Rules, reigns: int, seed: int, groups: int = 500, most: int = 300) -> list[str]:
    """Looks allowed, wrong passes of candidates that lost exactly the margin, and these for 52 looks."""
    chance = np.random.default_rng([seed, round(growth * 1000)])
    sizes = [round(groups * size) for size in allowed(growth, rules.looks, most)]
    wrong = []
    for _ in range(reigns):
        records = Records(chance, sizes[-1], rules.apart)
        anchor = records.trained(RIGHT)
        lower = (lower_end(records.trained(RIGHT - rules.margin)[:size], anchor[:size], rules.level) for size in sizes)
        wrong.append(sum(one >= -rules.margin for one in lower))
    each = float(np.mean(wrong))
    more = f"{len(sizes)}{'' if len(sizes) < most else ' or more'}"
    return [more, f"{np.mean(np.array(wrong) > 0):.1%}", f"{each:.3f}", f"{each / len(sizes) * rules.looks:.3f}"]


def main() -> None:
    """Print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--apart", type=float, default=0.15)
    parser.add_argument("--margin", type=float, default=0.02)
    parser.add_argument("--carried", action="store_true", help="looks of growing test splits")
    asked = parser.parse_args()
    rules = Rules(asked.apart, asked.margin)
    if asked.carried:
        print("| growth a look | looks allowed | reigns with a wrong pass | wrong passes | of 52 looks |")
        print("|---:|---:|---:|---:|---:|")
        for growth in (0.0, 0.01, 0.02, 0.05, 0.1):
            cells = carried(growth, rules, asked.years, asked.seed)
            print(f"| {growth:.0%} | {' | '.join(cells)} |", flush=True)
        return
    print("| groups | candidates | records | each | gates | years below | points lost | promoted | new | split |")
    print("|---:|---|---|---|---|---:|---:|---:|---:|---:|")
    for world in worlds():
        cells = row(world, rules, asked.years, asked.seed)
        print(f"| {' | '.join([*world.words, *cells])} |", flush=True)


if __name__ == "__main__":
    main()

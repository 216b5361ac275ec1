"""How often a gate over many slices lets harm through, by simulation.

    python -m bench.many_slices [--trials 2000] [--seed 23]

A test set has some slices of 60 groups each, with 1 to 41 records in a group that are alike (as `bench.coverage`); two
models are apart on 10 % of the records. In one slice, or in all, the candidate has lost exactly the tolerance of 5
points; in the others nothing. Per row: the share of test sets of which every slice passes (the gate lets the candidate
through), and of which a harmed slice is called unharmed (a false claim), each slice alone at 2.5 % and with Holm.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.coverage import gain
from tasks.evaluation.intervals import paired
from tasks.evaluation.many import holm

GROUPS, APART, LOSS, LEVEL = 60, 0.1, 0.05, 0.025
EQUAL, HARMED = gain("gain", APART, 0.0), gain("lost", APART, -LOSS)


def trial(chance: np.random.Generator, slices: int, harmed: int) -> list[float]:
    """The p-value of each slice; the first `harmed` have lost the tolerance."""
    found = []
    for place in range(slices):
        world = HARMED if place < harmed else EQUAL
        one, other = world.draw(chance, GROUPS)
        spread = paired(world.metric, (world.names, world.names), (one, other))
        found.append(spread.chance(LOSS) if spread else 1.0)
    return found


def row(slices: int, harmed: int, many: int, seed: int) -> list[str]:
    """Shares in %: let through alone and with Holm, falsely called unharmed alone and with Holm."""
    chance = np.random.default_rng([seed, slices, harmed])
    counts = np.zeros(4)
    for _ in range(many):
        chances = trial(chance, slices, harmed)
        alone = [one <= LEVEL for one in chances]
        stepped = [holds for holds, _ in holm(chances, LEVEL)]
        counts += [all(alone), all(stepped), any(alone[:harmed]), any(stepped[:harmed])]
    return [str(slices), str(harmed), *(f"{100 * one / many:.2f}" for one in counts)]


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=23)
    given = parser.parse_args()
    rows = [row(slices, harmed, given.trials, given.seed) for slices in (1, 5, 20) for harmed in sorted({0, 1, slices})]
    head = ["slices", "harmed", "let through alone", "with Holm", "false claim alone", "with Holm"]
    for line in (head, ["---:"] * len(head), *rows):
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()

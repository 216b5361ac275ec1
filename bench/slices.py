"""How often slices that lost exactly the tolerance pass as "not worse", by simulation.

    python -m bench.slices [--trials 2000] [--seed 41]

A test set has 12 slices of 20 to 200 groups of 1 to 41 records; two models differ on 10 % of the records. In `one`, the
candidate has lost 5 points, as much as is tolerated, in one slice, and nothing elsewhere; in `all`, in every slice. A
gate over `category=*` passes only where every slice does: that needs no correction (an intersection-union test, Berger
1982), since the slice that lost has to err. To say of single slices that they are not harmed needs one: of 12 claims at
2.5 % each, some are wrong more often than that. Holm (1979) gives the smallest error probability 1/12 of it, the next
1/11, and stops at the first slice that does not pass.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.coverage import Chance, gain
from tasks.evaluation.intervals import freedom, influences_of_difference, of_difference, pseudo_variance, quantile

GROUPS = np.linspace(20, 200, 12).astype(int)
TOLERANCE, LEVEL = 0.05, 0.025
EQUAL, LOST = gain("equal", 0.1, 0.0), gain("lost", 0.1, -TOLERANCE)
Sides = list[np.ndarray]


def smallest_level(sides: Sides) -> float:
    """The smallest error probability at which the interval of what a slice gained lies above what is tolerated."""
    from scipy.special import stdtr  # type: ignore[import-untyped]

    wide = of_difference(EQUAL.metric, (EQUAL.names, EQUAL.names), (sides[0], sides[1]), 1 - 2 * LEVEL)
    assert wide is not None
    influences = influences_of_difference(EQUAL.metric, (EQUAL.names, EQUAL.names), (sides[0], sides[1]))
    added = pseudo_variance(EQUAL.metric, (EQUAL.names, EQUAL.names), (sides[0], sides[1]))
    squares, fourth = float(np.square(influences).sum()) + added, float(np.power(influences, 4).sum()) + added**2 / 2
    known = freedom(squares, fourth, len(influences))
    error = (wide.high - wide.low) / 2 / quantile(1 - 2 * LEVEL, known)
    return float(stdtr(known, -((wide.high + wide.low) / 2 + TOLERANCE) / error))


def holm(values: list[float], level: float) -> list[bool]:
    """Which of several claims hold together with an error probability of `level` (Holm 1979)."""
    held = [False] * len(values)
    for rank, place in enumerate(np.argsort(values)):
        if values[place] > level / (len(values) - rank):
            break
        held[place] = True
    return held


def trial(chance: Chance, lost: list[int]) -> tuple[bool, bool, bool]:
    """Of one test set: whether the gate passes, whether any claim about a slice that lost is wrong, and under Holm."""
    slices = [(LOST if place in lost else EQUAL).draw(chance, int(groups)) for place, groups in enumerate(GROUPS)]
    values = [smallest_level(sides) for sides in slices]
    corrected = holm(values, LEVEL)
    alone = [value <= LEVEL for value in values]
    return all(alone), any(alone[place] for place in lost), any(corrected[place] for place in lost)


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=41)
    asked = parser.parse_args()
    print("| lost | the gate passes | a wrong claim, uncorrected | a wrong claim, Holm |\n|---|---:|---:|---:|")
    for name, lost in (("the smallest slice", [0]), ("the largest slice", [11]), ("all slices", list(range(12)))):
        chance = np.random.default_rng([asked.seed, len(lost), lost[0]])
        rates = np.mean([trial(chance, lost) for _ in range(asked.trials)], axis=0)
        print(f"| {name} | {' | '.join(f'{one:.2%}' for one in rates)} |", flush=True)


if __name__ == "__main__":
    main()

"""Many slices at once: which are too small to judge, and how sure a gate is of what it says about all of them.

"No slice was harmed" is one claim: it holds only where every slice passes, so each may be tested at the whole error
probability (Berger, Technometrics 1982). "This slice was not harmed", said of each of many, is many claims: the chance
that one of them is wrong is held by Holm's step-down procedure (Scandinavian Journal of Statistics, 1979), which needs
no assumption about how slices hang together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.evaluation.slices import AND, Scores

PARENT = "/"
"""Between a category and the one above it: `cardiology/arrhythmia`."""


@dataclass(frozen=True)
class Need:
    """What a slice must hold to be judged alone."""

    records: int = 0
    groups: int = 0

    def met(self, scores: Scores, slice_: str) -> bool:
        """Whether a slice holds as much."""
        records, groups = scores.support(slice_)
        return records >= self.records and groups >= self.groups


def pooled(scores: Scores, slices: Sequence[str], need: Need) -> list[str]:
    """Slices of one key of records, in which those that are too small are put together.

    First with the small ones that have the same parent (`cardiology/a` and `cardiology/b`), then, where these are still
    too small together, one level up, and at last all that are left, whatever they hold.
    """
    key = slices[0].partition("=")[0]
    small = [one.partition("=")[2] for one in slices if not need.met(scores, one)]
    kept = [one for one in slices if one.partition("=")[2] not in small]
    level = max((one.count(PARENT) for one in small), default=0)
    while small and level >= 0:
        families: dict[str, list[str]] = {}
        for one in small:
            families.setdefault(PARENT.join(one.split(PARENT)[:level]), []).append(one)
        for family in families.values():
            pool = f"{key}={AND.join(family)}"
            if level == 0 or (len(family) > 1 and need.met(scores, pool)):
                kept.append(pool)
                small = [one for one in small if one not in family]
        level -= 1
    return kept


def holm(chances: Sequence[float], level: float) -> list[tuple[bool, float]]:
    """For each of many claims: whether it holds, and the error probability that its step had.

    The surest claim is held against level / n, the next against level / (n - 1), and so on; from the first that does
    not hold, none does. All hold together, or with a probability of at most `level` one is wrong.

    Args:
        chances: p-values.
        level: error probability of all claims together, one-sided.
    """
    found = [(False, level)] * len(chances)
    holds = True
    for step, place in enumerate(sorted(range(len(chances)), key=lambda one: chances[one])):
        share = level / (len(chances) - step)
        holds = holds and chances[place] <= share
        found[place] = holds, share
    return found

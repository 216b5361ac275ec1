"""Which planted harms the shipped policies notice in scores, on candidates that are right on nine records of ten.

    python -m bench.mutation [--seed 23] [--groups 450]

As `galen policy test` does with a model, here with scores alone: 450 records of as many groups, two languages, one
record in forty of a rare category, three forms. Per harm and policy: the smallest strength that a gate meant for it
notices, in margins of the policy's own gate (planted at 1.5); `yes` for what is there or is not; `others` where only
gates notice that are not meant for it; `no` where nobody does; `-` where there is no such harm.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

from tasks.evaluation.policy import POLICIES, load_policy
from tasks.release.harms import HARMS
from tasks.release.mutation import Planting, plantings, twin_fails
from tasks.store import Store
from tests.release.mutants import GROUPS, candidate


def cell(found: Planting) -> str:
    """What a policy notices of a harm."""
    if not found.planted:
        return "-"
    if not found.by_meant:
        return "others" if found.caught_by else "**no**"
    margins = re.search(r"\(([\d.]+) margins\)", found.smallest or "")
    return f"{float(margins[1]):.2f}" if margins else "yes"


def table(seed: int, groups: int) -> str:
    """All harms beside all shipped policies, as Markdown."""
    names = sorted(file.stem for file in POLICIES.glob("*.yaml"))
    columns: list[list[Planting]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            case = candidate(Store(Path(folder)), load_policy(name), groups)
            if failed := twin_fails(case):
                raise SystemExit(f"{name}: the unharmed candidate does not pass: {failed[0]}")
            columns.append(list(plantings(case, HARMS, seed)))
    lines = [f"| harm | what it is | {' | '.join(names)} |", f"|---|---|{'---:|' * len(names)}"]
    for row, harm in enumerate(HARMS):
        lines.append(f"| {harm.name} | {harm.what} | {' | '.join(cell(column[row]) for column in columns)} |")
    counted = [[one for one in column if one.planted] for column in columns]
    shares = (f"{sum(one.by_meant for one in column)} of {len(column)}" for column in counted)
    return "\n".join([*lines, f"| noticed by gates meant for it | | {' | '.join(shares)} |"])


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=23)
    options.add_argument("--groups", type=int, default=GROUPS)
    chosen = options.parse_args()
    print(table(chosen.seed, chosen.groups))

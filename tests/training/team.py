"""`python -m torch.distributed.run --nproc-per-node 2 -m tests.training.team CASES OUT`: many trainings by one team.

Starting processes takes longer than a tiny training, so the cases share one start.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tasks.data.version import load_version
from tasks.store import Store
from tasks.training.checkpoint import Checkpoints
from tasks.training.distributed import Team, joined
from tasks.training.learn import learn
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base


def main(cases: Path, out: Path) -> None:
    """Train every recipe of a JSON file; the first process writes what it learned to OUT/<number>/."""
    store = Store.of_environment()
    with joined(sharded=False) as team:
        for number, case in enumerate(json.loads(cases.read_text())):
            recipe = Recipe.model_validate(case["recipe"])
            folder = out / str(number)
            if team.rank == 0:
                folder.mkdir(parents=True)
            place = Team(team.rank, team.size, recipe.training.sharding == "full")
            kept = Checkpoints(store, f"case-{number}", {})
            learn(
                folder,
                recipe,
                load_version(store, case["dataset"]),
                resolve_base(store, recipe.base_model),
                kept,
                None,
                place,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

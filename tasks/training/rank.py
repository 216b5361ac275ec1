"""`python -m tasks.training.rank FOLDER`: one of the processes of a training, started by torchrun.

The folder is `tasks.training.launch`'s: it says what to do there, and finds there what came of it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from tasks.artifact import write_atomically
from tasks.data.version import load_version
from tasks.digest import canonical_json
from tasks.errors import GalenError, of_machine, traced
from tasks.process import die_with_parent, failing_into
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.checkpoint import Checkpoints
from tasks.training.distributed import joined
from tasks.training.launch import CURVES, ERROR, JOB, RESULT, CurvesFile
from tasks.training.recipe import Recipe
from tasks.training.torchrun import LAUNCHER


def main(folder: Path) -> int:
    """Train along with the others; the exit code."""
    die_with_parent()
    if os.getppid() != int(os.environ[LAUNCHER]):  # it died before the call
        return 1
    said = sys.stderr
    with failing_into(folder / ERROR.format(rank=os.environ["RANK"]), lambda fault: _in_words(fault, said)):
        _train(Store.of_environment(), json.loads((folder / JOB).read_bytes()), folder)
    return 0


def _train(store: Store, job: dict[str, Any], folder: Path) -> None:
    from tasks.training.hardware import machine, precision
    from tasks.training.learn import learn

    recipe = Recipe.model_validate(job["recipe"])
    known = job["base"]
    base = Base(Path(known["path"]), known["digest"], known["ref"])
    with joined(recipe.training.sharding == "full") as team:
        if team.rank:  # the first one speaks for all
            sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
        learned = learn(
            Path(job["folder"]),
            recipe,
            load_version(store, job["dataset"]),
            base,
            Checkpoints(store, job["key"], machine(precision(recipe.training.precision))),
            None if team.rank else CurvesFile(folder / CURVES),
            team,
        )
    if team.rank == 0:
        meta, timing = learned
        write_atomically(folder / RESULT, canonical_json({"meta": meta, "timing": timing}))


def _in_words(fault: Exception, said: TextIO) -> GalenError | None:
    """What failed. None for a process that lost the others: what ended them is what counts."""
    from torch.distributed import DistError

    known = isinstance(fault, GalenError) or of_machine(fault)
    if not known and (isinstance(fault, DistError) or "gloo" in str(fault).lower()):
        return None
    hint = "a fault of Galen, or too little memory: its trace stands above"
    return traced(fault, "a training process", hint, to=said)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

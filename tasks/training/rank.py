"""`python -m tasks.training.rank FOLDER`: one of the processes of a training, started by torchrun.

The folder is `tasks.training.launch`'s: it says what to do there, and finds there what came of it.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

from tasks.artifact import write_atomically
from tasks.data.version import load_version
from tasks.digest import canonical_json
from tasks.errors import GalenError, Unforeseen, of_machine
from tasks.process import die_with_parent
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
    try:
        _train(Store.of_environment(), json.loads((folder / JOB).read_bytes()), folder)
    except Exception as fault:
        error = fault if isinstance(fault, GalenError) else of_machine(fault) or _unforeseen(fault, said)
        if error is not None:
            file = folder / ERROR.format(rank=os.environ["RANK"])
            write_atomically(file, canonical_json(error.to_json()))
        return 1
    return 0


def _train(store: Store, job: dict[str, Any], folder: Path) -> None:
    from tasks.training.train import learn, machine

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
            Checkpoints(store, job["key"], machine(recipe)),
            None if team.rank else CurvesFile(folder / CURVES),
            team,
        )
    if team.rank == 0:
        meta, timing = learned
        write_atomically(folder / RESULT, canonical_json({"meta": meta, "timing": timing}))


def _unforeseen(fault: Exception, said: TextIO) -> GalenError | None:
    """A fault of Galen's, its trace shown without the message, which could quote a record. None for a process that lost
    the others: what ended them is what counts."""
    from torch.distributed import DistError

    if isinstance(fault, DistError) or "gloo" in str(fault).lower():
        return None
    trace = "".join(traceback.format_tb(fault.__traceback__))
    print(f"{trace}{type(fault).__name__}", file=said, flush=True)
    return Unforeseen(
        f"a training process failed with {type(fault).__name__}",
        hint="a fault of Galen, or too little memory: its trace stands above",
    )


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

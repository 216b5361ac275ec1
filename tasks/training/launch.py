"""The parent of a training in several processes: starts torchrun, passes curves on, brings errors and the result back.

It alone seals the artifact, writes the ledger and talks to MLflow: there is one of each, however many train.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import process
from tasks.data.version import DatasetVersion
from tasks.digest import canonical_json
from tasks.errors import GalenError, Interrupted, Stopped
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training.loop import Curves, stoppable
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    from tasks.training.bases import Base

JOB, RESULT, CURVES, ERROR = "job.json", "result.json", "curves.jsonl", "error-{rank}.json"
"""Files of a training's own folder: what is asked, what came of it, points of curves, the fault of each process."""
EVERY = 0.2  # seconds between two looks
TO_SAVE = 35.0  # seconds, once told to stop: torchrun itself gives its processes 30 for a step and a checkpoint
GO_ON = "run again to go on from the last checkpoint"


def in_processes(
    store: Store, folder: Path, recipe: Recipe, dataset: DatasetVersion, base: Base, key: str, track: Curves | None
) -> tuple[dict[str, Any], dict[str, float]]:
    """Let `training.processes` processes of this machine train into an empty folder.

    Args:
        store: where everything is kept.
        key: names the checkpoints.

    Returns:
        the metadata to seal, and the timing.

    Raises:
        GalenError: what a process said, as it said it.
        Interrupted: one ended without an error message; the others are ended too.
        Stopped: stopped by a signal; the state is on disk.
    """
    with tempfile.TemporaryDirectory(prefix="galen-training-") as name:
        own = Path(name)
        job = {
            "recipe": recipe.plain(),
            "dataset": dataset.digest,
            "base": {"path": str(base.path.absolute()), "digest": base.digest, "ref": base.ref},
            "folder": str(folder),
            "key": key,
        }
        (own / JOB).write_bytes(canonical_json(job))
        command = [sys.executable, "-m", "tasks.training.torchrun", str(recipe.training.processes), str(own)]
        with stoppable() as stop:
            child = process.start(command, cwd=CHECKOUT, env=_environment(store, recipe), stdin=subprocess.DEVNULL)
            relay = _Relay(own / CURVES, track)
            try:
                while not stop.is_set():
                    try:
                        child.wait(EVERY)
                        break
                    except subprocess.TimeoutExpired:
                        relay.look()
            finally:
                process.stop(child, TO_SAVE)
            relay.look()
        if child.returncode == 0 and (own / RESULT).is_file():
            result = json.loads((own / RESULT).read_bytes())
            return result["meta"], result["timing"]
        raise _error(own, recipe.training.processes, stopped=stop.is_set())


class _Relay:
    """Passes the points on that the first process writes."""

    def __init__(self, file: Path, track: Curves | None) -> None:
        self._file, self._track = file, track
        self._read = 0

    def look(self) -> None:
        if self._track is None or not self._file.is_file():
            return
        with self._file.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # half a line: next time
                self._read += len(line)
                point = json.loads(line)
                self._track.metrics(point["values"], point["step"])


class CurvesFile:
    """What the first process has for a tracker: lines in a file, which the parent passes on."""

    def __init__(self, file: Path) -> None:
        """The file need not exist."""
        self._file = file

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """One line for one point of each curve."""
        with self._file.open("ab") as file:
            file.write(json.dumps({"values": dict(values), "step": step}).encode() + b"\n")


def _environment(store: Store, recipe: Recipe) -> dict[str, str]:
    """What the processes see: this checkout and store, the threads shared out, and no other machine."""
    import torch

    threads = max(1, torch.get_num_threads() // recipe.training.processes)
    loopback = {"GLOO_SOCKET_IFNAME": "lo"} if sys.platform == "linux" else {}
    return {
        **loopback,
        **os.environ,
        "GALEN_HOME": str(store.root),
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": str(CHECKOUT),
    }


def _error(own: Path, processes: int, *, stopped: bool) -> GalenError:
    """The first typed fault that a process left; a torn connection is only a consequence and left none."""
    for rank in range(processes):
        if error := process.error_in(own / ERROR.format(rank=rank)):
            return error
    if stopped:
        return Stopped("training was stopped", hint=GO_ON)
    return Interrupted("a training process ended without an error message", hint=f"killed, or out of memory: {GO_ON}")

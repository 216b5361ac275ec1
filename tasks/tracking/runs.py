"""MLflow runs: what a command did, for people and tools to look at."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.errors import ApprovalNeeded, GateRejected, InputError, Interrupted
from tasks.store import Store
from tasks.tracking.address import file_of, uri
from tasks.tracking.connection import experiment_id, speaking, unless

_SHOWN = frozenset({".json", ".html", ".md", ".txt", ".yaml", ".svg", ".png"})
_BATCH = 100  # parameters per request: MLflow's limit
_RUN_LOCK = "mlflow-run-"
_HOME = "galen.home"
VERDICT = "galen.verdict"
"""Tag of a run: promoted, rejected, waiting, interrupted or error."""


class Tracker(Protocol):
    """What training reports to, as it goes."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Settings, nested as they come."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Points of curves."""

    def artifact(self, path: Path, name: str | None = None) -> None:
        """A file to look at."""

    def dataset(self, version: DatasetVersion, split: Split = "train") -> None:
        """What was read."""


@dataclass(frozen=True)
class Run:
    """One MLflow run. Holds nothing but its id and where MLflow is, so it can go to another thread or process."""

    store: Store = field(repr=False)
    run_id: str

    def params(self, values: Mapping[str, Any]) -> None:
        """Log settings; `{"training": {"epochs": 3}}` becomes `training.epochs`."""
        with speaking(self.store) as client:
            from mlflow.entities import Param

            flat = [Param(key, str(value)) for key, value in _flat(values).items()]
            for start in range(0, len(flat), _BATCH):
                client.log_batch(self.run_id, params=flat[start : start + _BATCH])

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log one point of each curve, in one request."""
        now = time.time_ns() // 1_000_000
        with speaking(self.store) as client:
            from mlflow.entities import Metric

            client.log_batch(self.run_id, metrics=[Metric(key, float(v), now, step) for key, v in values.items()])

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags; one that exists is overwritten."""
        with speaking(self.store) as client:
            from mlflow.entities import RunTag

            client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in values.items()])

    def artifact(self, path: Path, name: str | None = None) -> None:
        """Copy a report into the run, below the folder `name`.

        Raises:
            InputError: not a kind of file that people read: tables hold records, and records stay out of MLflow.
        """
        if path.suffix not in _SHOWN:
            raise InputError("only reports go to MLflow", value=path.name, hint=f"allowed: {', '.join(sorted(_SHOWN))}")
        with speaking(self.store) as client:
            client.log_artifact(self.run_id, str(path), name)

    def dataset(self, version: DatasetVersion, split: Split = "train") -> None:
        """Log a split as input of the run, by our digest; MLflow's own covers the first 10,000 rows only."""
        digest = version.split_digest(split)
        with speaking(self.store) as client:
            from mlflow.entities import Dataset, DatasetInput, InputTag

            entry = Dataset(
                name=f"{version.name}/{split}",
                digest=digest[:36],  # as much as MLflow's column holds; the whole one is in the source
                source_type="galen",
                source=json.dumps({"dataset": version.digest, "split_sha256": digest}),
            )
            client.log_inputs(self.run_id, [DatasetInput(entry, [InputTag("mlflow.data.context", split)])])
            client.set_tag(self.run_id, "galen.dataset", version.digest)


@contextmanager
def open_run(
    store: Store, experiment: str, name: str, parent: Run | None = None, tags: Mapping[str, str] | None = None
) -> Iterator[Run]:
    """A run that is finished when the block ends: FINISHED, KILLED (interrupted) or FAILED.

    A gate that rejects, or a person who must decide first, is a result, so such a run is FINISHED. Runs that an
    earlier process left open because it was killed are closed first.

    Raises:
        Interrupted: MLflow does not answer.
    """
    close_abandoned(store)
    with ExitStack() as stack:
        with speaking(store) as client:
            labels = {_HOME: _home(store), **(tags or {}), **({"mlflow.parentRunId": parent.run_id} if parent else {})}
            run = Run(
                store,
                client.create_run(experiment_id(store, client, experiment), run_name=name, tags=labels).info.run_id,
            )
        stack.enter_context(store.locked(f"{_RUN_LOCK}{run.run_id}", wait=False))
        try:
            yield run
        except BaseException as error:
            with suppress(Interrupted):  # what went wrong first is told; the next run closes this one then
                _finish(run, _status_after(error))
            raise
        _finish(run, "FINISHED")


def _status_after(error: BaseException) -> str:
    if isinstance(error, GateRejected | ApprovalNeeded):
        return "FINISHED"
    return "KILLED" if isinstance(error, Interrupted | KeyboardInterrupt | GeneratorExit) else "FAILED"


def close_abandoned(store: Store, *, alone: bool = False) -> list[Run]:
    """Mark runs of this store KILLED whose process is gone, and return them.

    Every open run holds a lock that the kernel frees with its process, so a run is abandoned exactly when its lock
    file is there and nobody holds it.

    Args:
        alone: nobody works on this store: its runs without a lock file were left by a process that died making one.
    """
    closed = []
    for path in sorted((store.root / "locks").glob(f"{_RUN_LOCK}*.lock")):
        try:
            with store.locked(path.stem, wait=False):
                run = Run(store, path.stem.removeprefix(_RUN_LOCK))
                _finish(run, "KILLED")
                closed.append(run)
        except Interrupted:
            continue  # its process lives, or MLflow is away: the next run tries again
    if alone and (not uri(store).startswith("sqlite:") or file_of(store).is_file()):
        with speaking(store) as client:
            everywhere = [one.experiment_id for one in client.search_experiments()]
            for one in client.search_runs(everywhere, f"tags.`{_HOME}` = '{_home(store)}' and status = 'RUNNING'"):
                _finish(Run(store, one.info.run_id), "KILLED")
                closed.append(Run(store, one.info.run_id))
    return closed


def _home(store: Store) -> str:
    """A store as its runs name it: other stores may use the same MLflow."""
    return digest_data([socket.gethostname(), str(store.root)])[:16]


def tag_run(store: Store, experiment: str, run: str, values: Mapping[str, str]) -> None:
    """Set tags of the run that carries the tag `galen.run` with this value; nothing where MLflow has none.

    Raises:
        Interrupted: MLflow does not answer.
    """
    with speaking(store) as client:
        found = client.search_runs([experiment_id(store, client, experiment)], f"tags.`galen.run` = '{run}'")
    for one in found:
        Run(store, one.info.run_id).tags(values)


def _finish(run: Run, status: str) -> None:
    with (
        speaking(run.store) as client,
        unless("RESOURCE_DOES_NOT_EXIST"),
    ):  # a run of another server, or deleted by hand
        client.set_terminated(run.run_id, status)
    (run.store.root / "locks" / f"{_RUN_LOCK}{run.run_id}.lock").unlink(missing_ok=True)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found

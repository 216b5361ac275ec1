"""MLflow: an index of runs and models for people and tools, never the evidence (that is the ledger).

The only importer of mlflow, apart from `tasks/release/served.py`, which MLflow itself runs. Without
`MLFLOW_TRACKING_URI` everything lies in an SQLite file and a folder under `GALEN_HOME`.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlsplit

from tasks.artifact import locked
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.errors import GalenError, InputError, Interrupted, of_machine
from tasks.home import home

if TYPE_CHECKING:
    from mlflow import MlflowClient

URI = "MLFLOW_TRACKING_URI"
PATIENCE = 5.0  # seconds that a server may take to answer
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_SHOWN = frozenset({".json", ".html", ".md", ".txt", ".yaml", ".svg", ".png"})
_BATCH = 100  # parameters per request: MLflow's limit
_DESCRIPTION = 5000  # characters: the width of MLflow's column
_RUN_LOCK = "mlflow-run-"


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
    """One MLflow run. Holds nothing but its id, so it can go to another thread or process."""

    run_id: str

    def params(self, values: Mapping[str, Any]) -> None:
        """Log settings; `{"training": {"epochs": 3}}` becomes `training.epochs`."""
        with _speaking() as client:
            from mlflow.entities import Param

            flat = [Param(key, str(value)) for key, value in _flat(values).items()]
            for start in range(0, len(flat), _BATCH):
                client.log_batch(self.run_id, params=flat[start : start + _BATCH])

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Log one point of each curve, in one request."""
        now = time.time_ns() // 1_000_000
        with _speaking() as client:
            from mlflow.entities import Metric

            client.log_batch(self.run_id, metrics=[Metric(key, float(v), now, step) for key, v in values.items()])

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags; one that exists is overwritten."""
        with _speaking() as client:
            from mlflow.entities import RunTag

            client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in values.items()])

    def artifact(self, path: Path, name: str | None = None) -> None:
        """Copy a report into the run, below the folder `name`.

        Raises:
            InputError: not a kind of file that people read: tables hold records, and records stay out of MLflow.
        """
        if path.suffix not in _SHOWN:
            raise InputError("only reports go to MLflow", value=path.name, hint=f"allowed: {', '.join(sorted(_SHOWN))}")
        with _speaking() as client:
            client.log_artifact(self.run_id, str(path), name)

    def dataset(self, version: DatasetVersion, split: Split = "train") -> None:
        """Log a split as input of the run, by our digest; MLflow's own covers the first 10,000 rows only."""
        digest = version.split_digest(split)
        with _speaking() as client:
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
    experiment: str, name: str, parent: Run | None = None, tags: Mapping[str, str] | None = None
) -> Iterator[Run]:
    """A run that is finished when the block ends: FINISHED, KILLED (interrupted) or FAILED.

    A gate that rejects, or a person who must decide first, is a result, so such a run is FINISHED. Runs that an
    earlier process left open because it was killed are closed first.

    Raises:
        Interrupted: MLflow does not answer.
    """
    close_abandoned()
    with ExitStack() as stack:
        with _speaking() as client:
            labels = {**(tags or {}), **({"mlflow.parentRunId": parent.run_id} if parent else {})}
            run = Run(client.create_run(_experiment(client, experiment), run_name=name, tags=labels).info.run_id)
        stack.enter_context(locked(f"{_RUN_LOCK}{run.run_id}", wait=False))
        try:
            yield run
        except BaseException as error:
            with suppress(Interrupted):  # what went wrong first is told; the next run closes this one then
                _finish(run, _status_after(error))
            raise
        _finish(run, "FINISHED")


def _status_after(error: BaseException) -> str:
    if isinstance(error, GalenError):
        return {3: "FINISHED", 4: "FINISHED", 5: "KILLED"}.get(error.exit_code, "FAILED")
    return "KILLED" if isinstance(error, KeyboardInterrupt | GeneratorExit) else "FAILED"


def close_abandoned() -> list[Run]:
    """Mark runs of this `GALEN_HOME` KILLED whose process is gone, and return them.

    Every open run holds a lock that the kernel frees with its process, so a run is abandoned exactly when its lock
    file is there and nobody holds it.
    """
    closed = []
    for path in sorted((home() / "locks").glob(f"{_RUN_LOCK}*.lock")):
        try:
            with locked(path.stem, wait=False):
                run = Run(path.stem.removeprefix(_RUN_LOCK))
                _finish(run, "KILLED")
                closed.append(run)
        except Interrupted:
            continue  # its process lives, or MLflow is away: the next run tries again
    return closed


def _finish(run: Run, status: str) -> None:
    with _speaking() as client, _unless("RESOURCE_DOES_NOT_EXIST"):  # a run of another server, or deleted by hand
        client.set_terminated(run.run_id, status)
    (home() / "locks" / f"{_RUN_LOCK}{run.run_id}.lock").unlink(missing_ok=True)


@dataclass(frozen=True)
class Upload:
    """A model's files in MLflow, not yet a version of anything."""

    model_id: str
    location: str
    run: Run


def upload_model(experiment: str, package: Path, run: Run, tags: Mapping[str, str]) -> Upload:
    """Copy a folder that `package_model` made into MLflow, as the output of a run."""
    with _speaking() as client:
        logged = client.create_logged_model(
            _experiment(client, experiment),
            name=experiment,
            source_run_id=run.run_id,
            tags=dict(tags),
        )
        client.log_model_artifacts(logged.model_id, str(package))
        client.finalize_logged_model(logged.model_id, "READY")
        return Upload(logged.model_id, logged.artifact_location, run)


def add_version(name: str, upload: Upload, tags: Mapping[str, str], description: str) -> int:
    """Make an upload the next version of the model `name`, and return MLflow's number for it."""
    with _speaking() as client:
        with _unless("RESOURCE_ALREADY_EXISTS"):
            client.create_registered_model(name)
        made = client.create_model_version(
            name,
            source=upload.location,
            run_id=upload.run.run_id,
            model_id=upload.model_id,
            tags=dict(tags),
            description=description[:_DESCRIPTION],
        )
        return int(made.version)


def package_model(folder: Path, code: Path, target: Path, requirements: list[str]) -> None:
    """Write an MLflow model to `target`: the code file and a byte-for-byte copy of `folder`; nothing is pickled."""
    with _speaking():
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            target, python_model=str(code), artifacts={"model": str(folder)}, pip_requirements=requirements
        )


def fetch(location: str, target: Path) -> Path:
    """The files that MLflow keeps at `location`; in place where the store is local, else downloaded to `target`."""
    if urlsplit(location).scheme in ("", "file"):
        return Path(urlsplit(location).path)
    target.mkdir(parents=True, exist_ok=True)
    with _speaking():
        import mlflow.artifacts

        return Path(mlflow.artifacts.download_artifacts(location, dst_path=str(target), tracking_uri=uri()))


def versions(name: str) -> dict[int, dict[str, str]]:
    """The tags of every version that MLflow has of a model; empty where it has none."""
    with _speaking() as client:
        found = client.search_model_versions(f"name='{name}'", max_results=10_000)
    return {int(version.version): dict(version.tags) for version in found}


def aliases(name: str) -> dict[str, int]:
    """The aliases of a model; empty where MLflow does not know it."""
    found: Mapping[str, str] = {}
    with _speaking() as client, _unless("RESOURCE_DOES_NOT_EXIST"):
        found = client.get_registered_model(name).aliases
    return {alias: int(version) for alias, version in found.items()}


def set_alias(name: str, alias: str, version: int | None) -> None:
    """Point an alias at a version; None removes it."""
    with _speaking() as client:
        if version is None:
            client.delete_registered_model_alias(name, alias)
        else:
            client.set_registered_model_alias(name, alias, str(version))


def uri() -> str:
    """Where MLflow keeps runs and models: `MLFLOW_TRACKING_URI`, else a file under `GALEN_HOME`."""
    return os.environ.get(URI) or f"sqlite:///{home() / 'mlflow.db'}"


def shown_uri() -> str:
    """The address without a password, for people and messages."""
    return re.sub(r"//[^/@]*@", "//", uri())


def check_reachable() -> None:
    """Ask once, at the start of a command, whether MLflow is there; takes at most about 10 seconds.

    Raises:
        InputError: the address is no MLflow address, nothing answers there, or its file cannot be written.
    """
    address = uri()
    scheme = urlsplit(address).scheme.split("+")[0]
    if scheme == "sqlite":
        _ask_file(Path(urlsplit(address).path.removeprefix("/")))
        return
    if scheme not in _PORTS:
        hint = f"use sqlite:///FILE, or one of {', '.join(_PORTS)}; without {URI} a file under GALEN_HOME is used"
        raise InputError(f"{URI} is no tracking address", value=shown_uri(), hint=hint)
    try:
        if scheme in ("http", "https"):
            _ask_health(address)
        else:
            place = urlsplit(address)
            socket.create_connection((place.hostname or "", place.port or _PORTS[scheme]), PATIENCE).close()
    except (OSError, ValueError) as error:
        hint = f"start the server, correct {URI}, or unset it to use a file under GALEN_HOME"
        raise InputError("the tracking server does not answer", value=shown_uri(), hint=hint) from error


def _ask_file(path: Path) -> None:
    """MLflow itself would try for minutes, and warn at each attempt."""
    import sqlite3

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
            database.execute("BEGIN IMMEDIATE")
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:  # others write to it: it is there
            return
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, "no space for MLflow's database", str(path)) from error
        hint = f"make it writable, or name another file with {URI}" if os.environ.get(URI) else f"check {home()}"
        raise InputError("MLflow's database cannot be written", value=path, hint=hint) from error


def _ask_health(address: str) -> None:
    import urllib.error
    import urllib.request

    try:
        urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=PATIENCE).close()
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403):  # it asks who we are: it is there
            raise


@contextmanager
def _speaking() -> Iterator[MlflowClient]:
    """A client, and MLflow's failures as ours."""
    _quieten()
    from mlflow.exceptions import MlflowException

    try:
        yield _client(uri())
    except MlflowException as error:
        raise of_machine(error) or Interrupted(
            f"MLflow failed: {(str(error).splitlines() or [''])[0][:200]}",
            value=shown_uri(),
            hint="check the tracking server, then run the same command again: it goes on",
        ) from error


@contextmanager
def _unless(code: str) -> Iterator[None]:
    """Let one error code of MLflow pass."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code != code:
            raise


@cache
def _quieten() -> None:
    """Settings that MLflow reads when it is imported. Defaults only: what the user set stays."""
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # its own default retries a dead server for minutes
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    }.items():
        os.environ.setdefault(name, value)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs a traceback, and raises as well


@cache
def _client(address: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address, registry_uri=address)


def _experiment(client: MlflowClient, name: str) -> str:
    """The id of an experiment, made on first use. An SQLite store keeps files under `GALEN_HOME`, not where we run."""
    found = client.get_experiment_by_name(name)
    if found is None:
        place = str(home() / "mlartifacts") if uri().startswith("sqlite:") else None
        with _unless("RESOURCE_ALREADY_EXISTS"):  # another process may be quicker
            client.create_experiment(name, artifact_location=place)
        found = client.get_experiment_by_name(name)
    return cast("str", found.experiment_id)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found

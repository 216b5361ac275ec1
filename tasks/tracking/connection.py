"""Speaking with MLflow: one quiet client per address, and its failures as ours."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import IntegrityError, Interrupted, masked, of_machine
from tasks.store import Store
from tasks.tracking.address import embedded, shown_uri, uri
from tasks.tracking.database import open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient


@contextmanager
def speaking(store: Store) -> Iterator[MlflowClient]:
    """A client, and MLflow's failures as ours."""
    _quieten()
    from mlflow.exceptions import MlflowException

    try:
        yield _client(uri(store), store)
    except MlflowException as error:
        if _DAMAGED.search(str(error)) and (file := embedded(store)):
            raise damaged(file) from error
        raise of_machine(error) or Interrupted(
            f"MLflow failed: {(masked(str(error)).splitlines() or [''])[0][:200]}",
            value=shown_uri(store),
            hint="check the tracking server, then run the same command again: it continues",
        ) from error


def damaged(file: Path) -> IntegrityError:
    """What to say of MLflow's database when SQLite cannot make sense of it."""
    hint = "move it away and run again: versions and aliases are filled in anew from the ledger, older runs are lost"
    return IntegrityError("MLflow's database is damaged", value=file, hint=hint)


_DAMAGED = re.compile(r"disk image is malformed|not a database|malformed database schema|disk I/O error")


@contextmanager
def unless(code: str) -> Iterator[None]:
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
def _client(_address: str, store: Store) -> MlflowClient:
    return open_client(store)


KIND = "mlflow.experimentKind"
"""The tag by which MLflow's pages choose what to show of an experiment. Without it they guess, and take runs that log
datasets and metrics for evaluations of a GenAI application."""
MODEL_TRAINING = "custom_model_development"


def experiment_id(store: Store, client: MlflowClient, name: str) -> str:
    """The id of an experiment, made on first use. An SQLite store keeps files under `GALEN_HOME`, not where we run."""
    found = client.get_experiment_by_name(name)
    if found is None:
        place = str(store.root / "mlartifacts") if uri(store).startswith("sqlite:") else None
        with unless("RESOURCE_ALREADY_EXISTS"):  # another process may be quicker
            client.create_experiment(name, artifact_location=place)
        found = client.get_experiment_by_name(name)
    if KIND not in found.tags:  # made here just now, by an earlier version, or by hand
        client.set_experiment_tag(found.experiment_id, KIND, MODEL_TRAINING)
    return str(found.experiment_id)

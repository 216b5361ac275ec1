"""MLflow's own SQLite file, made whole or not at all: a process that is killed while MLflow makes it leaves nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.store import Store
from tasks.tracking.address import file_of, uri

if TYPE_CHECKING:
    from mlflow import MlflowClient


def open_client(store: Store) -> MlflowClient:
    """A client; where MLflow is an SQLite file that is not made yet, or was left half made, it is made first.

    MLflow makes its tables in dozens of steps, and refuses a file that has only some of them for ever.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    address = uri(store)
    if not address.startswith("sqlite:"):
        return MlflowClient(tracking_uri=address, registry_uri=address)
    if not _made(file_of(store)):
        _make(store, file_of(store))
    try:
        return MlflowClient(tracking_uri=address, registry_uri=address)
    except (MlflowException, SQLAlchemyError):
        if _holds_anything(file_of(store)):  # of another MLflow perhaps: it says itself what to do
            raise
        _let_go(address)
        _make(store, file_of(store), again=True)
        return MlflowClient(tracking_uri=address, registry_uri=address)


def _let_go(address: str) -> None:
    """MLflow keeps connections to a file by its address, also to one that was replaced."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as TrackingStore

    for kind in (TrackingStore, RegistryStore):
        if engine := kind._engine_map.pop(address, None):
            engine.dispose()


def _make(store: Store, file: Path, *, again: bool = False) -> None:
    from mlflow import MlflowClient

    with store.locked("mlflow-database"):
        if _made(file) and not again:  # another process was quicker
            return
        draft = file.with_name(f"{file.name}.new")
        for left in (draft, draft.with_name(f"{draft.name}-journal")):
            left.unlink(missing_ok=True)
        MlflowClient(tracking_uri=f"sqlite:///{draft}", registry_uri=f"sqlite:///{draft}")
        _let_go(f"sqlite:///{draft}")
        file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
        draft.replace(file)


def _made(file: Path) -> bool:
    """Whether there is more than the empty file that a first look leaves."""
    return file.is_file() and file.stat().st_size > 0


def _holds_anything(file: Path) -> bool:
    """Whether a file of MLflow's has a run, or a model, or cannot be read: then it is not to be made again."""
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            tables = names & {"runs", "registered_models", "logged_models"}
            return any(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)
    except sqlite3.Error:
        return True

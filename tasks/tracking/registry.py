"""MLflow's registry: a mirror for people and tools of the versions and roles that the ledger assigns."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.errors import Interrupted
from tasks.store import Store
from tasks.tracking.address import PATIENCE, embedded, uri
from tasks.tracking.connection import damaged, experiment_id, speaking, unless
from tasks.tracking.runs import Run

_DESCRIPTION = 5000  # characters: the width of MLflow's column


@dataclass(frozen=True)
class Upload:
    """A model's files in MLflow, not yet a version of anything."""

    model_id: str
    location: str
    run: Run


def upload_model(experiment: str, package: Path, run: Run, tags: Mapping[str, str]) -> Upload:
    """Copy a folder that `package_model` made into MLflow, as the output of a run."""
    with speaking(run.store) as client:
        logged = client.create_logged_model(
            experiment_id(run.store, client, experiment),
            name=experiment,
            source_run_id=run.run_id,
            tags=dict(tags),
        )
        client.log_model_artifacts(logged.model_id, str(package))
        client.finalize_logged_model(logged.model_id, "READY")
        return Upload(logged.model_id, logged.artifact_location, run)


def add_version(name: str, upload: Upload, tags: Mapping[str, str], description: str) -> int:
    """Make an upload the next version of the model `name`, and return MLflow's number for it."""
    with speaking(upload.run.store) as client:
        with unless("RESOURCE_ALREADY_EXISTS"):
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


def package_model(
    store: Store, folder: Path, code: Path, beside: Sequence[Path], target: Path, requirements: list[str]
) -> None:
    """Write an MLflow model to `target`: the code file, the files beside it (in `code/`) and a byte-for-byte copy of
    `folder`; nothing is pickled."""
    with speaking(store), _without_advice():
        import mlflow.pyfunc

        mlflow.pyfunc.save_model(
            target,
            python_model=str(code),
            code_paths=[str(file) for file in beside],
            artifacts={"model": str(folder)},
            pip_requirements=requirements,
        )


def open_package(store: Store, package: Path) -> Callable[[list[str]], list[str]]:
    """The `predict` of an MLflow model in a folder, loaded as MLflow loads what it serves."""
    with speaking(store), _without_advice():
        import mlflow.pyfunc

        predict: Callable[[list[str]], list[str]] = mlflow.pyfunc.load_model(str(package)).predict
        return predict


@contextmanager
def _without_advice() -> Iterator[None]:
    """Without MLflow's warning that `predict` has no type: with one, its server would refuse a DataFrame. A filter does
    not reach it, as MLflow puts one of its own before all others whenever it warns.
    """
    with warnings.catch_warnings(record=True) as said:
        yield
    for one in said:
        if "Add type hints to the `predict` method" not in str(one.message):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def fetch(store: Store, location: str, target: Path) -> Path:
    """The files that MLflow keeps at `location`; in place where the store is local, else downloaded to `target`."""
    if urlsplit(location).scheme in ("", "file"):
        return Path(urlsplit(location).path)
    target.mkdir(parents=True, exist_ok=True)
    with speaking(store):
        import mlflow.artifacts

        return Path(mlflow.artifacts.download_artifacts(location, dst_path=str(target), tracking_uri=uri(store)))


def versions(store: Store, name: str) -> dict[int, dict[str, str]]:
    """The tags of every version that MLflow has of a model; empty where it has none."""
    with speaking(store) as client:
        found = client.search_model_versions(f"name='{name}'", max_results=10_000)
    return {int(version.version): dict(version.tags) for version in found}


def aliases(store: Store, name: str) -> dict[str, int]:
    """The aliases of a model; empty where MLflow does not know it."""
    found: Mapping[str, str] = {}
    with speaking(store) as client, unless("RESOURCE_DOES_NOT_EXIST"):
        found = client.get_registered_model(name).aliases
    return {alias: int(version) for alias, version in found.items()}


def sources(store: Store, name: str, tag: str) -> dict[str, str]:
    """Where MLflow keeps the files of each version of a model, by the value of a tag that the version bears.

    Raises:
        Interrupted, IntegrityError: as `holders`.
    """
    if (file := embedded(store)) is not None:
        return {str(value): str(source) for value, source in _asked(file, _SOURCES, (tag, name))}
    with speaking(store) as client:
        found = client.search_model_versions(f"name='{name}'", max_results=10_000)
    return {version.tags[tag]: str(version.source) for version in found if tag in version.tags}


def holders(store: Store, name: str, tag: str) -> dict[str, str | None]:
    """Alias -> the value of a tag of the version that it is at, for a model as MLflow has it now; None: no such tag.

    An SQLite store is read as a file: importing MLflow takes longer than all else that a run with nothing to do does.

    Raises:
        Interrupted: MLflow does not answer.
        IntegrityError: the file is damaged.
    """
    if (file := embedded(store)) is None:
        known = versions(store, name)
        return {alias: known.get(version, {}).get(tag) for alias, version in aliases(store, name).items()}
    return {str(alias): value for alias, value in _asked(file, _HOLDERS, (tag, name))}


def _asked(file: Path, question: str, values: tuple[str, str]) -> list[tuple[Any, ...]]:
    """What an SQLite store answers; nothing where it is not made yet."""
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(question, values).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):  # killed while it was made
            return []
        raise Interrupted(f"MLflow's database cannot be read ({error})", value=file, hint="run again") from error
    except sqlite3.DatabaseError as error:
        raise damaged(file) from error


_SOURCES = """
SELECT tag.value, version.source FROM model_versions AS version
JOIN model_version_tags AS tag ON tag.name = version.name AND tag.version = version.version AND tag.key = ?
WHERE version.name = ? AND version.current_stage != 'Deleted_Internal'
"""
_HOLDERS = """
SELECT alias.alias, tag.value FROM registered_model_aliases AS alias
LEFT JOIN model_version_tags AS tag ON tag.name = alias.name AND tag.version = alias.version AND tag.key = ?
WHERE alias.name = ?
"""


def set_alias(store: Store, name: str, alias: str, version: int | None) -> None:
    """Point an alias at a version; None removes it."""
    with speaking(store) as client:
        if version is None:
            client.delete_registered_model_alias(name, alias)
        else:
            client.set_registered_model_alias(name, alias, str(version))

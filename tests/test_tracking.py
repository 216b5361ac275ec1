from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import GateRejected, InputError, Interrupted, Stopped
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.tracking import address, connection, database, runs
from tests.factories import dataset_version

pytestmark = pytest.mark.usefixtures("mlflow_store")


def client(store: Store) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address.uri(store))


def test_a_run_keeps_settings_curves_data_and_reports(store: Store, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text("fine")
    version = dataset_version(store, "text-classification", 20)
    with (
        runs.open_run(store, "runs", "chain") as parent,
        runs.open_run(store, "runs", "step", parent, {"a": "b"}) as run,
    ):
        run.params({"training": {"epochs": 3, "schedule": "linear"}} | {f"p{n}": n for n in range(150)})
        for step in range(3):
            run.metrics({"loss": 3.0 - step, "rate": 0.1}, step)
        run.dataset(version)
        run.artifact(report, "reports")
    found = client(store).get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params["training.epochs"] == "3" and len(found.data.params) == 152
    assert [point.value for point in client(store).get_metric_history(run.run_id, "loss")] == [3.0, 2.0, 1.0]
    assert found.data.tags["mlflow.parentRunId"] == parent.run_id and found.data.tags["a"] == "b"
    (entry,) = found.inputs.dataset_inputs
    assert json.loads(entry.dataset.source)["split_sha256"] == version.artifact.files["train.parquet"]
    assert version.artifact.files["train.parquet"].startswith(entry.dataset.digest)
    assert [one.path for one in client(store).list_artifacts(run.run_id, "reports")] == ["reports/report.md"]


def test_mlflow_knows_the_kind_of_experiment_and_how_a_run_was_decided(store: Store) -> None:
    client(store).create_experiment("older")  # by an earlier version of Galen, without a kind
    for experiment in ("older", "runs"):
        with runs.open_run(store, experiment, "x", tags={"galen.run": "x"}) as run:
            run.tags({runs.VERDICT: "waiting"})
        kind = client(store).get_experiment_by_name(experiment).tags["mlflow.experimentKind"]
        assert kind == "custom_model_development"
    runs.tag_run(store, "runs", "x", {runs.VERDICT: "promoted"})
    runs.tag_run(store, "runs", "another", {runs.VERDICT: "rejected"})
    assert client(store).get_run(run.run_id).data.tags[runs.VERDICT] == "promoted"


def test_tables_stay_out(store: Store, tmp_path: Path) -> None:
    with runs.open_run(store, "runs", "x") as run, pytest.raises(InputError, match="only reports"):
        run.artifact(tmp_path / "predictions.parquet")


@pytest.mark.parametrize(
    ("error", "status"),
    [(GateRejected("no"), "FINISHED"), (Interrupted("later"), "KILLED"), (ValueError(), "FAILED"), (None, "FINISHED")],
)
def test_how_a_block_ends_is_how_the_run_ends(store: Store, error: Exception | None, status: str) -> None:
    run_id = ""

    def block() -> None:
        nonlocal run_id
        with runs.open_run(store, "runs", "x") as run:
            run_id = run.run_id
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            block()
    else:
        block()
    assert client(store).get_run(run_id).info.status == status


def test_a_killed_process_leaves_no_open_run(store: Store) -> None:
    code = """
import time
from tasks.store import Store
from tasks.tracking import runs
with runs.open_run(Store.of_environment(), 'runs', 'x') as run:
    print(run.run_id, flush=True)
    time.sleep(60)
"""
    victim = subprocess.Popen([sys.executable, "-c", code], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert victim.stdout is not None
    run_id = victim.stdout.readline().strip()
    with runs.open_run(store, "runs", "another"):
        assert client(store).get_run(run_id).info.status == "RUNNING"  # its process lives
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    with runs.open_run(store, "runs", "next"):
        pass
    assert client(store).get_run(run_id).info.status == "KILLED"
    assert runs.close_abandoned(store) == []


@pytest.mark.parametrize("given", ["file:///tmp/x", "var/mlruns", "ftp://host/x"])
def test_an_address_that_is_none(store: Store, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(address.URI, given)
    with pytest.raises(InputError, match="sqlite:///FILE"):
        address.check_reachable(store)


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_nobody_there(store: Store, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as port:
        pass
    monkeypatch.setenv(address.URI, f"{scheme}://me:hunter2@127.0.0.1:{port}")
    with pytest.raises(InputError, match="does not answer") as caught:
        address.check_reachable(store)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_hangs_is_given_up_soon(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "PATIENCE", 0.5)
    with listener() as port:
        monkeypatch.setenv(address.URI, f"http://127.0.0.1:{port}")
        started = time.monotonic()
        with pytest.raises(InputError, match="does not answer"):
            address.check_reachable(store)
        assert time.monotonic() - started < 5


def test_a_server_that_goes_away_interrupts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as port:
        pass
    monkeypatch.setenv(address.URI, f"http://127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(Interrupted, match="run the same command again"), runs.open_run(store, "runs", "x"):
        pass
    assert time.monotonic() - started < 10


def test_the_embedded_store_needs_no_check(store: Store) -> None:
    address.check_reachable(store)
    assert address.uri(store) == f"sqlite:///{os.environ['GALEN_HOME']}/mlflow.db"


@contextmanager
def listener() -> Iterator[int]:
    """A port on which connections are taken, and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_what_went_wrong_first_is_told_when_closing_fails_too(
    store: Store, mlflow_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise Interrupted("MLflow is gone")

    with pytest.raises(InputError, match="first"), runs.open_run(store, "x", "y"):
        monkeypatch.setattr(runs, "_finish", gone)
        raise InputError("first")


def test_a_full_disk_under_mlflow_is_called_that(store: Store) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(Stopped, match="disk is full"), connection.speaking(store):
        raise MlflowException("(sqlite3.OperationalError) database or disk is full")


def _half_made(file: Path) -> None:
    """As MLflow leaves it when it is killed between two of its steps."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        database.commit()


def test_a_database_that_was_left_half_made_is_made_again(
    store: Store, mlflow_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    file = address.file_of(store)
    _half_made(file)
    with pytest.raises(MlflowException, match="out-of-date"):
        MlflowClient(tracking_uri=address.uri(store))
    made = MlflowClient

    def quickly(tracking_uri: str, registry_uri: str) -> Any:
        if ".new" in tracking_uri:
            shutil.copy(mlflow_template, tracking_uri.removeprefix("sqlite:///"))
        return made(tracking_uri=tracking_uri, registry_uri=registry_uri)

    monkeypatch.setattr("mlflow.MlflowClient", quickly)
    with runs.open_run(store, "runs", "chain"):
        pass
    assert [path.name for path in store.root.glob("mlflow.db*")] == ["mlflow.db"]
    assert database._holds_anything(file), "one with a run is not made again"


def test_a_kill_while_mlflow_makes_its_database_leaves_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    address.file_of(store).unlink()

    def killed(tracking_uri: str, registry_uri: str) -> Any:
        Path(tracking_uri.removeprefix("sqlite:///")).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("mlflow.MlflowClient", killed)
    with pytest.raises(KeyboardInterrupt):
        database.open_client(store)
    assert not address.file_of(store).exists()


def test_runs_of_a_process_that_died_before_it_held_their_lock_are_closed_too(store: Store) -> None:
    with runs.open_run(store, "runs", "mine") as run:
        pass
    client(store).update_run(run.run_id, status="RUNNING")
    theirs = client(store).create_run(client(store).get_run(run.run_id).info.experiment_id).info.run_id
    assert runs.close_abandoned(store) == []
    assert runs.close_abandoned(store, alone=True) == [run]
    assert client(store).get_run(run.run_id).info.status == "KILLED"
    assert client(store).get_run(theirs).info.status == "RUNNING", "not of this store"

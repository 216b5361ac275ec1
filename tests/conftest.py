"""What every test starts from: an empty `GALEN_HOME`, and no call home."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.store import Store

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that tests can say `from tests.factories import`

os.environ.update(
    {
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Threads of OpenMP wait for each other by spinning: on minute models that costs five times the computing.
        "OMP_NUM_THREADS": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "TORCHDYNAMO_DISABLE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the result of the behaviour matrix goes (tests/training/conftest.py), and whether docs are written anew."""
    parser.addoption("--matrix", metavar="FILE", help="write the behaviour matrix of methods, as Markdown")
    parser.addoption("--update-docs", action="store_true", help="write the docs that are made from the code anew")


@pytest.fixture
def update_docs(request: pytest.FixtureRequest) -> bool:
    """Whether the docs that are made from the code are to be written, not compared."""
    return bool(request.config.getoption("--update-docs"))


@pytest.fixture(autouse=True)
def galen_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A `GALEN_HOME` of the test's own; nothing is in it yet. A command that a test runs here closes new files: not for
    the tests after it."""
    mask = os.umask(0o022)
    folder = tmp_path / "galen-home"
    monkeypatch.setenv("GALEN_HOME", str(folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    yield folder
    os.umask(mask)


@pytest.fixture
def store(galen_home: Path) -> Store:
    """The store of the test's `GALEN_HOME`, empty."""
    return Store(galen_home)


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables and nothing in them: making one takes a second, copying it none."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def mlflow_store(galen_home: Path, mlflow_template: Path) -> str:
    """The embedded MLflow store of the test's `GALEN_HOME`, empty; its address."""
    galen_home.mkdir(exist_ok=True)
    shutil.copy(mlflow_template, galen_home / "mlflow.db")
    return f"sqlite:///{galen_home / 'mlflow.db'}"

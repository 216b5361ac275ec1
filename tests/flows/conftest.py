"""What tests of flows share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tasks.data.version import load_version
from tasks.store import Store
from tests.factories import tiny_bert
from tests.flows.checkout import RECIPE_FILE, Checkout, First
from tests.flows.released import Made, released


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for all tests of a file, which flows of this process talk to; its address."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("prefect")
        patch.setenv("GALEN_HOME", str(home))
        patch.setenv("PREFECT_HOME", str(home / "prefect"))
        patch.setenv("PREFECT_LOGGING_SETTINGS_PATH", "flows/logging.yaml")
        patch.delenv("PREFECT_API_URL", raising=False)
        from flows.server import prefect_server

        with prefect_server(Store(home)) as started:
            started.ready()
            # Prefect reads its settings when it is imported, which another test may have done.
            from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

            url = os.environ["PREFECT_API_URL"]
            with temporary_settings({PREFECT_API_URL: url, PREFECT_API_AUTH_STRING: started.secret}):
                yield url


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """A checkout with a champion, of which tests ask this and that, in any order."""
    folder = tmp_path_factory.mktemp("chain")
    made = Checkout(folder / "checkout", tiny_bert(folder / "bert"))
    made.declare()
    planned = made.galen("retrain", RECIPE_FILE, "--plan")
    left = (made.home / "artifacts").exists()
    said = made.galen("retrain", RECIPE_FILE)
    return First(made, planned, left, said, made.galen("retrain", RECIPE_FILE))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return released(tmp_path_factory.mktemp("evaluate"))


@pytest.fixture
def made(store: Store, trained: Made) -> Made:
    """The same in the test's own store."""
    shutil.copytree(trained.store.root, store.root)
    return Made(store, load_version(store, trained.dataset.digest), trained.merged, trained.quantized)

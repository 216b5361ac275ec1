"""Where the arms of a comparison run: threads of this process that each wait for a child, or a Ray cluster."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from flows.environment import ALWAYS, DEFAULTS
from flows.server import AUTH
from tasks.errors import InputError
from tasks.store import Store

LOCAL = "local"
"""As a cluster's address: one on this machine, for as long as the comparison takes."""
PASSED_ON = (*ALWAYS, *DEFAULTS, "GALEN_DEBUG", "HF_HOME", "HF_HUB_OFFLINE", "PREFECT_API_URL", AUTH)
"""Environment variables that the workers of a cluster get, where they are set here."""
LONGEST = 40  # characters of the folder in which Ray makes its sockets: their names must not exceed 107
OBJECT_STORE = 100 * 1024**2  # bytes; only what is asked and answered passes through it


@dataclass(frozen=True)
class Place:
    """Where arms run, and what each of them gets there."""

    threads: int | None
    """Of each arm; None leaves it to the libraries."""
    cluster: str | None = None
    gpus: bool = False
    """Whether the cluster has any."""

    def asking(self, processes: int) -> AbstractContextManager[object]:
        """While it is entered, what is submitted asks the cluster for an arm's cores, and a GPU for each process.

        Ray is not to start an arm again that died, for want of memory most likely.
        """
        if self.cluster is None:
            return nullcontext()
        from prefect_ray.context import remote_options

        asked = {"num_cpus": self.threads, "num_gpus": processes if self.gpus else 0, "max_retries": 0}
        options: AbstractContextManager[object] = remote_options(**asked)
        return options

    def task_runner(self, parallel: int) -> Any:
        """What a flow submits its arms to; call it when `PREFECT_API_URL` is set."""
        if self.cluster is None:
            from prefect.task_runners import ThreadPoolTaskRunner

            return ThreadPoolTaskRunner(max_workers=parallel)
        from prefect_ray import RayTaskRunner

        return RayTaskRunner()  # it uses the cluster that this process is connected to


def check_cluster(address: str | None) -> None:
    """See that a cluster can be used, before anything starts.

    Raises:
        InputError: Ray is not installed, or its nodes could not reach the Prefect server.
    """
    if address is None:
        return
    if importlib.util.find_spec("prefect_ray") is None:
        raise InputError("Ray is not installed", value=f"--ray {address}", hint="make ray")
    if address != LOCAL and not os.environ.get("PREFECT_API_URL"):
        hint = "set PREFECT_API_URL to a server that every node reaches: a temporary one listens on this machine alone"
        raise InputError("a Ray cluster needs a Prefect server of its own", value=f"--ray {address}", hint=hint)


@contextmanager
def place(store: Store, parallel: int, address: str | None) -> Iterator[Place]:
    """Connect to the cluster at an address, if there is one, until the block ends.

    Args:
        store: the one of the workers, too.
        parallel: how many arms share a machine, this one or the largest of the cluster.

    Raises:
        InputError: nothing answers there.
    """
    cores = os.cpu_count() or 1
    if address is None:
        yield Place(max(1, cores // parallel) if parallel > 1 else None)
        return
    os.environ.update(RAY_COLOR_PREFIX="0", RAY_DEDUP_LOGS="0")
    if address == LOCAL:  # whoever reaches a cluster without a token runs code there, as its owner
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_urlsafe(32))
    import ray

    folder = _short_folder() if address == LOCAL else None
    if address == LOCAL:
        threads = max(1, cores // parallel)
        options: dict[str, object] = {"num_cpus": threads * parallel, "include_dashboard": False}
        options["_temp_dir"] = folder
        options["object_store_memory"] = OBJECT_STORE
    else:
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        options = {"runtime_env": {"env_vars": {**passed, "GALEN_HOME": str(store.root)}}}
    try:
        ray.init(address, namespace="prefect", **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        hint = "start it (ray start --head), or say --ray local"
        raise InputError("no Ray cluster answers", value=address, hint=hint) from error
    try:
        resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        most = int(max(node.get("CPU", 0) for node in resources))
        yield Place(max(1, most // parallel), address, any(node.get("GPU") for node in resources))
    finally:
        ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> str:
    """A folder of this user alone, where other temporary files lie unless that path is too long for a socket."""
    usual = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="ray-", dir=usual if len(usual) + len("/ray-12345678") <= LONGEST else "/tmp")

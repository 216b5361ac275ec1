"""Where the arms of a comparison run: threads of this process that each wait for a child, or a Ray cluster."""

from __future__ import annotations

import importlib.util
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flows.environment import ALWAYS, DEFAULTS
from tasks.errors import InputError
from tasks.home import home

LOCAL = "local"
"""As a cluster's address: one on this machine, for as long as the comparison takes."""
PASSED_ON = (*ALWAYS, *DEFAULTS, "GALEN_DEBUG", "PREFECT_API_KEY", "PREFECT_API_URL")
"""Environment variables that the workers of a cluster get, where they are set here."""
OBJECT_STORE = 100 * 1024**2  # bytes; only what is asked and answered passes through it


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


def task_runner(parallel: int, address: str | None) -> Any:
    """What a flow submits its arms to; call it when `PREFECT_API_URL` is set."""
    if address is None:
        from prefect.task_runners import ThreadPoolTaskRunner

        return ThreadPoolTaskRunner(max_workers=parallel)
    os.environ.update(RAY_COLOR_PREFIX="0", RAY_DEDUP_LOGS="0")
    from prefect_ray import RayTaskRunner

    if address == LOCAL:
        here = {"num_cpus": os.cpu_count(), "include_dashboard": False, "object_store_memory": OBJECT_STORE}
        return RayTaskRunner(init_kwargs=here)
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return RayTaskRunner(address, {"runtime_env": {"env_vars": {**passed, "GALEN_HOME": str(home())}}})


def asking(threads: int | None, address: str | None) -> AbstractContextManager[Any]:
    """While it is entered, what is submitted asks the cluster for its cores, and for a GPU where there are any."""
    if address is None:
        return nullcontext()
    import ray
    from prefect_ray.context import remote_options

    gpus = 1 if ray.cluster_resources().get("GPU") else 0
    options: AbstractContextManager[Any] = remote_options(num_cpus=threads or os.cpu_count(), num_gpus=gpus)
    return options

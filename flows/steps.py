"""The functions of tasks/ as Prefect tasks: names, retries, timeouts and cache policy, in one place.

Prefect's own caching and result persistence stay off: sealed artifacts are the only cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.console import Row
from flows.run import Run
from tasks.artifact import Artifact
from tasks.data import dvc, seal
from tasks.data.version import DatasetVersion
from tasks.errors import ApprovalNeeded, Interrupted
from tasks.evaluation import evaluate as evaluation
from tasks.evaluation import gates
from tasks.evaluation.evaluate import Evaluation
from tasks.evaluation.gates import Judged
from tasks.lineage import statements
from tasks.release import merge as merging
from tasks.release import quantize as quantizing
from tasks.release import register as registry
from tasks.release.register import Version
from tasks.training import models, train
from tasks.training.models import Base

P = ParamSpec("P")
T = TypeVar("T")
RETRIES = 2
RETRY_DELAYS = [5.0, 30.0]  # seconds


def _worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Only a service that was gone for a moment: a wrong input or a failed gate stays what it is."""
    return isinstance(state.result(raise_on_failure=False), Interrupted)


def step(name: str) -> Callable[[Callable[Concatenate[Run, Row, P], T]], Callable[Concatenate[Run, P], T]]:
    """A Prefect task whose first argument is the run, and which reports its time and verdict to the run's console."""

    def wrap(function: Callable[Concatenate[Run, Row, P], T]) -> Callable[Concatenate[Run, P], T]:
        @wraps(function)
        def timed(run: Run, *args: P.args, **kwargs: P.kwargs) -> T:
            with run.console.stage(name.format(*args)) as row:
                return function(run, row, *args, **kwargs)

        return task(
            timed,
            name=name,
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS,
            retry_condition_fn=_worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
        )

    return wrap

"""The whole comparison on one screen: the data once, then every arm on it, each judged on the same test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import flow

from flows import steps
from flows.comparing import ComparisonRun
from flows.console import Row
from flows.inputs import remember_dataset
from flows.run import Run
from tasks.comparison.config import Entry, entries
from tasks.comparison.job import Job, Result, finished, keep
from tasks.config.training import BaseModelRef
from tasks.data.seal import adopt_version
from tasks.data.stage import STAGES
from tasks.data.version import DatasetVersion
from tasks.errors import GalenError, Stopped
from tasks.home import home
from tasks.lineage import recording
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.resolve import resolve_base

P = ParamSpec("P")
T = TypeVar("T")


@flow(name="compare", flow_run_name="{run.comparison.name}", validate_parameters=False, persist_result=False)
def compare(run: ComparisonRun) -> list[Entry]:
    """Train and measure every arm that is not kept already; what comes of each lies in its file under `run.out`.

    An arm that fails leaves its error there, and the others go on. Returns the arms that did not end well.
    """
    dataset = prepared(run, run.recipe.dataset)
    second = prepared(run, run.comparison.transfer) if run.comparison.transfer else None
    bases: dict[BaseModelRef, Base] = {}
    jobs = []
    for entry in entries(run.comparison):
        ref = entry.recipe.base_model
        bases[ref] = bases.get(ref) or base_model(run, ref)
        transfer = second.digest if second else None
        test = dataset.split_digest("test")
        jobs.append(Job(entry, dataset.digest, test, bases[ref].digest, run.forgetting, transfer))
    try:
        submit = cast("Any", arm).submit  # to the flow's task runner, which runs `run.parallel` at a time
        submitted = []
        for job in jobs:
            with run.place.asking(job.entry.recipe.training.processes):
                submitted.append(submit(run, job))
        for future in submitted:
            future.wait()
        return [job.entry for job, future in zip(jobs, submitted, strict=True) if not future.state.is_completed()]
    except BaseException:
        run.children.stop()
        raise


def prepared(run: ComparisonRun, name: str) -> DatasetVersion:
    """The sealed version that a dataset's present inputs lead to."""
    of_dataset = replace(run, recipe=run.recipe.model_copy(update={"dataset": name}))
    for stage in STAGES:
        steps.build_stage(cast("Run", of_dataset), stage)
    return seal(run, name)


def step(
    name: str,
) -> Callable[[Callable[Concatenate[ComparisonRun, Row, P], T]], Callable[Concatenate[ComparisonRun, P], T]]:
    """As `flows.steps.step`, for the steps of a comparison: all that is needed of a run is its console."""
    return cast("Any", steps.step(name))  # type: ignore[no-any-return]


@step("data: version")
def seal(run: ComparisonRun, row: Row, name: str) -> DatasetVersion:
    """Adopt the sealed dataset version."""
    dataset = adopt_version(Store(home()), name)
    counts = ", ".join(f"{count:,} {split}" for split, count in dataset.meta.counts.items())
    row.detail = f"{name} {dataset.digest[:12]}: {counts}"
    remember_dataset(name, dataset)
    recording.record_sealed(Store(home()), dataset, run.origin)
    return dataset


@step("base model")
def base_model(run: ComparisonRun, row: Row, ref: BaseModelRef) -> Base:
    """A base model, made on first use where Galen makes it."""
    base = resolve_base(ref)
    row.detail = base.digest[:12]
    return base


@step("arm")
def arm(run: ComparisonRun, row: Row, job: Job) -> Result:
    """Train and measure one arm with one seed in a process of its own, unless it is kept already."""
    row.stage = f"{job.entry.arm}, seed {job.entry.seed}"
    if result := finished(run.out, job):
        row.verdict = "kept"
    else:
        try:
            measured = run.children.ask(job.plain(), f"arm {job.entry.arm}")
        except Stopped:
            raise
        except GalenError as error:
            row.detail = error.what
            keep(run.out, job, {"error": error.to_json()})
            raise
        measured["machine"]["arms at a time"] = run.parallel
        if run.place.cluster:
            measured["machine"]["on"] = "a Ray cluster"
        result = keep(run.out, job, measured)
    row.detail = run.line(result)
    return result

"""The whole comparison on one screen: the data once, then every arm on it, each judged on the same records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefect import flow

from flows.cluster import Place
from flows.console import Row
from flows.prepare import base_model, prepared
from flows.subject import Subject, step
from tasks.children import Children
from tasks.comparison.config import Comparison, Entry, entries
from tasks.comparison.job import Job, Result, finished, keep
from tasks.config.training import BaseModelRef
from tasks.config.words import Split
from tasks.errors import GalenError, Stopped
from tasks.training.bases import Base
from tasks.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class ComparisonRun(Subject):
    """What every step of a comparison needs to know of it."""

    comparison: Comparison
    recipe: Recipe
    """What every arm starts from."""
    out: Path
    parallel: int
    children: Children
    forgetting: Path | None
    place: Place
    split: Split
    """That every arm is judged on."""


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
        met = (dataset.digest, dataset.split_digest(run.split), bases[ref].digest)
        jobs.append(Job(entry, *met, run.forgetting, transfer, run.split))
    try:
        submitted = []  # to the flow's task runner, which runs `run.parallel` at a time
        for job in jobs:
            with run.place.asking(job.entry.recipe.training.processes):
                submitted.append(arm.submit(run, job))
        for future in submitted:
            future.wait()
        return [job.entry for job, future in zip(jobs, submitted, strict=True) if not future.state.is_completed()]
    except BaseException:
        run.children.stop()
        raise


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
    row.detail = line_of(result)
    return result


def line_of(result: Result) -> str:
    """An arm in a few words."""
    trained = result["parameters"]["trained"]
    values = ", ".join(f"{name} {one['value']:.3f}" for name, one in result["quality"].items())
    return f"{trained:,} weights, {values}"

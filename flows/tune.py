"""A whole search on one screen: the data and the base once, then one training after another, each told what to try."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import flow

from flows import compare, steps
from flows.console import Row
from flows.tuning import SearchRun
from tasks.artifact import locked
from tasks.errors import GalenError, Stopped
from tasks.tuning.config import with_values
from tasks.tuning.study import Subject, Trials
from tasks.tuning.trial import Job

if TYPE_CHECKING:
    from flows.comparing import ComparisonRun

P = ParamSpec("P")
T = TypeVar("T")


@flow(name="tune", flow_run_name="{run.recipe.model}", validate_parameters=False, persist_result=False)
def tune(run: SearchRun) -> Subject:
    """Run the trials that are missing to the number asked for; what comes of each lies in the study's database."""
    alike = cast("ComparisonRun", run)  # data and base are made ready as for a comparison
    dataset = compare.prepared(alike, run.recipe.dataset)
    base = compare.base_model(alike, run.recipe.base_model)
    subject = Subject(run.search, run.recipe, dataset.digest, dataset.split_digest("validation"), base.digest)
    with locked(f"tune-{subject.key[:16]}", wait=False):
        trials = Trials(subject)
        try:
            submit = cast("Any", trial).submit  # to the flow's task runner, which runs `run.parallel` at a time
            for future in [submit(run, trials) for _ in range(trials.to_do())]:
                future.wait()
        except BaseException:
            run.children.stop()
            raise
    return subject


def step(name: str) -> Callable[[Callable[Concatenate[SearchRun, Row, P], T]], Callable[Concatenate[SearchRun, P], T]]:
    """As `flows.steps.step`, for the steps of a search: all that is needed of a run is its console."""
    return cast("Any", steps.step(name))  # type: ignore[no-any-return]


@step("trial")
def trial(run: SearchRun, row: Row, trials: Trials) -> None:
    """Train once with the values that the sampler says, in a process of its own.

    One that fails is noted, and the search goes on; one that was stopped goes on with the next command.
    """
    if run.children.stopped:
        raise Stopped("stopped")
    asked = trials.ask()
    row.stage = f"trial {asked.number}"
    said = ", ".join(f"{path.partition('.')[2]} {value}" for path, value in asked.values.items())
    if twin := trials.twin(asked):
        row.verdict, row.detail = "known", f"as trial {twin.number}: {said}"
        trials.repeat(asked, twin)
        return
    subject, recipe = trials.subject, with_values(run.recipe, asked.values)
    job = Job(subject.key, asked.id, recipe, subject.dataset, subject.base, run.search.metric, run.search.prunes)
    try:
        found = run.children.ask(job.plain(), row.stage)
    except Stopped:
        raise
    except GalenError as error:
        row.verdict, row.detail = "failed", f"{error.what}; {said}"
        trials.fail(asked, error)
        return
    trials.tell(asked, **found)
    row.verdict = "pruned" if found["state"] == "pruned" else "done"
    row.detail = said if found["state"] == "pruned" else f"{run.search.metric} {found['value']:.5g}; {said}"

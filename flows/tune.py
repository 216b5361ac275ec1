"""A whole search on one screen: the data and the base once, then one training after another, each told what to try."""

from __future__ import annotations

from dataclasses import dataclass

from prefect import flow

from flows.console import Row
from flows.prepare import base_model, prepared
from flows.subject import Subject, step
from tasks.children import Children
from tasks.errors import GalenError, Stopped
from tasks.training.recipe import Recipe
from tasks.tuning import study
from tasks.tuning.config import Search, with_values
from tasks.tuning.study import Trials
from tasks.tuning.trial import Job


@dataclass(frozen=True, kw_only=True)
class SearchRun(Subject):
    """What every step of a search needs to know of it."""

    search: Search
    recipe: Recipe
    parallel: int
    children: Children


@flow(name="tune", flow_run_name="{run.recipe.model}", validate_parameters=False, persist_result=False)
def tune(run: SearchRun) -> study.Subject:
    """Run the trials that are missing to the number asked for; what comes of each lies in the study's database."""
    dataset = prepared(run, run.recipe.dataset)
    base = base_model(run, run.recipe.base_model)
    subject = study.Subject(run.search, run.recipe, dataset.digest, dataset.split_digest("validation"), base.digest)
    with run.store.locked(f"tune-{subject.key[:16]}", wait=False):
        trials = Trials(run.store, subject)
        try:
            # To the flow's task runner, which runs `run.parallel` at a time.
            for future in [trial.submit(run, trials) for _ in range(trials.to_do())]:
                future.wait()
        except BaseException:
            run.children.stop()
            raise
    return subject


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

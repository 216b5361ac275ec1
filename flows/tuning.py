"""A search from its file to a tuned recipe: checked before anything starts, summed up however its trials end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.console import say, table
from flows.inputs import check_dataset
from flows.subject import new_id, session
from tasks.children import GOES_ON, Children
from tasks.errors import GalenError, InputError, Stopped
from tasks.home import shown
from tasks.lineage.event import Origin
from tasks.reports import write_report
from tasks.store import Store
from tasks.tracking.runs import open_run
from tasks.training.recipe import Recipe
from tasks.tuning.config import Search, check_methods, load_search
from tasks.tuning.report import metric_name, render
from tasks.tuning.result import summarise, sweep, write_recipe
from tasks.tuning.study import Subject

SHOWN = 5  # trials on the terminal, best first


def run_search(
    store: Store,
    path: Path,
    *,
    trials: int | None = None,
    metric: str | None = None,
    parallel: int = 1,
    out: Path | None = None,
    force: bool = False,
    keep: bool = False,
) -> dict[str, Any]:
    """Search, write a report and the recipe with the best settings; returns what the report says.

    Args:
        store: where everything is kept.
        path: a search, or a recipe together with `trials`.
        trials, metric: see `tasks.tuning.config.load_search`.
        parallel: how many trainings run at a time.
        out: the new recipe; default: beside the recipe, NAME-tuned.yaml.
        force: overwrite `out`.
        keep: keep the artifacts of all trials, not the best one's alone.

    Raises:
        InputError: something that was asked is wrong.
        Interrupted: trials were stopped: run again to go on. Where every trial failed, the first one's error.
    """
    search, recipe, file = load_search(path, trials, metric)
    target = out if out is not None else file.with_name(f"{file.stem}-tuned.yaml")
    _check_target(target, force)
    check_dataset(recipe)
    subject = _run(store, search, recipe, parallel)
    found = summarise(store, subject)
    page, data = write_report(store.root / "tuning" / subject.key[:12], found, render(found))
    _track(store, found, page, data)
    say(f"\n{text_of(found)}\n\nreport: {shown(page)}\n  json: {shown(data)}")
    _raise_if_unfinished(found)
    _check_target(target, force)  # again: somebody else may have written it meanwhile
    write_recipe(file, target, found, recipe)
    say(f"recipe: {shown(target)}")
    if not keep and (gone := sweep(store, found, subject)):
        say(f"removed: {gone} artifacts of the other trials")
    say(f"next: galen retrain {shown(target)}")
    return found


def _check_target(target: Path, force: bool) -> None:
    if target.suffix != ".yaml":
        raise InputError("a recipe is a .yaml file", value=target)
    if target.exists() and not force:
        raise InputError("this file exists already", value=shown(target), hint="name another with --out, or --force")
    if not target.parent.is_dir():
        raise InputError("there is no such folder", value=target.parent, hint="make it, or name another with --out")


def _run(store: Store, search: Search, recipe: Recipe, parallel: int) -> Subject:
    with session(store) as services:
        check_methods(store, search, recipe)
        with services.starting(parallel) as where:
            from flows.tune import SearchRun, tune
        id_ = new_id()
        run = SearchRun(
            store=store,
            id=id_,
            origin=Origin(run=id_),
            console=services.console,
            search=search,
            recipe=recipe,
            parallel=parallel,
            children=Children(store, "tasks.tuning.trial", where.threads),
        )
        with services.prefect_in_words(GOES_ON):
            return tune.with_options(task_runner=where.task_runner(parallel))(run)


def _track(store: Store, found: dict[str, Any], page: Path, data: Path) -> None:
    """One MLflow run for the search as it is now, and one below it for each of its trials."""
    name = f"tune-{found['model']}"
    tags = {"galen.study": found["study"], "galen.dataset": found["dataset_digest"]}
    facts = ("model", "task", "method", "seed", "metric", "dataset", "dataset_digest", "validation", "asked", "space")
    with open_run(store, name, found["study"][:12], tags=tags) as parent:
        parent.params({key: found[key] for key in facts})
        for path in (page, data):
            parent.artifact(path)
        if found["best"]:
            parent.params({"best": {"trial": found["best"]["number"], **found["best"]["values"]}})
            importance = {f"importance.{path}": share for path, share in found["importance"].items()}
            parent.metrics({"best_value": found["best"]["value"], **importance})
        for one in found["trials"]:
            with open_run(store, name, f"trial {one['number']}", parent, tags={"galen.trial": one["state"]}) as child:
                child.params({**one["values"], "artifact": one["artifact"]})
                for point in one["curve"]:
                    child.metrics({"validation_loss": point["loss"]}, int(point["step"]))
                numbers = {"value": one["value"], "seconds": one["seconds"], "train_loss": one["train_loss"]}
                child.metrics({key: value for key, value in numbers.items() if value is not None})


def text_of(found: dict[str, Any]) -> str:
    """The best trials for a terminal."""
    ended = [one for one in found["trials"] if one["state"] == "complete"]
    ended.sort(key=lambda one: one["value"], reverse=found["better"] == "higher")
    names = list(found["space"])
    rows = []
    for one in ended[:SHOWN]:
        number = f"{one['number']}{' (recipe)' if one['own'] else ''}"
        rows.append((number, f"{one['value']:.5g}", *(one["values"][name] for name in names)))
    states = [one["state"] for one in found["trials"]]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    header = ("trial", metric_name(found["metric"]), *(name.partition(".")[2] for name in names))
    return f"{len(states)} trials: {counts}\n{table(header, rows)}"


def _raise_if_unfinished(found: dict[str, Any]) -> None:
    ended = [one for one in found["trials"] if one["state"] != "unfinished"]
    if len(ended) < found["asked"]:
        raise Stopped(f"{len(ended)} of {found['asked']} trials ended", hint=GOES_ON)
    if found["best"] is None:
        errors = [one["error"] for one in ended if one["error"]]
        if errors:
            raise GalenError.from_json(errors[0])
        raise InputError("no trial finished", hint="ask for more with --trials")

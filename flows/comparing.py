"""A comparison from its file to its report: checked before anything starts, and summed up however its arms end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.cluster import check_cluster
from flows.console import say, table
from flows.inputs import check_dataset
from flows.subject import new_id, session
from tasks.children import Children
from tasks.comparison.config import Comparison, Entry, base_recipe, entries, load_comparison, reported
from tasks.comparison.job import Result, kept, part_of
from tasks.comparison.report import estimate, judged_on, render
from tasks.comparison.summary import differing, summarise
from tasks.config.words import DATASET_TASK, Split
from tasks.data.params import one_dataset
from tasks.data.version import load_version
from tasks.errors import ConfigError, GalenError, InputError, Interrupted, Stopped
from tasks.evaluation.metric import metrics_of
from tasks.home import CHECKOUT, shown
from tasks.lineage import recording
from tasks.lineage.event import Origin
from tasks.lineage.looks import setup_of
from tasks.reports import write_report
from tasks.store import Store
from tasks.tracking.runs import open_run
from tasks.training.fit import check_fit
from tasks.training.recipe import Recipe


def run_comparison(
    store: Store,
    path: Path,
    *,
    methods: Sequence[str] = (),
    bases: Sequence[str] = (),
    seeds: int | None = None,
    parallel: int = 1,
    cluster: str | None = None,
    out: Path | None = None,
    report_only: bool = False,
    split: Split = "validation",
) -> dict[str, Any]:
    """Compare, and write `report.html` and `report.json` into `out`; returns what the report says.

    Args:
        store: where everything is kept.
        path: a comparison, or a recipe together with `methods`.
        methods, bases, seeds: see `tasks.comparison.config.load_comparison`.
        parallel: how many arms run at a time; on a cluster, how many share a node like this one.
        cluster: the address of a Ray cluster to run them on, or "local" for one on this machine.
        out: where kept results and reports lie; default: `GALEN_HOME/comparisons/NAME`.
        report_only: train nothing, read what is kept.
        split: that arms are judged on; each arm and seed on the test split is a look at it.

    Raises:
        InputError: something that was asked is wrong.
        GalenError: some arms failed or were stopped; the report is written. Its kind is that of the first error that
            trying again will not fix.
    """
    comparison = load_comparison(path, methods, bases, seeds)
    recipe = base_recipe(comparison)
    folder = (out if out is not None else store.root / "comparisons" / comparison.name).absolute()
    asked_for = entries(comparison)
    whole, covered = reported(path, comparison)
    unfinished: list[Entry] = []
    if not report_only:
        with store.locked(f"compare-{comparison.name}", wait=False):
            unfinished = _run(store, comparison, recipe, asked_for, folder, parallel, cluster, split)
    results = [(entry, kept(folder, entry, split)) for entry in covered]
    if not report_only:
        results = _of_this_run(results, asked_for, unfinished)
        if split == "test":
            _count_looks(store, results)
    found = summarise(whole, recipe, results, split)
    page, data = write_report(folder, found, render(found))
    if not report_only:
        _track(store, found, covered, page, data)
    say(f"\n{text_of(found)}\n\n{judged_on(found)}\nreport: {shown(page)}\n  json: {shown(data)}")
    ended = [(entry, result) for entry, result in results if entry in asked_for]
    _raise_if_failed(ended)
    if not report_only:
        _raise_if_missing(ended)
    return found


def _count_looks(store: Store, results: Sequence[tuple[Entry, Result | None]]) -> None:
    """Every arm and seed that was judged on a test split is a look at it; what was counted is not counted again."""
    for entry, result in results:
        if result and not result.get("error"):
            dataset = load_version(store, result["inputs"]["dataset"])
            setup = setup_of(entry.recipe, None, dataset, result["inputs"]["base"])
            recording.record_looked(store, entry.recipe.model, result["artifact"], dataset, "compare", setup)


def _of_this_run(
    results: Sequence[tuple[Entry, Result | None]], asked_for: Sequence[Entry], unfinished: Sequence[Entry]
) -> list[tuple[Entry, Result | None]]:
    """Without numbers from earlier runs that do not belong beside those of this one: they count as missing.

    Such are those of an arm that was to be made anew and was stopped, and those of arms that this run was not to make
    and that met other data or another base.
    """
    fresh = [
        (entry, None if entry in unfinished and result and not result.get("error") else result)
        for entry, result in results
    ]
    asked = [(entry, result) for entry, result in fresh if entry in asked_for]
    return [
        (entry, result if entry in asked_for or not differing([*asked, (entry, result)]) else None)
        for entry, result in fresh
    ]


def _run(
    store: Store,
    comparison: Comparison,
    recipe: Recipe,
    asked_for: list[Entry],
    out: Path,
    parallel: int,
    cluster: str | None,
    split: Split,
) -> list[Entry]:
    """Make the arms that are missing; returns those that did not end."""
    check_cluster(cluster)
    forgetting = _checked(comparison, recipe)
    with session(store) as services:
        _check_arms(store, comparison, asked_for)
        with services.starting(parallel, cluster) as where:
            from flows.compare import ComparisonRun, compare
        id_ = new_id()
        run = ComparisonRun(
            store=store,
            id=id_,
            origin=Origin(run=id_),
            console=services.console,
            comparison=comparison,
            recipe=recipe,
            out=out,
            parallel=parallel,
            children=Children(store, "tasks.comparison.arm", where.threads),
            forgetting=forgetting,
            place=where,
            split=split,
        )
        with services.prefect_in_words("run the same command again: finished arms are kept"):
            return compare.with_options(task_runner=where.task_runner(parallel))(run)


def _checked(comparison: Comparison, recipe: Recipe) -> Path | None:
    """See that datasets and texts are there and fit; the path of the text of `forgetting`."""
    check_dataset(recipe)
    task = DATASET_TASK[recipe.task]
    if comparison.metric is not None and comparison.metric not in metrics_of(task):
        hint = f"there are: {', '.join(metrics_of(task))}"
        raise InputError("metric: none of this task", value=comparison.metric, hint=hint)
    if comparison.transfer is not None:
        second = one_dataset(comparison.transfer).task
        if second != "text-classification" and not (second == task == "causal-lm"):
            hint = "use a dataset for text-classification; or one for causal-lm with models that write text"
            raise InputError(f"transfer: a dataset for {second} fits no arm", value=comparison.transfer, hint=hint)
    if comparison.forgetting is None:
        return None
    corpus = CHECKOUT / Path(comparison.forgetting).expanduser()
    if not corpus.is_file():
        raise InputError("forgetting: no such file", value=comparison.forgetting, hint="name a UTF-8 text file")
    return corpus


def _check_arms(store: Store, comparison: Comparison, asked_for: list[Entry]) -> None:
    """See that every arm's method, task and base fit together, all faults at once."""
    faults, seen = [], set()
    for entry in asked_for:
        if entry.arm not in seen:
            seen.add(entry.arm)
            try:
                check_fit(store, entry.recipe)
            except InputError as error:
                faults.append(f"arm {entry.arm}: {error}")
    if faults:
        raise ConfigError.of(comparison.name, faults)


def _track(store: Store, found: dict[str, Any], asked_for: list[Entry], page: Path, data: Path) -> None:
    """One MLflow run for the comparison, and one below it for every arm and seed that ended."""
    recipes = {(entry.arm, entry.seed): entry.recipe for entry in asked_for}
    name = str(found["name"])
    with open_run(store, name, name, tags={"galen.comparison": name}) as parent:
        said = ("task", "metric", "reference", "dataset", "dataset_digest", "split", "test")
        parent.params({key: found[key] for key in said})
        for path in (page, data):
            parent.artifact(path)
        for arm in found["arms"]:
            for result in arm["runs"]:
                with open_run(store, name, f"{arm['name']}, seed {result['seed']}", parent) as child:
                    child.params({"arm": arm["name"], "artifact": result["artifact"]})
                    child.params(part_of(recipes[arm["name"], result["seed"]])["recipe"])
                    child.metrics(_numbers(result))
                    for point in result["training"]["validation_curve"]:
                        child.metrics({"validation_loss": point["loss"]}, int(point["step"]))


def _numbers(result: Result) -> dict[str, float]:
    """The numbers of a result by flat names, for a tracker."""
    found = {name: one["value"] for name, one in result["quality"].items()}
    for key in ("parameters", "cost", "latency", "switched_off"):
        found |= {f"{key}.{name}": value for name, value in (result[key] or {}).items() if value is not None}
    for key in ("forgetting", "transfer"):
        if result[key]:
            found[f"{key}.change"] = result[key]["change"]
    return found | {"size_bytes": result["size_bytes"]}


def text_of(found: dict[str, Any]) -> str:
    """The table of arms for a terminal."""
    metric, rows = found["metric"], []
    for arm in found["arms"]:
        numbers = arm["numbers"]
        gained = "reference" if arm["name"] == found["reference"] else estimate(arm["gain"].get(metric), True)
        off = (arm["switched_off"] or {}).get(metric)
        rows.append(
            (
                arm["name"],
                f"{len(arm['finished'])} of {len(arm['seeds'])}",
                estimate(arm["quality"].get(metric)),
                gained if not arm["errors"] else f"failed: {arm['errors'][0]['error']}",
                "-" if off is None else f"{off:.3f}",
                None if numbers["parameters.trained"] is None else int(numbers["parameters.trained"]),
                *(None if numbers[key] is None else round(numbers[key]) for key in SHORT),
            )
        )
    header = ("arm", "seeds", metric, f"gain over {found['reference']}", "off", "weights", "s", "tokens/s", "MiB")
    return table(header, rows)


SHORT = ("cost.training_seconds", "cost.tokens_per_second", "cost.peak_memory_mib")


def _raise_if_missing(ended: Sequence[tuple[Entry, Result | None]]) -> None:
    """An arm without numbers and without an error was stopped from outside: a full disk, or a person."""
    if missing := [f"{entry.arm} (seed {entry.seed})" for entry, result in ended if result is None]:
        hint = "see that there is room on the disk; the same command goes on, finished arms are kept"
        raise Stopped(f"{len(missing)} trainings did not end", value=", ".join(missing), hint=hint)


def _raise_if_failed(ended: Sequence[tuple[Entry, Result | None]]) -> None:
    """One error for all arms that failed, of the kind of the first that trying again will not fix."""
    failed = [
        (entry.arm, GalenError.from_json(result["error"])) for entry, result in ended if result and "error" in result
    ]
    if not failed:
        return
    names = ", ".join(dict.fromkeys(name for name, _ in failed))
    worst = next((error for _, error in failed if not isinstance(error, Interrupted)), failed[0][1])
    what = f"{len(failed)} of {len(ended)} trainings failed, of arm {names}: {worst.what}"
    hint = "the report says why; the same command tries them again and keeps the others"
    raise type(worst)(what, value=worst.value, hint=hint)

"""Commands that work through Prefect: they train."""

from __future__ import annotations

from pathlib import Path

import click

from flows.cli.options import hand_store, pass_store
from flows.console import say
from tasks.errors import InputError
from tasks.store import Store


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--plan", "only_plan", is_flag=True, help="Say what would run, from which artifact, and how long; run nothing."
)
@pass_store
def retrain(store: Store, recipe: Path, only_plan: bool) -> None:
    """Take a recipe's dataset to a promoted, quantized model through every stage and gate."""
    say(f"galen retrain {recipe}")
    if only_plan:
        from flows.cli.plan import plan

        say(plan(store, recipe))
        return
    from flows.run import run_recipe

    run_recipe(store, recipe)


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--methods", help="Names, comma-separated: the arms, or of a comparison file the arms to keep.")
@click.option("--bases", help="Every arm on each of these bases, comma-separated: folder, recipes/bases name, package.")
@click.option("--seeds", type=click.IntRange(1, 100), help="How many for every arm.")
@click.option("--parallel", type=click.IntRange(1), default=1, show_default=True, help="Arms that run at a time.")
@click.option(
    "--ray", metavar="ADDRESS", help="On a Ray cluster: local (made here), auto, HOST:PORT or ray://HOST:PORT."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of results; default: in GALEN_HOME/comparisons.")
@click.option("--report-only", is_flag=True, help="Train nothing: make the report from the results that are kept.")
@click.option("--test", is_flag=True, help="Judge on the sealed test split: each arm and seed is a look at it.")
@pass_store
def compare(
    store: Store,
    recipe: Path,
    methods: str | None,
    bases: str | None,
    seeds: int | None,
    parallel: int,
    ray: str | None,
    out: Path | None,
    report_only: bool,
    test: bool,
) -> None:
    """Fine-tune by several methods on the same data, judge them on the validation split, and write one report.

    RECIPE is recipes/compare-NAME.yaml, or a recipe together with --methods. Finished arms are kept: run again to go
    on. An arm that fails does not stop the others; the exit code is then that of its error.
    """
    from flows.comparing import run_comparison

    if report_only and (ray or parallel > 1):
        raise InputError("--report-only runs no arm", hint="leave --parallel and --ray out")
    run_comparison(
        store,
        recipe,
        methods=_names(methods),
        bases=_names(bases),
        seeds=seeds,
        parallel=parallel,
        cluster=ray,
        out=out,
        report_only=report_only,
        split="test" if test else "validation",
    )


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--trials", type=click.IntRange(1), help="Trainings in all; a larger number later adds to the search.")
@click.option("--metric", help="Look for this metric on the validation split; default: the validation loss.")
@click.option("--parallel", type=click.IntRange(1), default=1, show_default=True, help="Trainings that run at a time.")
@click.option("--out", type=click.Path(path_type=Path), help="The new recipe; default: NAME-tuned.yaml beside the old.")
@click.option("--force", is_flag=True, help="Overwrite the new recipe.")
@click.option("--keep", is_flag=True, help="Keep what every trial trained, not the best one alone.")
@pass_store
def tune(
    store: Store,
    recipe: Path,
    trials: int | None,
    metric: str | None,
    parallel: int,
    out: Path | None,
    force: bool,
    keep: bool,
) -> None:
    """Search for better settings of a recipe on the validation split, and write them as a new recipe.

    RECIPE is recipes/tune-NAME.yaml, or a recipe together with --trials. What was tried is kept: run again to go on.
    """
    from flows.tuning import run_search

    run_search(store, recipe, trials=trials, metric=metric, parallel=parallel, out=out, force=force, keep=keep)


scheduled = click.argument("recipes", nargs=-1, type=click.Path(path_type=Path))


@click.command()
@scheduled
@hand_store
def schedule(store: Store, recipes: tuple[Path, ...]) -> None:
    """Run every recipe that has a schedule (or the RECIPES named), until stopped."""
    from flows.schedule import run_schedules

    run_schedules(store, list(recipes))


@click.command(hidden=True)
@scheduled
@click.pass_context
def serve(context: click.Context, recipes: tuple[Path, ...]) -> None:
    """The old name of `galen schedule`."""
    say("`galen serve` is now `galen schedule`", err=True)
    context.invoke(schedule, recipes=recipes)


def _names(text: str | None) -> list[str]:
    """`full, lora` as names."""
    return [name for part in (text or "").split(",") if (name := part.strip())]

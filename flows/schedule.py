"""Schedules: each recipe's `schedule:` becomes a Prefect deployment, run in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from flows.server import prefect_server
from tasks.errors import ConfigError, InputError, masked
from tasks.evaluation.policy import load_recipe
from tasks.home import CHECKOUT, shown
from tasks.store import Store
from tasks.training.recipe import Recipe

OTHERS = ("compare-", "tune-")
"""How the files in recipes/ begin that are comparisons and searches: no recipe, so no schedule."""


def scheduled_recipes(named: list[Path]) -> dict[Path, Recipe]:
    """The recipes to run: those named, else every one in recipes/ that has a schedule.

    Raises:
        ConfigError: recipes are wrong; all their faults together.
        InputError: there is nothing to run, a named recipe has no schedule, or two recipes train one model.
    """
    here = sorted((CHECKOUT / "recipes").glob("*.yaml"))
    paths = named or [path for path in here if not path.name.startswith(OTHERS)]
    found: dict[Path, Recipe] = {}
    faults: list[str] = []
    for path in paths:
        try:
            found[path] = load_recipe(path)
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError.of("the schedule", faults)
    if named and (without := [str(path) for path, recipe in found.items() if recipe.schedule is None]):
        raise InputError("no schedule in", value=", ".join(without), hint="add schedule: {cron: '0 3 * * 1'}")
    found = {path: recipe for path, recipe in found.items() if recipe.schedule}
    if not found:
        raise InputError("no recipe has a schedule", hint="add schedule: {cron: '0 3 * * 1', timezone: UTC} to one")
    models = [recipe.model for recipe in found.values()]
    if doubled := sorted({model for model in models if models.count(model) > 1}):
        raise InputError("two scheduled recipes train the same model", value=", ".join(doubled))
    return found


def run_schedules(store: Store, named: list[Path]) -> None:
    """Run scheduled recipes until stopped, on the server of PREFECT_API_URL or on an embedded one.

    Runs of one model never overlap: a run that is due while the last one still works is skipped.
    """
    recipes = scheduled_recipes(named)
    for path, recipe in recipes.items():
        assert recipe.schedule is not None
        click.echo(f"{recipe.model}: {shown(path)} at {recipe.schedule.cron} ({recipe.schedule.timezone})")
    with prefect_server(store, scheduler=True) as server:
        server.ready()
        click.echo(f"serving on {masked(server.url)}; stop with Ctrl-C")
        # The runner starts each run as a new Python process: it must import flows/ from this checkout.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        _run(recipes)


def _run(recipes: dict[Path, Recipe]) -> None:
    import asyncio

    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.runner import Runner
    from prefect.schedules import Cron

    from flows.scheduled import scheduled_retrain

    skip = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)

    class Scheduler(Runner):
        def handle_sigterm(self, *_args: object, **_kwargs: object) -> None:
            raise KeyboardInterrupt  # the clean way out of asyncio; Prefect's own ends in a traceback

    # One at a time on one machine: a second training would only slow the first.
    scheduler = Scheduler(limit=1, pause_on_shutdown=True)
    for path, recipe in recipes.items():
        if recipe.schedule:
            deployment: Any = scheduled_retrain.to_deployment(
                name=recipe.model,
                parameters={"recipe": str(path.resolve())},
                schedule=Cron(recipe.schedule.cron, timezone=recipe.schedule.timezone),
                concurrency_limit=skip,
            )
            scheduler.add_deployment(deployment)
    try:
        asyncio.run(scheduler.start())
    except KeyboardInterrupt:
        click.echo("stopped; schedules start again with the next galen schedule")

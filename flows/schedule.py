"""Schedules: each recipe's `schedule:` becomes a Prefect deployment, run in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flows.console import say
from flows.named import NAME, RECIPES, recipe_called
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
    here = sorted(RECIPES.glob("*.yaml"))
    paths = named or [path for path in here if not path.name.startswith(OTHERS)]
    found: dict[Path, Recipe] = {}
    faults: list[str] = []
    for path in paths:
        try:
            found[path] = load_recipe(recipe_called(_name_of(path)))
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


def _name_of(path: Path) -> str:
    """What a recipe is called where it runs by schedule.

    Raises:
        InputError: it does not lie in recipes/, or its name is none.
    """
    if path.resolve().parent != RECIPES or path.suffix != ".yaml" or not NAME.fullmatch(path.stem):
        hint = "scheduled recipes lie in recipes/ and have plain names: letters, digits, '.', '_' and '-'"
        raise InputError("this recipe cannot be scheduled", value=shown(path), hint=hint)
    return path.stem


def run_schedules(store: Store, named: list[Path]) -> None:
    """Run scheduled recipes until stopped, on the server of PREFECT_API_URL or on an embedded one.

    Runs of one model never overlap: a run that is due while the last one still works is skipped.
    """
    recipes = scheduled_recipes(named)
    for path, recipe in recipes.items():
        assert recipe.schedule is not None
        say(f"{recipe.model}: {shown(path)} at {recipe.schedule.cron} ({recipe.schedule.timezone})")
    with prefect_server(store, scheduler=True) as server:
        server.ready()
        say(f"serving on {masked(server.url)}; stop with Ctrl-C")
        if server.secret_file:
            say(f"its page asks for the secret in {shown(server.secret_file)}")
        # The runner starts each run as a new Python process: it must import flows/ from this checkout.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        try:
            _run(recipes)
        except KeyboardInterrupt:
            if server.lost:
                raise
            say("stopped; schedules start again with the next galen schedule")


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
                parameters={"recipe": path.stem},
                schedule=Cron(recipe.schedule.cron, timezone=recipe.schedule.timezone),
                concurrency_limit=skip,
            )
            scheduler.add_deployment(deployment)
    asyncio.run(scheduler.start())

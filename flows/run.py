"""One run of a recipe: what it is checked for before anything starts, and what is left behind when it ends."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.console import Console
from flows.inputs import decided_before, inputs_of
from flows.server import prefect_server
from tasks.artifact import locked
from tasks.config.words import DATASET_TASK
from tasks.data.params import one_dataset
from tasks.data.version import DatasetVersion
from tasks.errors import ApprovalNeeded, InputError, Interrupted
from tasks.evaluation.gate import Protocol
from tasks.evaluation.policy import load_recipe, protocol_of
from tasks.home import home
from tasks.lineage.event import Origin
from tasks.lineage.recording import record_nothing_to_do
from tasks.lineage.report import FormJudged
from tasks.release.register import mirror
from tasks.store import Store
from tasks.tracking import runs
from tasks.tracking.address import check_reachable
from tasks.training.fit import check_fit
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    from tasks.evaluation.baselines import Comparison


@dataclass
class Found:
    """What a run has come to so far, for its report."""

    dataset: DatasetVersion | None = None
    judged: list[FormJudged] = field(default_factory=list)
    baselines: list[Comparison] = field(default_factory=list)


@dataclass(frozen=True)
class Run:
    """What every step of a run needs to know of it."""

    id: str
    path: Path
    recipe: Recipe
    protocol: Protocol
    inputs: str
    """Digest of everything that the run depends on."""
    origin: Origin
    """Who or what asked, for the ledger."""
    tracking: runs.Run
    console: Console = field(default_factory=Console)
    found: Found = field(default_factory=Found)


def checked_recipe(path: Path) -> tuple[Recipe, Protocol]:
    """A recipe whose policy, dataset and tightening are right too.

    Raises:
        InputError, ConfigError: something of it is wrong.
    """
    recipe = load_recipe(path)
    protocol = protocol_of(recipe)
    dataset = one_dataset(recipe.dataset)
    if dataset.task != DATASET_TASK[recipe.task]:
        hint = f"dataset {recipe.dataset} is for {dataset.task}: change one of the two"
        raise InputError("the recipe and its dataset disagree about the task", value=recipe.task, hint=hint)
    return recipe, protocol


def run_recipe(path: Path, actor: str | None = None) -> str:
    """Retrain if anything changed; returns how it ended, in words.

    Args:
        path: the recipe.
        actor: who or what asked; default: the user at the keyboard.

    Raises:
        GalenError: see its kinds; every one leaves the ledger, the registry and the caches whole.
    """
    started = time.monotonic()
    recipe, protocol = checked_recipe(path)
    inputs = inputs_of(recipe, protocol)
    id_ = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    origin = Origin(actor=actor, run=id_) if actor else Origin(run=id_)
    with locked(f"model-{recipe.model}", wait=False):
        if decision := decided_before(recipe.model, inputs):
            text = f"nothing to do: nothing changed since {decision.text} ({decision.event.time:%Y-%m-%d %H:%M} UTC)"
            record_nothing_to_do(Store(home()), recipe, inputs, decision.text, decision.event, origin)
            mirror(recipe.model)  # a run that was killed between its decision and MLflow left the aliases behind
            if decision.outcome == "waiting":
                raise ApprovalNeeded(text, hint=approve_command(recipe.model, decision.event.facts["version"]))
            click.echo(text)
            return text
        return _retrain(path, recipe, protocol, inputs, origin, id_, started)


def _retrain(
    path: Path, recipe: Recipe, protocol: Protocol, inputs: str, origin: Origin, id_: str, started: float
) -> str:
    check_reachable(Store(home()))
    with ExitStack() as stack:
        server = stack.enter_context(prefect_server())  # starts while the base model is looked at
        check_fit(recipe)
        tags = {"galen.run": id_, "galen.recipe": recipe.model, "galen.inputs": inputs}
        tracked = stack.enter_context(runs.open_run(Store(home()), recipe.model, id_, tags=tags))
        run = Run(id_, path, recipe, protocol, inputs, origin, tracked)
        with run.console.stage("start services"):
            server.ready()
            from flows.retrain import retrain
        import httpx
        from prefect.exceptions import PrefectHTTPStatusError

        from flows.outcome import conclude

        with conclude(run, started) as outcome:
            try:
                outcome.version = retrain(recipe, run)
            except (httpx.HTTPError, PrefectHTTPStatusError) as error:
                raise Interrupted(
                    f"Prefect is gone ({type(error).__name__})", hint="run the same command again to go on"
                ) from error
    return outcome.text


def approve_command(model: str, version: int) -> str:
    """What a person types to promote a version that waits."""
    return f'galen approve {model}@{version} --by "YOUR NAME" --reason "..."'

"""One run of a recipe: what it is checked for before anything starts, and whether there is anything to do."""

from __future__ import annotations

import time
from pathlib import Path

from flows.console import say
from flows.inputs import check_dataset, damage, decided_before, inputs_of
from flows.subject import new_id, session
from tasks.errors import ApprovalNeeded
from tasks.evaluation.gate import Protocol
from tasks.evaluation.policy import load_recipe, protocol_of
from tasks.lineage.event import Origin
from tasks.lineage.recording import record_nothing_to_do
from tasks.release.register import mirror
from tasks.store import Store
from tasks.tracking.runs import open_run
from tasks.training.fit import check_fit, remarks
from tasks.training.recipe import Recipe


def checked_recipe(path: Path) -> tuple[Recipe, Protocol]:
    """A recipe whose policy, dataset and tightening are right too.

    Raises:
        InputError, ConfigError: something of it is wrong.
    """
    recipe = load_recipe(path)
    protocol = protocol_of(recipe)
    check_dataset(recipe)
    return recipe, protocol


def run_recipe(store: Store, path: Path, actor: str | None = None, id_: str | None = None) -> str:
    """Retrain if anything changed; returns how it ended, in words.

    Args:
        store: where everything is kept.
        path: the recipe.
        actor: who or what asked; default: the user at the keyboard.
        id_: of the run, and the name of its report's folder; a new one without it.

    Raises:
        GalenError: see its kinds; every one leaves the ledger, the registry and the caches whole.
    """
    started = time.monotonic()
    recipe, protocol = checked_recipe(path)
    inputs = inputs_of(store, recipe, protocol)
    id_ = id_ or new_id()
    origin = Origin(actor=actor, run=id_) if actor else Origin(run=id_)
    with store.locked(f"model-{recipe.model}", wait=False):
        decision = decided_before(store, recipe.model, inputs, protocol)
        if decision and (fault := damage(store, decision)):
            say(f"note: {fault}: what is damaged or gone is made again")
        elif decision:
            text = f"nothing to do: nothing changed since {decision.text} ({decision.event.time:%Y-%m-%d %H:%M} UTC)"
            record_nothing_to_do(store, recipe, inputs, decision.text, decision.event, origin)
            mirror(store, recipe.model)  # a run that was killed between its decision and MLflow left the aliases behind
            if decision.outcome == "waiting":
                raise ApprovalNeeded(text, hint=decision.hint)
            say(text)
            return text
        return _retrain(store, path, recipe, protocol, inputs, origin, id_, started)


def _retrain(
    store: Store,
    path: Path,
    recipe: Recipe,
    protocol: Protocol,
    inputs: str,
    origin: Origin,
    id_: str,
    started: float,
) -> str:
    tags = {"galen.run": id_, "galen.recipe": recipe.model, "galen.inputs": inputs}
    with session(store) as services:
        check_fit(store, recipe)
        for line in remarks(store, recipe):
            say(f"  note: {line}")
        with open_run(store, recipe.model, id_, tags=tags) as tracked:
            with services.starting():
                from flows.candidate import Run
                from flows.outcome import conclude
                from flows.retrain import retrain
            run = Run(
                store=store,
                id=id_,
                origin=origin,
                console=services.console,
                path=path,
                recipe=recipe,
                protocol=protocol,
                inputs=inputs,
                tracking=tracked,
            )
            with conclude(run, started) as outcome:
                with services.prefect_in_words("run the same command again to continue", lambda: run.found.concluded):
                    retrain(run)
                version = run.found.version
                assert version
                if waiting := run.found.waiting:
                    raise ApprovalNeeded(waiting.what, hint=waiting.hint)
                outcome.version = version
    return outcome.text

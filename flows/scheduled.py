"""What a schedule runs. Its process is started by Prefect's runner, and ends with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from prefect import flow
from prefect.client.schemas import State
from prefect.states import Completed, Failed

from flows.environment import set_up_environment
from flows.named import recipe_called
from flows.working import working
from tasks.errors import ApprovalNeeded, GalenError, GateRejected, in_words, of_machine
from tasks.lineage.not_started import NotStarted, report_of, write_not_started
from tasks.process import die_with_parent
from tasks.store import Store


@contextmanager
def left_behind(store: Store, run: NotStarted) -> Iterator[None]:
    """Leave a report of an error that ended a run before its chain began: nobody saw the console of a schedule."""
    try:
        yield
    except (ApprovalNeeded, GateRejected):
        raise
    except Exception as error:
        if not report_of(store, run.run).exists():
            said = error if isinstance(error, GalenError) else of_machine(error) or in_words(error)
            write_not_started(store, run, str(said))
        raise


@flow(name="scheduled-retrain", persist_result=False)
def scheduled_retrain(recipe: str) -> State:
    """Retrain one recipe if anything that it depends on has changed.

    Args:
        recipe: its name, as `recipes/NAME.yaml` has it. Whoever reaches the server says what stands here.
    """
    store = Store.of_environment()
    set_up_environment(store.root)
    die_with_parent()
    from flows.run import run_recipe
    from flows.subject import new_id

    path, id_, actor, started = recipe_called(recipe), new_id(), f"schedule:{recipe}", datetime.now(UTC)
    try:
        with left_behind(store, NotStarted(id_, recipe, started, actor)), working(store):
            outcome = run_recipe(store, path, actor, id_)
    except ApprovalNeeded as waiting:  # nothing failed: a person is to decide
        return Completed(name="Waiting for approval", message=str(waiting))
    except GateRejected as rejected:
        return Failed(name="Rejected", message=str(rejected))
    return Completed(message=outcome)

"""What a schedule runs. Its process is started by Prefect's runner, and ends with it."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas import State
from prefect.states import Completed, Failed

from flows.environment import set_up_environment
from flows.named import recipe_called
from flows.working import working
from tasks.errors import ApprovalNeeded, GateRejected
from tasks.process import die_with_parent
from tasks.store import Store


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

    path = recipe_called(recipe)
    try:
        with working(store):
            outcome = run_recipe(store, path, actor=f"schedule:{recipe}")
    except ApprovalNeeded as waiting:  # nothing failed: a person is to decide
        return Completed(name="Waiting for approval", message=str(waiting))
    except GateRejected as rejected:
        return Failed(name="Rejected", message=str(rejected))
    return Completed(message=outcome)

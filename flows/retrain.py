"""The whole chain on one screen."""

from __future__ import annotations

from prefect import flow

from flows import steps
from flows.run import Run
from tasks.data.stage import STAGES
from tasks.release.register import Version
from tasks.training.recipe import Recipe


@flow(name="retrain", flow_run_name="{recipe.model}", validate_parameters=False, persist_result=False)
def retrain(recipe: Recipe, run: Run) -> Version:
    """From a dataset to a promoted, quantized model.

    Every form of the candidate is judged on the sealed test split before the next one is made from it.

    Raises:
        GateRejected: a form did not pass its gates; nothing was registered.
        ApprovalNeeded: every gate passed, and a person must decide about the first release.
    """
    for stage in STAGES:
        steps.build_stage(run, stage)
    dataset = steps.seal(run)
    steps.push_data(run)
    base = steps.base_model(run)
    trained = steps.judged(run, steps.finetune(run, dataset, base), dataset, base)
    whole = (
        steps.judged(run, steps.merge(run, trained), dataset, base, trained)
        if steps.can_merge(run, trained)
        else trained
    )
    shipped = steps.judged(run, steps.quantize(run, whole), dataset, base, whole)
    steps.baselines(run, shipped, dataset, base)
    version = steps.register(run, shipped)
    return steps.promote(run, version)

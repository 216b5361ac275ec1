"""The whole chain on one screen."""

from __future__ import annotations

from prefect import flow

from flows import prepare, steps
from flows.steps import Run
from tasks.data.stage import STAGES
from tasks.release.register import Version


@flow(name="retrain", flow_run_name="{run.recipe.model}", validate_parameters=False, persist_result=False)
def retrain(run: Run) -> Version:
    """From a dataset to a promoted, quantized model, or to one that waits for a person (it is not promoted then).

    Every form of the candidate is judged on the sealed test split before the next one is made from it.

    Raises:
        GateRejected: a form did not pass its gates; nothing was registered.
    """
    for stage in STAGES:
        prepare.build_stage(run, run.recipe.dataset, stage)
    dataset = steps.seal(run)
    steps.push_data(run)
    base = prepare.base_model(run, run.recipe.base_model)
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

"""The whole chain on one screen."""

from __future__ import annotations

from prefect import flow

from flows import judging, prepare, steps
from flows.candidate import Run
from tasks.data.stage import STAGES
from tasks.release.register import Version


@flow(name="retrain", flow_run_name="{run.recipe.model}", validate_parameters=False, persist_result=False)
def retrain(run: Run) -> Version:
    """From a dataset to a promoted, quantized model, or to one that waits for a person (it is not promoted then).

    Every form of the candidate is screened on the validation split before the next one is made from it. If nothing
    speaks against any of them, all are judged on the sealed test split, which counts as one look at it.

    Raises:
        GateRejected: a form did not pass its gates; nothing was registered.
    """
    for stage in STAGES:
        prepare.build_stage(run, run.recipe.dataset, stage)
    dataset = steps.seal(run)
    steps.push_data(run)
    base = prepare.base_model(run, run.recipe.base_model)
    trained = steps.finetune(run, dataset, base)
    terms = judging.prepare(run, trained, dataset, base)
    forms = [judging.screened(run, trained, terms)]
    if steps.can_merge(run, forms[0]):
        forms.append(judging.screened(run, steps.merge(run, forms[-1]), terms, forms[-1]))
    forms.append(judging.screened(run, steps.quantize(run, forms[-1]), terms, forms[-1]))
    judging.look(run, trained, terms)
    shipped = judging.judged(run, forms[0], terms)
    for form in forms[1:]:
        shipped = judging.judged(run, form, terms, shipped)
    steps.baselines(run, shipped, dataset, base)
    version = steps.register(run, shipped)
    return steps.promote(run, version)

"""What was measured and judged into the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from tasks.artifact import Artifact
from tasks.lineage.event import Event, Origin
from tasks.lineage.statements import (
    EstimateFacts,
    Evaluated,
    GateFacts,
    JudgementBeside,
    JudgementSealed,
    Looked,
    Role,
    Screened,
    ScreenedSealed,
    SettingsFacts,
    SliceFacts,
)
from tasks.meta.form import Form, FormOrBase
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.data.version import DatasetVersion
    from tasks.evaluation.estimates import Estimate
    from tasks.evaluation.evaluation import Evaluation
    from tasks.evaluation.gate import Protocol
    from tasks.evaluation.judge import Verdict


def record_evaluated(
    store: Store,
    model: str,
    role: Role,
    form: FormOrBase,
    evaluation: Evaluation,
    origin: Origin | None = None,
) -> Event:
    """A model was measured; `form` is the artifact's kind, or "base". Subjects: the model and the measurement.

    An evaluation belongs to a test set, not to a dataset version: `dataset` is the one it was first made for.
    """
    statement = Evaluated(
        model=model,
        role=role,
        form=form,
        artifact=evaluation.model_digest,
        evaluation=evaluation.digest,
        dataset=evaluation.dataset,
        split=evaluation.split,
        test=evaluation.test,
        predictions=evaluation.artifact.files["predictions.parquet"],
        settings=SettingsFacts.model_validate(evaluation.settings.plain()),
        records=evaluation.records,
        groups=evaluation.groups,
        cut=evaluation.cut,
        metrics=_stated(evaluation.metrics),
        slices={
            name: SliceFacts(records=records, groups=groups, metrics=_stated(evaluation.slices[name]))
            for name, (records, groups) in evaluation.slice_sizes.items()
        },
    )
    subjects = {f"model/{model}/{statement.form}": statement.artifact, "evaluation": statement.evaluation}
    return statement.record(store, subjects, origin)


def _stated(metrics: Mapping[str, Estimate]) -> dict[str, EstimateFacts]:
    return {name: EstimateFacts(value=one.value, low=one.low, high=one.high) for name, one in metrics.items()}


def record_judged(
    store: Store,
    model: str,
    artifact: Artifact,
    verdict: Verdict,
    protocol: Protocol,
    dataset: DatasetVersion,
    origin: Origin | None = None,
    *,
    beside: Mapping[str, Evaluation] | None = None,
    evidence: Artifact | None = None,
) -> Event:
    """All gates answered: passed or failed, with each gate's reason. A rejection is recorded just as a pass is.

    On the validation split it states what was screened, which is no decision to release.

    Args:
        beside: the other measurements that the gates looked at, by what they call them.
        evidence: the sealed evidence (`tasks.evaluation.replay.keep`) from which the verdict can be computed again.
    """
    passed = verdict.worth_a_look if protocol.screens else verdict.passed
    facts = {
        "model": model,
        "form": Form(artifact.kind),
        "artifact": verdict.subject,
        "verdict": "passed" if passed else "failed",
        "gates": [GateFacts.model_validate(result.plain()) for result in verdict.results],
        "evaluation": verdict.evaluation,
        "protocol": verdict.protocol,
        "policy": protocol.policy,
        "dataset": dataset.digest,
        "beside": {name: one.digest for name, one in (beside or {}).items()},
    }
    subjects = {f"model/{model}/{artifact.kind}": verdict.subject}
    if evidence is None:
        return (Screened if protocol.screens else JudgementBeside)(**facts).record(store, subjects, origin)
    sealed = (ScreenedSealed if protocol.screens else JudgementSealed)(**facts, evidence=evidence.digest)
    return sealed.record(store, subjects | {"evidence": evidence.digest}, origin)


def record_looked(
    store: Store,
    model: str,
    artifact: str,
    dataset: DatasetVersion,
    purpose: Literal["retrain", "compare", "evaluate"],
    setup: str,
    origin: Origin | None = None,
) -> Event:
    """A candidate is about to be judged on the test split; said before, so that no look goes uncounted.

    Args:
        store: where everything is kept.
        model: its name, or what it is compared or evaluated as.
        artifact: digest of what training made; of something that was not trained here, of itself.
        dataset: whose test split it is.
        purpose: what for.
        setup: digest of what a person chose (`tasks.lineage.looks.setup_of`).
        origin: who or what looks.
    """
    statement = Looked(
        model=model,
        purpose=purpose,
        artifact=artifact,
        dataset=dataset.digest,
        dataset_name=dataset.name,
        test=dataset.split_digest("test"),
        groups=dataset.meta.groups["test"],
        setup=setup,
    )
    return statement.record(store, {f"dataset/{dataset.name}/test": statement.test, "candidate": artifact}, origin)

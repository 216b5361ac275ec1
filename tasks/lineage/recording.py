"""One function per kind of event: it collects what the event states, and records it. A flow calls each in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from tasks.artifact import Artifact
from tasks.digest import digest_data, digest_file, digest_tree
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.lineage.environment import hardware, libraries
from tasks.lineage.event import Event, Origin
from tasks.lineage.ledger import find
from tasks.lineage.overlap import overlap
from tasks.lineage.roles import resolve, roles
from tasks.lineage.statements import (
    Approved,
    DatasetSealed,
    Evaluated,
    GateFacts,
    Holder,
    Judgement,
    ModelDerived,
    ModelTrained,
    NothingToDo,
    Promoted,
    ProtocolFixed,
    Registered,
    SplitFacts,
)
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    from tasks.data.version import DatasetVersion
    from tasks.evaluation.estimates import Estimate
    from tasks.evaluation.evaluation import Evaluation
    from tasks.evaluation.gate import Protocol
    from tasks.evaluation.judge import Verdict


def record_sealed(store: Store, version: DatasetVersion, origin: Origin | None = None) -> Event:
    """A dataset version exists; its splits are compared again. Subjects: the version and each split's file."""
    from tasks.data.version import SPLITS

    meta = version.meta
    pipeline = store.root / "datasets" / f"{version.digest}.dvc"
    statement = DatasetSealed(
        name=version.name,
        dataset=version.digest,
        task=version.task,
        labels=version.labels,
        source=meta.source.plain(),
        licence=meta.licence,
        identified=meta.identified,
        deidentification={"method": meta.deidentification, "replaced": meta.phi},
        config=meta.config,
        splits={
            split: SplitFacts(
                digest=version.split_digest(split),
                records=meta.counts[split],
                groups=meta.groups[split],
            )
            for split in SPLITS
        },
        slices=meta.slices,
        rejected=meta.rejected,
        augmentation=meta.augmentation,
        membership=version.artifact.files["membership.parquet"],
        overlap=overlap(version),
        validation=meta.validation,
        pipeline=digest_tree(pipeline) if pipeline.is_dir() else None,
    )
    files = {f"dataset/{version.name}/{split}": version.split_digest(split) for split in SPLITS}
    return statement.record(store, {f"dataset/{version.name}": version.digest} | files, origin)


def record_protocol(
    store: Store, recipe: Recipe, dataset: DatasetVersion, protocol: Protocol, inputs: str, origin: Origin | None = None
) -> Event:
    """How the run will judge its model, before it trains; `inputs` is the digest of all that the run depends on."""
    statement = ProtocolFixed(
        model=recipe.model,
        recipe=digest_data(recipe.plain()),
        settings=recipe.plain(),
        protocol=protocol.digest,
        rules=protocol.plain(),
        dataset=dataset.digest,
        inputs=inputs,
    )
    return statement.record(store, {f"recipe/{recipe.model}": statement.recipe, "protocol": protocol.digest}, origin)


def record_trained(
    store: Store,
    recipe: Recipe,
    dataset: DatasetVersion,
    artifact: Artifact,
    protocol: Protocol,
    *,
    seconds: float,
    mlflow_run: str | None = None,
    origin: Origin | None = None,
) -> Event:
    """A model was trained: `artifact` is what `finetune` returned, `seconds` the wall time it took."""
    said = ModelMeta.read(artifact)
    statement = ModelTrained(
        model=recipe.model,
        intended_use=recipe.intended_use,
        form=said.form,
        artifact=artifact.digest,
        dataset=dataset.digest,
        dataset_name=dataset.name,
        learned_from=dataset.split_digest("train"),
        selected_on=dataset.split_digest("validation"),
        base=said.base.plain(),
        task=recipe.task,
        method=said.method.plain(),
        hyperparameters=recipe.training.plain(),
        seed=recipe.seed,
        policy=recipe.policy,
        recipe=digest_data(recipe.plain()),
        protocol=protocol.digest,
        lock=digest_file(CHECKOUT / "requirements.lock"),
        hardware=hardware(),
        libraries=libraries(),
        training=said.training.plain(),
        mlflow_run=mlflow_run,
        seconds=seconds,
    )
    return statement.record(store, {f"model/{recipe.model}/{said.form}": artifact.digest}, origin)


def record_derived(
    store: Store, model: str, artifact: Artifact, *, seconds: float, origin: Origin | None = None
) -> Event:
    """A model was merged or quantized: `artifact` is what `merge` or `quantize` returned.

    Raises:
        InputError: it was trained.
        IntegrityError: it does not say what a model must say.
    """
    said = ModelMeta.read(artifact)
    if said.form.step is None or said.parent is None:
        raise InputError(f"this {said.form} model was trained, not made from another form", value=artifact.digest)
    settings, checks = said.derivation()
    statement = ModelDerived(
        model=model,
        step=said.form.step,
        form=said.form,
        artifact=artifact.digest,
        parent=said.parent,
        base=said.base.plain(),
        dataset=said.dataset,
        config=settings,
        checks=checks,
        libraries=libraries(),
        seconds=seconds,
    )
    return statement.record(store, {f"model/{model}/{said.form}": artifact.digest}, origin)


def record_evaluated(
    store: Store,
    model: str,
    role: Literal["candidate", "base", "champion"],
    form: str,
    evaluation: Evaluation,
    origin: Origin | None = None,
) -> Event:
    """A model was measured; `form` is the artifact's kind, or "base". Subjects: the model and the measurement.

    An evaluation belongs to a test set, not to a dataset version: `dataset` is the one it was first made for.
    """
    statement = Evaluated.model_validate(
        {
            "model": model,
            "role": role,
            "form": form,
            "artifact": evaluation.model_digest,
            "evaluation": evaluation.digest,
            "dataset": evaluation.dataset,
            "split": evaluation.split,
            "test": evaluation.test,
            "predictions": evaluation.artifact.files["predictions.parquet"],
            "settings": evaluation.settings.plain(),
            "records": evaluation.records,
            "groups": evaluation.groups,
            "cut": evaluation.cut,
            "metrics": _plain(evaluation.metrics),
            "slices": {
                slice_: {"records": records, "groups": groups, "metrics": _plain(evaluation.slices[slice_])}
                for slice_, (records, groups) in evaluation.slice_sizes.items()
            },
        }
    )
    subjects = {f"model/{model}/{statement.form}": statement.artifact, "evaluation": statement.evaluation}
    return statement.record(store, subjects, origin)


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.plain() for name, estimate in metrics.items()}


def record_judged(
    store: Store,
    model: str,
    artifact: Artifact,
    verdict: Verdict,
    protocol: Protocol,
    dataset: DatasetVersion,
    origin: Origin | None = None,
) -> Event:
    """All gates answered: passed or failed, with each gate's reason. A rejection is recorded just as a pass is."""
    statement = Judgement.model_validate(
        {
            "model": model,
            "form": artifact.kind,
            "artifact": verdict.subject,
            "verdict": "passed" if verdict.passed else "failed",
            "gates": [GateFacts.model_validate(result.plain()) for result in verdict.results],
            "evaluation": verdict.evaluation,
            "protocol": verdict.protocol,
            "policy": protocol.policy,
            "dataset": dataset.digest,
        }
    )
    return statement.record(store, {f"model/{model}/{artifact.kind}": statement.artifact}, origin)


def record_registered(
    store: Store,
    model: str,
    artifact: Artifact,
    judged: str,
    *,
    merged: str | None,
    adapter: str | None,
    origin: Origin | None = None,
) -> Event:
    """A judged model became the next version; its number is `facts["version"]`, counted by the ledger from 1.

    Args:
        store: where everything made at run time lies.
        model: its name.
        artifact: the served form.
        judged: digest of the event that passed it.
        merged: digest of the merged form that it was made from; None where it is the served one or there is none.
        adapter: digest of the adapter; None where the method has none.
        origin: who or what registers.

    Raises:
        IntegrityError: the ledger does not verify, or holds no such event.
        InputError: the event did not pass this artifact.
    """
    facts = find(store, judged).facts
    if (facts.get("model"), facts.get("artifact"), facts.get("verdict")) != (model, artifact.digest, "passed"):
        raise InputError("this event did not pass this artifact", value=judged)
    said = ModelMeta.read(artifact)
    with store.locked(f"roles-{model}"):  # counted and recorded in one step: two runs never give one number twice
        statement = Registered(
            model=model,
            version=len(roles(store, model).versions) + 1,
            artifact=artifact.digest,
            merged=merged,
            adapter=adapter,
            dataset=said.dataset,
            base=said.base.plain(),
            judged=judged,
        )
        return statement.record(store, {f"model/{model}@{statement.version}": artifact.digest}, origin)


def record_approved(
    store: Store, model: str, version: int, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person allows a version to be promoted; `name` and `reason` are in that person's words.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: there is no such version, or name or reason are blank.
    """
    if not (name.strip() and reason.strip()):
        raise InputError("an approval needs a name and a reason", hint='--by "YOUR NAME" --reason "..."')
    chosen = resolve(store, f"{model}@{version}")
    statement = Approved(
        model=model,
        version=version,
        artifact=chosen.artifact,
        registered=chosen.registered.digest,
        name=name.strip(),
        meaning="approved for promotion",
        reason=reason.strip(),
    )
    return statement.record(store, {f"model/{model}@{version}": chosen.artifact}, origin)


def record_promoted(
    store: Store, model: str, version: int, *, approved: Event | None = None, origin: Origin | None = None
) -> Event:
    """A registered version became champion; the event names the champion before it, and the approval it rests on.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: there is no such version, or the approval is of another one.
    """
    with store.locked(f"roles-{model}"):
        chosen = resolve(store, f"{model}@{version}")
        if approved and approved.facts.get("registered") != chosen.registered.digest:
            raise InputError("this approval is of another version", value=f"event {approved.sequence}")
        before = roles(store, model).champion
        statement = Promoted(
            model=model,
            version=version,
            artifact=chosen.artifact,
            previous=before and Holder(version=before.number, artifact=before.artifact),
            registered=chosen.registered.digest,
            approved=approved.digest if approved else None,
        )
        return statement.record(store, {f"model/{model}@champion": chosen.artifact}, origin)


def record_nothing_to_do(
    store: Store, recipe: Recipe, inputs: str, reason: str, decided: Event | None = None, origin: Origin | None = None
) -> Event:
    """Nothing changed since the last decision: nothing was trained.

    Args:
        store: where everything made at run time lies.
        recipe: what was asked for.
        inputs: digest of everything that the run depends on.
        reason: in words.
        decided: the event that decided about the same inputs.
        origin: who or what asked.
    """
    statement = NothingToDo(
        model=recipe.model,
        recipe=digest_data(recipe.plain()),
        inputs=inputs,
        reason=reason,
        decided=decided.digest if decided else None,
    )
    return statement.record(store, {f"recipe/{recipe.model}": statement.recipe}, origin)

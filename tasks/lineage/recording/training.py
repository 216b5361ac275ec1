"""Training, and the steps that make other forms, into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.artifact import Artifact
from tasks.digest import digest_data, digest_file
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.lineage.environment import hardware, libraries
from tasks.lineage.event import Event, Origin
from tasks.lineage.statements import BaseFacts, MethodFacts, ModelDerived, ModelTrained, ProtocolFixed, RecipeFacts
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    from tasks.data.version import DatasetVersion
    from tasks.evaluation.gate import Protocol


def record_protocol(
    store: Store, recipe: Recipe, dataset: DatasetVersion, protocol: Protocol, inputs: str, origin: Origin | None = None
) -> Event:
    """How the run will judge its model, before it trains; `inputs` is the digest of all that the run depends on."""
    statement = ProtocolFixed(
        model=recipe.model,
        recipe=digest_data(recipe.plain()),
        settings=RecipeFacts.model_validate(recipe.plain()),
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
        base=BaseFacts(digest=said.base.digest, ref=said.base.ref),
        task=recipe.task,
        method=MethodFacts.model_validate(said.method.plain()),
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
        base=BaseFacts(digest=said.base.digest, ref=said.base.ref),
        dataset=said.dataset,
        config=settings,
        checks=checks,
        libraries=libraries(),
        seconds=seconds,
    )
    return statement.record(store, {f"model/{model}/{said.form}": artifact.digest}, origin)

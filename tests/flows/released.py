"""A minute model with one version, as a retraining would leave it, without Prefect and MLflow."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tasks.config.evaluation import EvaluationSettings
from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef, Training
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evidence import Evidence, Losses
from tasks.evaluation.gate import Protocol
from tasks.evaluation.judge import judge
from tasks.evaluation.policy import load_policy
from tasks.lineage import recording
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.recipe import Recipe
from tests.factories import dataset_version, tiny_bert
from tests.lineage.chain import ORIGIN

RECIPE = Recipe(
    model="tiny",
    task="text-classification",
    intended_use="tests of galen evaluate",
    base_model=BaseModelRef(folder="somewhere"),
    dataset="factory",
    method={"name": "lora", "rank": 4, "alpha": 8},
    training=Training(max_steps=12, batch_tokens=256, learning_rate=1e-2, checkpoints=0, evaluations=1),
    policy="classification-default",
)


@dataclass(frozen=True)
class Made:
    """A model whose one version is the champion."""

    store: Store
    dataset: DatasetVersion
    merged: str
    quantized: str

    def folder(self, digest: str, place: Path) -> Path:
        """A copy of an artifact, elsewhere."""
        shutil.copytree(self.store.folder(digest), place)
        return place


def released(place: Path) -> Made:
    """Train it in a store of its own, and state in the ledger what a retraining would."""
    from tasks.release.merge import merge
    from tasks.release.quantize import quantize
    from tasks.training.resolve import resolve_base
    from tasks.training.train import finetune

    store, base = Store(place / "home"), tiny_bert(place / "bert")
    recipe = RECIPE.model_copy(update={"base_model": BaseModelRef(folder=str(base))})
    dataset = dataset_version(store, "text-classification", 120, name="factory")
    adapter = finetune(store, recipe, dataset, resolve_base(store, recipe.base_model))
    merged = merge(store, adapter)
    small = quantize(store, merged, Quantization())
    chosen = load_policy("classification-default")
    gates = tuple(gate for gate in chosen.gates if gate.kind == "train-gap")
    protocol = Protocol(
        "text-classification", "classification-default", gates, EvaluationSettings(), "base", rules=chosen.digest
    )
    recording.record_sealed(store, dataset, ORIGIN)
    recording.record_protocol(store, recipe, dataset, protocol, "f" * 64, ORIGIN)
    recording.record_trained(store, recipe, dataset, adapter, protocol, seconds=1.0, origin=ORIGIN)
    recording.record_looked(store, "tiny", adapter.digest, dataset, "retrain", "5" * 64, ORIGIN)
    evaluation = evaluate(store, small, dataset, EvaluationSettings())
    losses = ModelMeta.read(small).training
    verdict = judge(protocol, Evidence(evaluation, losses=Losses(losses.train_loss, losses.validation_loss)))
    judged = recording.record_judged(store, "tiny", small, verdict, protocol, dataset, ORIGIN)
    recording.record_registered(
        store, "tiny", small, judged.digest, merged=merged.digest, adapter=adapter.digest, origin=ORIGIN
    )
    recording.record_promoted(store, "tiny", 1, origin=ORIGIN)
    return Made(store, dataset, merged.digest, small.digest)

"""A whole chain of artifacts and events, as a run would leave it, without training anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from tasks.artifact import Artifact, make
from tasks.config import BaseModelRef, Recipe
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.lineage import recording
from tasks.lineage.event import Event, Origin
from tests.factories import dataset_version

ORIGIN = Origin(actor="user:test", run="run-1", code={"commit": None, "dirty": True, "declared_digest": "c" * 64})
SETTINGS = SimpleNamespace(plain=lambda: {"confidence": 0.95})


def recipe(model: str = "m", seed: int = 17) -> Recipe:
    return Recipe(
        model=model,
        task="text-classification",
        intended_use="tests of the lineage",
        base_model=BaseModelRef(folder="somewhere"),
        dataset="factory",
        method={"name": "lora"},
        policy="default",
        seed=seed,
    )


def artifact(kind: str, meta: Mapping[str, Any], content: str = "weights") -> Artifact:
    def build(folder: Any) -> Mapping[str, Any]:
        (folder / "model.safetensors").write_text(content)
        if kind == "evaluation":
            (folder / "predictions.parquet").write_text("predictions")
        return meta

    return make(kind, {"meta": dict(meta), "content": content}, build, code="0" * 64)


@dataclass(frozen=True)
class Chain:
    recipe: Recipe
    dataset: DatasetVersion
    base: Artifact
    adapter: Artifact
    merged: Artifact
    quantized: Artifact
    evaluations: dict[str, Any]
    judged: dict[str, Event]


def build_chain(
    model: str = "m", *, seed: int = 17, passed: bool = True, dataset: DatasetVersion | None = None
) -> Chain:
    """Sealed, trained, merged, quantized, and all forms judged; neither registered nor promoted."""
    wanted = recipe(model, seed)
    dataset = dataset or dataset_version("text-classification", 30, name="factory")
    protocol: Any = SimpleNamespace(digest="e" * 64, policy="default", plain=lambda: {"gates": []})
    base = artifact("base", {"name": "tiny"})
    shared = {
        "task": "text-classification",
        "labels": dataset.labels,
        "method": {"name": "lora"},
        "base": {"digest": base.digest, "ref": {"base": "tiny"}},
        "dataset": dataset.digest,
        "recipe": wanted.plain(),
        "training": {"steps": 3, "train_loss": 1.0, "validation_loss": 1.1},
    }
    adapter = artifact("adapter", shared | {"parent": None}, f"adapter {seed}")
    merged = artifact("merged", shared | {"parent": adapter.digest, "merge": {"kl": 1e-6}}, f"merged {seed}")
    small = artifact("quantized", shared | {"parent": merged.digest, "quantization": {"bits": 4.1}}, f"small {seed}")

    recording.record_sealed(dataset, ORIGIN)
    recording.record_protocol(wanted, dataset, protocol, digest_data(seed), ORIGIN)
    recording.record_trained(wanted, dataset, adapter, protocol, seconds=1.0, origin=ORIGIN)
    evaluations, judged = {}, {}
    for form in (adapter, merged, small):
        if form is not adapter:
            recording.record_derived(model, form, seconds=0.5, origin=ORIGIN)
        evaluation = evaluation_of(form, dataset)
        recording.record_evaluated(model, "candidate", form.kind, evaluation, ORIGIN)
        verdict = verdict_of(form, evaluation, protocol.digest, passed or form is not small)
        judged[form.kind] = recording.record_judged(model, form, verdict, protocol, dataset, ORIGIN)
        evaluations[form.kind] = evaluation
    return Chain(wanted, dataset, base, adapter, merged, small, evaluations, judged)


def release(chain: Chain) -> Event:
    """Register and promote the served form."""
    registered = recording.record_registered(
        chain.recipe.model,
        chain.quantized,
        chain.judged["quantized"].digest,
        merged=chain.merged.digest,
        adapter=chain.adapter.digest,
        origin=ORIGIN,
    )
    return recording.record_promoted(chain.recipe.model, registered.facts["version"], origin=ORIGIN)


def evaluation_of(model: Artifact, dataset: DatasetVersion) -> Any:
    metrics = {"macro_f1": SimpleNamespace(plain=lambda: {"value": 0.8, "low": 0.7, "high": 0.9})}
    made = artifact("evaluation", {"model": model.digest, "test": dataset.split_digest("test")}, model.digest)
    return SimpleNamespace(
        artifact=made,
        digest=made.digest,
        model_digest=model.digest,
        dataset=dataset.digest,
        split="test",
        test=dataset.split_digest("test"),
        settings=SETTINGS,
        metrics=metrics,
        slices={"category=skin": metrics},
    )


def verdict_of(model: Artifact, evaluation: Any, protocol: str, passed: bool) -> Any:
    outcome = "passed" if passed else "failed"
    gate = {"name": "f1", "slice": None, "outcome": outcome, "reason": "0.8, at least 0.5", "value": 0.8, "limit": 0.5}
    return SimpleNamespace(
        subject=model.digest,
        evaluation=evaluation.digest,
        protocol=protocol,
        passed=passed,
        results=[SimpleNamespace(plain=lambda: gate)],
    )

"""A whole chain of artifacts and events, as a run would leave it, without training anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.gate import GateResult, Protocol
from tasks.evaluation.gates.threshold import Threshold
from tasks.evaluation.judge import Verdict
from tasks.lineage import recording
from tasks.lineage.event import Event, Origin
from tasks.meta.base import BaseMeta
from tasks.meta.evaluation import EvaluationMeta, SubjectMeta
from tasks.meta.form import Form
from tasks.meta.model import DifferenceMeta, MergeMeta, ModelMeta, QuantizationChecks, QuantizationMeta
from tasks.store import Store
from tasks.training.recipe import Recipe
from tests.factories import dataset_version
from tests.records import model_meta

ORIGIN = Origin(actor="user:test", run="run-1", code={"commit": None, "dirty": True, "declared_digest": "c" * 64})


ALIKE = DifferenceMeta(kl=0.0, max_logit_difference=0.0, top1_agreement=1.0)
MERGE = MergeMeta(
    base="original",
    dtype="float32",
    changed=4,
    tied_embeddings=False,
    tokenizer="t" * 64,
    from_adapter=ALIKE,
    saved_from_adapter=ALIKE,
)
CHECKS = QuantizationChecks(
    layers=4,
    left_out=[],
    bits_per_parameter=4.127,
    bytes=4096,
    parent_bytes=8192,
    weight_error=0.1,
    from_parent=ALIKE,
)


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


def artifact(store: Store, kind: str, meta: Mapping[str, Any], files: Mapping[str, str]) -> Artifact:
    def build(folder: Any) -> Mapping[str, Any]:
        for name, content in files.items():
            (folder / name).write_text(content)
        return meta

    return store.make(kind, {"meta": dict(meta), "files": dict(files)}, build, code="0" * 64)


def weights(content: str) -> dict[str, str]:
    return {"model.safetensors": content}


@dataclass(frozen=True)
class Chain:
    recipe: Recipe
    dataset: DatasetVersion
    base: Artifact
    adapter: Artifact
    merged: Artifact
    quantized: Artifact
    evaluations: dict[str, Evaluation]
    judged: dict[str, Event]


def build_chain(
    store: Store,
    model: str = "m",
    *,
    seed: int = 17,
    passed: bool = True,
    dataset: DatasetVersion | None = None,
    policy: str = "default",
    rules: str | None = None,
) -> Chain:
    """Sealed, trained, merged, quantized, and all forms judged; neither registered nor promoted."""
    wanted = recipe(model, seed)
    dataset = dataset or dataset_version(store, "text-classification", 30, name="factory")
    protocol = protocol_named(policy)
    protocol = replace(protocol, rules=rules) if rules else protocol
    said = BaseMeta(name="tiny", spec={}, corpus="c" * 64, training={})
    base = artifact(store, "base", said.plain(), weights("base"))
    trained = model_meta(Form.ADAPTER, "text-classification", dataset.labels, base.digest, dataset=dataset.digest)
    adapter = artifact(store, "adapter", trained.plain(), weights(f"adapter {seed}"))
    whole = trained.merged(adapter.digest, MERGE)
    merged = artifact(store, "merged", whole.plain(), weights(f"merged {seed}"))
    shipped = whole.quantized(merged.digest, QuantizationMeta.of(Quantization(), CHECKS))
    small = artifact(store, "quantized", shipped.plain(), weights(f"small {seed}"))

    recording.record_sealed(store, dataset, ORIGIN)
    recording.record_protocol(store, wanted, dataset, protocol, digest_data(seed), ORIGIN)
    recording.record_trained(store, wanted, dataset, adapter, protocol, seconds=1.0, origin=ORIGIN)
    evaluations, judged = {}, {}
    for form in (adapter, merged, small):
        if form is not adapter:
            recording.record_derived(store, model, form, seconds=0.5, origin=ORIGIN)
        evaluation = evaluation_of(store, form, dataset)
        recording.record_evaluated(store, model, "candidate", Form(form.kind), evaluation, ORIGIN)
        verdict = verdict_of(form, evaluation, protocol, passed or form is not small)
        judged[form.kind] = recording.record_judged(store, model, form, verdict, protocol, dataset, ORIGIN)
        evaluations[form.kind] = evaluation
    return Chain(wanted, dataset, base, adapter, merged, small, evaluations, judged)


def release(store: Store, chain: Chain) -> Event:
    """Register and promote the served form."""
    registered = recording.record_registered(
        store,
        chain.recipe.model,
        chain.quantized,
        chain.judged["quantized"].digest,
        merged=chain.merged.digest,
        adapter=chain.adapter.digest,
        origin=ORIGIN,
    )
    return recording.record_promoted(store, chain.recipe.model, registered.facts["version"], origin=ORIGIN)


def protocol_named(policy: str) -> Protocol:
    gate = Threshold(name="good-enough", kind="threshold", metric="macro_f1", min=0.5)
    return Protocol("text-classification", policy, (gate,), EvaluationSettings(), "base")


def evaluation_of(store: Store, model: Artifact, dataset: DatasetVersion) -> Evaluation:
    subject = SubjectMeta(
        digest=model.digest, form=Form(model.kind), parent=ModelMeta.read(model).parent, base="b" * 64
    )
    meta = EvaluationMeta(
        subject=subject,
        task=dataset.task,
        labels=dataset.labels,
        split="test",
        test=dataset.split_digest("test"),
        settings=EvaluationSettings(),
        records=6,
        groups=3,
        cut=0,
    )
    counted = {"records": 6, "groups": 3, "metrics": {"macro_f1": {"value": 0.8, "low": 0.7, "high": 0.9}}}
    files = {
        "metrics.json": json.dumps(counted | {"slices": {"category=skin": counted}}),
        "predictions.parquet": f"predictions of {model.digest}",
    }
    return Evaluation(artifact(store, "evaluation", meta.plain(), files), dataset.digest)


def verdict_of(model: Artifact, evaluation: Evaluation, protocol: Protocol, passed: bool) -> Verdict:
    outcome: Any = "passed" if passed else "failed"
    result = GateResult("good-enough", None, outcome, "macro_f1 is 0.8, at least 0.5 is asked", 0.8, 0.5)
    return Verdict(model.digest, evaluation.digest, protocol.digest, (result,))

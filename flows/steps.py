"""The steps of a retraining: functions of tasks/ as Prefect tasks.

A step does its work through one function of tasks/, then states in the ledger what happened. Prefect's own caching
and result persistence stay off: sealed artifacts are the only cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flows.console import Row
from flows.prepare import adopted, described
from flows.subject import Subject, step
from tasks.artifact import Artifact
from tasks.data import dvc
from tasks.data.version import DatasetVersion
from tasks.evaluation import baselines as rivals
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import AsServed, Evidence, Losses
from tasks.evaluation.gate import Protocol
from tasks.evaluation.judge import Judged, judge
from tasks.lineage import recording
from tasks.lineage.outcomes import gates_in_words, judged_in_words, records_in_words
from tasks.lineage.report import FormJudged
from tasks.lineage.roles import approval_of, roles
from tasks.lineage.statements import Role
from tasks.meta.form import Form as Kind
from tasks.meta.form import FormOrBase
from tasks.meta.model import ModelMeta, TrainingMeta
from tasks.release import merge as merging
from tasks.release import quantize as quantizing
from tasks.release import register as registry
from tasks.release.as_served import as_served
from tasks.release.merge import cannot_merge
from tasks.release.register import Version
from tasks.tracking import runs as tracking
from tasks.training.bases import Base
from tasks.training.method import method_of, options_of
from tasks.training.recipe import Recipe
from tasks.training.train import finetune as train


@dataclass
class Found:
    """What a run has come to so far, for its report."""

    dataset: DatasetVersion | None = None
    training: TrainingMeta | None = None
    judged: list[FormJudged] = field(default_factory=list)
    baselines: list[rivals.Comparison] = field(default_factory=list)
    version: Version | None = None
    concluded: bool = False
    """Whether its last decision was made: what comes after it is only told."""


@dataclass(frozen=True, kw_only=True)
class Run(Subject):
    """What every step of a retraining needs to know of it."""

    path: Path
    recipe: Recipe
    protocol: Protocol
    inputs: str
    """Digest of everything that the run depends on."""
    tracking: tracking.Run
    found: Found = field(default_factory=Found)


@dataclass(frozen=True)
class Form:
    """A form of the candidate that passed its gates, with the event that says so."""

    judged: Judged
    event: str
    """Digest of the `judged` event."""
    parent: Form | None = None

    @property
    def artifact(self) -> Artifact:
        """The model."""
        return self.judged.artifact

    def ancestor(self, kind: Kind) -> str | None:
        """Digest of the adapter or merged form that this one was made from."""
        form: Form | None = self
        while form is not None and form.artifact.kind != kind:
            form = form.parent
        return form.artifact.digest if form else None


@step("data: version")
def seal(run: Run, row: Row) -> DatasetVersion:
    """Adopt the sealed dataset version, and fix how the model will be judged on it."""
    dataset = run.found.dataset = adopted(run, run.recipe.dataset)
    row.detail = f"{described(dataset)}; {sum(dataset.meta.rejected.values()):,} rows rejected"
    recording.record_protocol(run.store, run.recipe, dataset, run.protocol, run.inputs, run.origin)
    # Parsed, so that what training logs later is the same to the letter: MLflow lets no parameter change.
    run.tracking.params(run.recipe.plain())
    for split in ("train", "validation", "test"):
        run.tracking.dataset(dataset, split)
    return dataset


@step("data: push")
def push_data(run: Run, row: Row) -> None:
    """Copy the version to DVC's remote before anything learns from it: what the ledger names must not be lost."""
    dvc.push(run.store, run.recipe.dataset)


@step("fine-tune")
def finetune(run: Run, row: Row, dataset: DatasetVersion, base: Base) -> Artifact:
    """Train the recipe's method."""
    started = time.monotonic()
    artifact = train(run.store, run.recipe, dataset, base, track=run.tracking)
    row.stage = f"fine-tune ({run.recipe.method.name})"
    training = run.found.training = ModelMeta.read(artifact).training
    _describe(row, artifact)
    row.detail += f"; {records_in_words(training)}"
    recording.record_trained(
        run.store,
        run.recipe,
        dataset,
        artifact,
        run.protocol,
        seconds=time.monotonic() - started,
        mlflow_run=run.tracking.run_id,
        origin=run.origin,
    )
    return artifact


@step("judge")
def judged(
    run: Run, row: Row, artifact: Artifact, dataset: DatasetVersion, base: Base, parent: Form | None = None
) -> Form:
    """Evaluate a form of the candidate on the sealed test split, and let every gate decide.

    Raises:
        GateRejected: a gate failed or could not be judged.
    """
    row.stage = f"judge {artifact.kind}"
    model, settings = run.recipe.model, run.recipe.evaluation
    candidate = _evaluated(run, "candidate", artifact, dataset)
    champion = roles(run.store, model).champion
    training = ModelMeta.read(artifact).training
    evidence = Evidence(
        candidate,
        base=_evaluated(run, "base", base, dataset),
        champion=_evaluated(run, "champion", registry.resolve(run.store, f"{model}@champion")[1], dataset)
        if champion
        else None,
        parent=evaluate(run.store, parent.artifact, dataset, settings) if parent else None,
        others=rivals.simple_rivals(run.store, dataset, settings, run.protocol.rivals()),
        served=_asked(run, artifact, candidate, dataset),
        losses=Losses(training.train_loss, training.validation_loss),
        first_release=champion is None,
    )
    verdict = judge(run.protocol, evidence)
    event = recording.record_judged(
        run.store, model, artifact, verdict, run.protocol, dataset, run.origin, beside=evidence.beside
    )
    run.tracking.metrics({f"{artifact.kind}.{name}": one.value for name, one in candidate.metrics.items()})
    row.verdict = "passed" if verdict.passed else "rejected"
    row.detail = gates_in_words([result.outcome for result in verdict.results])
    row.detail += judged_in_words(candidate, dataset.meta.counts["test"])
    run.found.judged.append(FormJudged(artifact.kind, candidate, verdict))
    if not verdict.passed:  # the run ends here: the report shows what it lost to
        beside = {"untrained base": evaluate(run.store, base, dataset, settings), **evidence.others}
        run.found.baselines.extend(rivals.against(candidate, beside, settings))
    return Form(Judged(artifact, candidate, verdict), event.digest, parent)


def _evaluated(run: Run, role: Role, model: Artifact | Base, dataset: DatasetVersion) -> Evaluation:
    """Evaluate on the test split, and state it; what was stated before is not stated twice."""
    evaluation = evaluate(run.store, model, dataset, run.recipe.evaluation)
    form: FormOrBase = Kind(model.kind) if isinstance(model, Artifact) else "base"
    recording.record_evaluated(run.store, run.recipe.model, role, form, evaluation, run.origin)
    return evaluation


def _asked(run: Run, artifact: Artifact, candidate: Evaluation, dataset: DatasetVersion) -> AsServed | None:
    """What the served form says to raw texts, where a gate wants to know."""
    wanted = artifact.kind == Kind.QUANTIZED and any(gate.asks_served for gate in run.protocol.gates)
    return as_served(run.store, artifact, candidate, dataset) if wanted else None


def can_merge(run: Run, trained: Form) -> bool:
    """Whether what was trained is an adapter to merge. One that cannot be gets a line that says so."""
    if trained.artifact.kind != Kind.ADAPTER:
        return False
    method = method_of(options_of(ModelMeta.read(trained.artifact)))
    if not method.mergeable:
        with run.console.stage("merge") as row:
            row.verdict, row.detail = "skipped", cannot_merge(method)
    return method.mergeable


@step("merge")
def merge(run: Run, row: Row, adapter: Form) -> Artifact:
    """Make the adapter part of the base's weights; checked weight by weight."""
    return _derived(run, row, lambda: merging.merge(run.store, adapter.artifact))


@step("quantize")
def quantize(run: Run, row: Row, whole: Form) -> Artifact:
    """Make the served form, reloaded from disk and checked: of a merged model, or an adapter that cannot be merged."""
    return _derived(run, row, lambda: quantizing.quantize(run.store, whole.artifact, run.recipe.quantization))


def _derived(run: Run, row: Row, work: Callable[[], Artifact]) -> Artifact:
    started = time.monotonic()
    artifact = work()
    _describe(row, artifact)
    recording.record_derived(
        run.store, run.recipe.model, artifact, seconds=time.monotonic() - started, origin=run.origin
    )
    return artifact


@step("baselines")
def baselines(run: Run, row: Row, shipped: Form, dataset: DatasetVersion, base: Base) -> None:
    """Compare what will be served with simple rivals on the same test split, for the report."""
    found = rivals.compare(run.store, shipped.judged.evaluation, dataset, base, run.recipe.evaluation)
    run.found.baselines.extend(found)
    row.detail = rivals.counted(found)


@step("register")
def register(run: Run, row: Row, shipped: Form) -> Version:
    """Make the judged bytes a version of the registry."""
    version = run.found.version = registry.register(
        run.store,
        shipped.judged,
        run.recipe.model,
        judged_event=shipped.event,
        merged=shipped.ancestor(Kind.MERGED),
        adapter=shipped.ancestor(Kind.ADAPTER),
        run=run.tracking,
        origin=run.origin,
    )
    row.detail = f"{run.recipe.model} version {version.number}"
    return version


@step("promote")
def promote(run: Run, row: Row, version: Version) -> Version:
    """Make a version champion, unless a person must decide: that is a result, not a failure."""
    asked = run.protocol.asks_person(first=roles(run.store, run.recipe.model).champion is None)
    approved = approval_of(run.store, version) if asked else None
    if asked and not approved:
        row.verdict, row.detail = "waiting", f"version {version.number} waits for a person"
        run.found.concluded = True
        return version
    promoted = run.found.version = registry.promote(run.store, version, run.origin, approved=approved)
    run.found.concluded = True
    row.detail = f"{run.recipe.model}@champion is version {version.number}"
    return promoted


def _describe(row: Row, artifact: Artifact) -> None:
    row.verdict = "reused" if artifact.reused else "done"
    size = sum(file.stat().st_size for file in artifact.path.rglob("*") if file.is_file())
    row.detail = f"{artifact.kind} {artifact.digest[:12]}, {size / 1e6:.1f} MB"
    words = ModelMeta.read(artifact).words
    if words and words.found_again < 1:
        row.detail += f"; {1 - words.found_again:.2%} of the training tokens are no words of their text"

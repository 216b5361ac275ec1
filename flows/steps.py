"""The steps of a retraining: functions of tasks/ as Prefect tasks.

A step does its work through one function of tasks/, then states in the ledger what happened. Prefect's own caching
and result persistence stay off: sealed artifacts are the only cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flows.candidate import Form, Made, Run
from flows.console import Row
from flows.prepare import adopted, described
from flows.subject import step
from tasks.artifact import Artifact
from tasks.data import dvc
from tasks.data.version import DatasetVersion
from tasks.evaluation import baselines as rivals
from tasks.lineage import recording
from tasks.lineage.outcomes import records_in_words
from tasks.lineage.roles import approval_of
from tasks.lineage.waiting import waits_for
from tasks.meta.form import Form as Kind
from tasks.meta.model import ModelMeta
from tasks.release import merge as merging
from tasks.release import quantize as quantizing
from tasks.release import register as registry
from tasks.release.merge import cannot_merge
from tasks.release.register import Version
from tasks.training.bases import Base
from tasks.training.method import method_of, options_of
from tasks.training.train import finetune as train


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
    run.found.trained = artifact
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


def can_merge(run: Run, trained: Made) -> bool:
    """Whether what was trained is an adapter to merge. One that cannot be gets a line that says so."""
    if trained.artifact.kind != Kind.ADAPTER:
        return False
    method = method_of(options_of(ModelMeta.read(trained.artifact)))
    if not method.mergeable:
        with run.console.stage("merge") as row:
            row.verdict, row.detail = "skipped", cannot_merge(method)
    return method.mergeable


@step("merge")
def merge(run: Run, row: Row, adapter: Made) -> Artifact:
    """Make the adapter part of the base's weights; checked weight by weight."""
    return _derived(run, row, lambda: merging.merge(run.store, adapter.artifact))


@step("quantize")
def quantize(run: Run, row: Row, whole: Made) -> Artifact:
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
    """Make a version champion, unless a person must decide (also about its policy): that is a result, not a failure."""
    if waiting := waits_for(run.store, version, run.protocol):
        run.found.waiting = waiting
        row.verdict, row.detail = "waiting", waiting.what
        run.found.concluded = True
        return version
    approved = approval_of(run.store, version)
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

"""The functions of tasks/ as Prefect tasks: names, retries and cache policy, in one place.

A step does its work through one function of tasks/, then states in the ledger what happened. Prefect's own caching
and result persistence stay off: sealed artifacts are the only cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows.console import Row
from flows.inputs import remember_dataset
from flows.run import Run, approve_command
from tasks.artifact import Artifact, load
from tasks.data import dvc
from tasks.data.seal import adopt_version
from tasks.data.version import DatasetVersion
from tasks.errors import ApprovalNeeded, Interrupted, Stopped, in_words
from tasks.evaluation import baselines as rivals
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence, Losses
from tasks.evaluation.judge import Judged, judge
from tasks.home import home
from tasks.lineage import recording
from tasks.lineage.report import FormJudged
from tasks.lineage.roles import roles
from tasks.release import merge as merging
from tasks.release import quantize as quantizing
from tasks.release import register as registry
from tasks.release.merge import cannot_merge
from tasks.release.register import Version
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.method import method_named
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune as train

P = ParamSpec("P")
T = TypeVar("T")
RETRIES = 2
RETRY_DELAYS = [5.0, 30.0]  # seconds


def _worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Only a service that was gone for a moment: a wrong input or a failed gate stays what it is."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, Interrupted) and not isinstance(error, Stopped)


def step(name: str) -> Callable[[Callable[Concatenate[Run, Row, P], T]], Callable[Concatenate[Run, P], T]]:
    """Make a function a Prefect task that reports its time and verdict to the run's console."""

    def wrap(function: Callable[Concatenate[Run, Row, P], T]) -> Callable[Concatenate[Run, P], T]:
        def timed(run: Run, *args: P.args, **kwargs: P.kwargs) -> T:
            with run.console.stage(name) as row:
                try:
                    return function(run, row, *args, **kwargs)
                except Exception as error:  # Prefect keeps the words of an exception, perhaps on another machine
                    raise in_words(error) from None

        # Named and documented, but not `wraps`: Prefect would read the signature of the wrapped function.
        timed.__name__, timed.__doc__ = function.__name__, function.__doc__
        configured: Any = task(
            name=name,
            retries=RETRIES,
            retry_delay_seconds=RETRY_DELAYS,
            retry_condition_fn=_worth_retrying,
            cache_policy=NO_CACHE,
            persist_result=False,
        )
        return cast("Callable[Concatenate[Run, P], T]", configured(timed))

    return wrap


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

    def ancestor(self, kind: str) -> str | None:
        """Digest of the adapter or merged form that this one was made from."""
        form: Form | None = self
        while form is not None and form.artifact.kind != kind:
            form = form.parent
        return form.artifact.digest if form else None


@step("data")
def build_stage(run: Run, row: Row, stage: str) -> None:
    """One DVC stage of the recipe's dataset."""
    row.stage = f"data: {stage}"
    ran = dvc.build_stage(Store(home()), stage, run.recipe.dataset)
    row.verdict = "done" if ran else "unchanged"


@step("data: version")
def seal(run: Run, row: Row) -> DatasetVersion:
    """Adopt the sealed dataset version, and fix how the model will be judged on it."""
    dataset = run.found.dataset = adopt_version(Store(home()), run.recipe.dataset)
    counts = ", ".join(f"{count:,} {split}" for split, count in dataset.meta.counts.items())
    row.detail = f"{dataset.digest[:12]}: {counts}; {sum(dataset.meta.rejected.values()):,} rows turned away"
    remember_dataset(run.recipe.dataset, dataset)
    recording.record_sealed(Store(home()), dataset, run.origin)
    recording.record_protocol(Store(home()), run.recipe, dataset, run.protocol, run.inputs, run.origin)
    # Parsed, so that what training logs later is the same to the letter: MLflow lets no parameter change.
    run.tracking.params(run.recipe.plain())
    for split in ("train", "validation", "test"):
        run.tracking.dataset(dataset, split)
    return dataset


@step("data: push")
def push_data(run: Run, row: Row) -> None:
    """Copy the version to DVC's remote before anything learns from it: what the ledger names must not be lost."""
    dvc.push(Store(home()), run.recipe.dataset)


@step("base model")
def base_model(run: Run, row: Row) -> Base:
    """The base model, made on first use where Galen makes it."""
    base = resolve_base(run.recipe.base_model)
    row.detail = base.digest[:12]
    return base


@step("fine-tune")
def finetune(run: Run, row: Row, dataset: DatasetVersion, base: Base) -> Artifact:
    """Train the recipe's method."""
    started = time.monotonic()
    artifact = train(run.recipe, dataset, base, track=run.tracking)
    row.stage = f"fine-tune ({run.recipe.method.name})"
    _describe(row, artifact)
    recording.record_trained(
        Store(home()),
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
    champion = roles(Store(home()), model).champion
    training = artifact.meta["training"]
    evidence = Evidence(
        candidate,
        base=_evaluated(run, "base", base, dataset),
        champion=_evaluated(run, "champion", load(champion.artifact), dataset) if champion else None,
        parent=evaluate(parent.artifact, dataset, settings) if parent else None,
        losses=Losses(training.get("train_loss"), training.get("validation_loss")),
        first_release=champion is None,
    )
    verdict = judge(run.protocol, evidence)
    event = recording.record_judged(Store(home()), model, artifact, verdict, run.protocol, dataset, run.origin)
    run.tracking.metrics({f"{artifact.kind}.{name}": one.value for name, one in candidate.metrics.items()})
    outcomes = [result.outcome for result in verdict.results]
    row.verdict = "passed" if verdict.passed else "rejected"
    row.detail = f"{outcomes.count('passed')} of {len(outcomes)} gates passed"
    run.found.judged.append(FormJudged(artifact.kind, candidate, verdict))
    return Form(Judged(artifact, candidate, verdict), event.digest, parent)


def _evaluated(run: Run, role: Any, model: Artifact | Base, dataset: DatasetVersion) -> Evaluation:
    """Evaluate on the test split, and state it; what was stated before is not stated twice."""
    evaluation = evaluate(model, dataset, run.recipe.evaluation)
    form = model.kind if isinstance(model, Artifact) else "base"
    recording.record_evaluated(Store(home()), run.recipe.model, role, form, evaluation, run.origin)
    return evaluation


def can_merge(run: Run, trained: Form) -> bool:
    """Whether what was trained is an adapter to merge. One that cannot be gets a line that says so."""
    if trained.artifact.kind != "adapter":
        return False
    method = method_named(trained.artifact.meta["method"]["name"])
    if not method.mergeable:
        with run.console.stage("merge") as row:
            row.verdict, row.detail = "skipped", cannot_merge(method)
    return method.mergeable


@step("merge")
def merge(run: Run, row: Row, adapter: Form) -> Artifact:
    """Make the adapter part of the base's weights; checked weight by weight."""
    return _derived(run, row, lambda: merging.merge(adapter.artifact))


@step("quantize")
def quantize(run: Run, row: Row, whole: Form) -> Artifact:
    """Make the served form, reloaded from disk and checked: of a merged model, or an adapter that cannot be merged."""
    return _derived(run, row, lambda: quantizing.quantize(whole.artifact, run.recipe.quantization))


def _derived(run: Run, row: Row, work: Callable[[], Artifact]) -> Artifact:
    started = time.monotonic()
    artifact = work()
    _describe(row, artifact)
    recording.record_derived(
        Store(home()), run.recipe.model, artifact, seconds=time.monotonic() - started, origin=run.origin
    )
    return artifact


@step("baselines")
def baselines(run: Run, row: Row, shipped: Form, dataset: DatasetVersion, base: Base) -> None:
    """Compare what will be served with simple rivals on the same test split, for the report."""
    found = rivals.compare(shipped.judged.evaluation, dataset, base, run.recipe.evaluation)
    run.found.baselines.extend(found)
    row.detail = f"{sum(one.excludes_zero for one in found)} of {len(found)} differences exclude zero"


@step("register")
def register(run: Run, row: Row, shipped: Form) -> Version:
    """Make the judged bytes a version of the registry."""
    version = registry.register(
        shipped.judged,
        run.recipe.model,
        judged_event=shipped.event,
        merged=shipped.ancestor("merged"),
        adapter=shipped.ancestor("adapter"),
        run=run.tracking,
        origin=run.origin,
    )
    row.detail = f"{run.recipe.model} version {version.number}"
    return version


@step("promote")
def promote(run: Run, row: Row, version: Version) -> Version:
    """Make a version champion, unless it is the first and a person must decide.

    Raises:
        ApprovalNeeded: as said.
    """
    if run.recipe.first_release == "approval" and roles(Store(home()), run.recipe.model).champion is None:
        row.detail = f"version {version.number} waits for a person"
        raise ApprovalNeeded(
            f"version {version.number} of {run.recipe.model} passed its gates; the first release needs a person",
            hint=approve_command(run.recipe.model, version.number),
        )
    promoted = registry.promote(version, run.origin)
    row.detail = f"{run.recipe.model}@champion is version {version.number}"
    return promoted


def _describe(row: Row, artifact: Artifact) -> None:
    row.verdict = "reused" if artifact.reused else "done"
    size = sum(file.stat().st_size for file in artifact.path.rglob("*") if file.is_file())
    row.detail = f"{artifact.kind} {artifact.digest[:12]}, {size / 1e6:.1f} MB"

"""How a retraining judges its candidate: every form on the validation split, and if nothing speaks against it, with one
look, on the sealed test split.
"""

from __future__ import annotations

from dataclasses import dataclass

from flows.candidate import Form, Made, Run
from flows.console import Row
from flows.subject import step
from tasks.artifact import Artifact
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.errors import GateRejected
from tasks.evaluation import baselines as rivals
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence, Looks, Losses
from tasks.evaluation.gate import Protocol
from tasks.evaluation.judge import Judged, Verdict, judge
from tasks.evaluation.replay import keep
from tasks.evaluation.resources import resources
from tasks.evaluation.robustness import probed
from tasks.lineage import recording
from tasks.lineage.event import Event
from tasks.lineage.looks import SealedTest, arrived, looks_in_words, looks_of, setup_of
from tasks.lineage.outcomes import gates_in_words, judged_in_words
from tasks.lineage.report import FormJudged
from tasks.lineage.roles import RegisteredVersion, roles
from tasks.lineage.statements import Role
from tasks.meta.form import Form as Kind
from tasks.meta.form import FormOrBase
from tasks.meta.model import ModelMeta
from tasks.release import register as registry
from tasks.release.as_served import as_served
from tasks.training.bases import Base


@dataclass(frozen=True)
class Judging:
    """What all forms of a candidate are judged with."""

    dataset: DatasetVersion
    base: Base
    looks: Looks
    """At the test split, before this candidate's."""
    arrived: dict[str, frozenset[str]]
    setup: str


def prepare(run: Run, trained: Artifact, dataset: DatasetVersion, base: Base) -> Judging:
    """Count the looks before this candidate's, and the records that nobody has seen."""
    split, found = SealedTest(run.store, dataset), roles(run.store, run.recipe.model)
    setup = setup_of(run.recipe, run.protocol, dataset, base.digest)
    looks = looks_of(split, found, trained.digest, setup)
    return Judging(dataset, base, looks, arrived(split, found, setup), setup)


@step("screen")
def screened(run: Run, row: Row, artifact: Artifact, judging: Judging, parent: Made | None = None) -> Made:
    """Let every gate say what the validation split tells, which costs no look.

    Raises:
        GateRejected: a gate failed there, or the test split's budget of looks is spent.
    """
    row.stage = f"screen {artifact.kind}"
    if not judging.dataset.meta.counts["validation"]:
        row.verdict, row.detail = "skipped", "the dataset has no validation records"
        return Made(artifact, parent)
    protocol = run.protocol.screening
    evidence = _evidence(run, protocol, artifact, judging, parent.artifact if parent else None)
    verdict, _ = _verdict(run, row, protocol, evidence, artifact, judging)
    if verdict.worth_a_look:
        return Made(artifact, parent)
    run.found.judged.append(FormJudged(artifact.kind, evidence.candidate, verdict, evidence, protocol))
    reasons = "\n".join(f"  - {reason}" for reason in verdict.reasons())
    raise GateRejected(
        f"this {artifact.kind} model did not pass its gates on the validation split, so nobody looked at the test "
        f"split\n{reasons}"
    )


@step("look")
def look(run: Run, row: Row, trained: Artifact, judging: Judging) -> None:
    """Say in the ledger that the test split will be looked at, before it is."""
    recording.record_looked(
        run.store, run.recipe.model, trained.digest, judging.dataset, "retrain", judging.setup, run.origin
    )
    row.detail = looks_in_words(judging.looks, run.protocol.gates)


@step("judge")
def judged(run: Run, row: Row, made: Made, judging: Judging, parent: Form | None = None) -> Form:
    """Evaluate a form of the candidate on the sealed test split, and let every gate decide.

    Raises:
        GateRejected: a gate failed or could not be judged.
    """
    artifact = made.artifact
    row.stage = f"judge {artifact.kind}"
    evidence = _evidence(run, run.protocol, artifact, judging, parent.artifact if parent else None)
    verdict, event = _verdict(run, row, run.protocol, evidence, artifact, judging)
    candidate = evidence.candidate
    run.tracking.metrics({f"{artifact.kind}.{name}": one.value for name, one in candidate.metrics.items()})
    run.found.judged.append(FormJudged(artifact.kind, candidate, verdict, evidence, run.protocol))
    if not verdict.passed:  # the run ends here: the report shows what it lost to
        settings = run.recipe.evaluation
        beside = {"untrained base": evaluate(run.store, judging.base, judging.dataset, settings), **evidence.others}
        run.found.baselines.extend(rivals.against(candidate, beside, settings))
    return Form(Judged(artifact, candidate, verdict), event.digest, parent)


def _evidence(run: Run, protocol: Protocol, artifact: Artifact, judging: Judging, parent: Artifact | None) -> Evidence:
    """All that the gates may look at, on the protocol's split."""
    store, dataset, settings, split = run.store, judging.dataset, run.recipe.evaluation, protocol.split
    found = roles(store, run.recipe.model)
    training = ModelMeta.read(artifact).training

    def released(role: Role, version: RegisteredVersion | None) -> Evaluation | None:
        if version is None:
            return None
        _, whole = registry.resolve(store, f"{version.model}@{version.number}")
        return _evaluated(run, role, whole, dataset, split)

    candidate = _evaluated(run, "candidate", artifact, dataset, split)
    # What is asked of what would be served; on the validation split no gate asks it.
    gates = protocol.gates if artifact.kind == Kind.QUANTIZED else ()
    changed = probed(store, artifact, dataset, settings, gates, split)
    champion = released("champion", found.champion)
    return Evidence(
        candidate,
        base=_evaluated(run, "base", judging.base, dataset, split),
        champion=champion,
        anchor=released("anchor", found.anchor),
        parent=evaluate(store, parent, dataset, settings, split=split) if parent else None,
        others=rivals.simple_rivals(store, dataset, settings, protocol.rivals(), split),
        served=as_served(store, artifact, candidate, dataset) if any(gate.asks_served for gate in gates) else None,
        losses=Losses(training.train_loss, training.validation_loss),
        looks=judging.looks,
        arrived=judging.arrived,
        altered=changed.evaluations,
        unaltered=changed.unaltered,
        resources=resources(store, artifact, champion, dataset, settings, gates, split),
        first_release=found.champion is None,
    )


def _verdict(
    run: Run, row: Row, protocol: Protocol, evidence: Evidence, artifact: Artifact, judging: Judging
) -> tuple[Verdict, Event]:
    """What the gates say, and the event that states it."""
    verdict = judge(protocol, evidence)
    kept = keep(run.store, protocol, evidence, verdict)
    event = recording.record_judged(
        run.store,
        run.recipe.model,
        artifact,
        verdict,
        protocol,
        judging.dataset,
        run.origin,
        beside=evidence.beside,
        evidence=kept,
    )
    passed = verdict.worth_a_look if protocol.screens else verdict.passed
    row.verdict = "passed" if passed else "rejected"
    row.detail = gates_in_words([result.outcome for result in verdict.results])
    row.detail += judged_in_words(evidence.candidate, judging.dataset.meta.counts[protocol.split])
    row.detail += f"; evidence {kept.digest[:12]}"
    return verdict, event


def _evaluated(run: Run, role: Role, model: Artifact | Base, dataset: DatasetVersion, split: Split) -> Evaluation:
    """Evaluate on a split, and state it; what was stated before is not stated twice."""
    evaluation = evaluate(run.store, model, dataset, run.recipe.evaluation, split=split)
    form: FormOrBase = Kind(model.kind) if isinstance(model, Artifact) else "base"
    recording.record_evaluated(run.store, run.recipe.model, role, form, evaluation, run.origin)
    return evaluation

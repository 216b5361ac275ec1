"""What `galen models` lists: versions, and forms that were turned away. From the ledger alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.config.words import DATASET_TASKS
from tasks.data.version import load_version
from tasks.errors import InputError, IntegrityError
from tasks.evaluation.metric import usual_metric
from tasks.evaluation.policy import load_policy
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.looks import SealedTest, Spent, spent
from tasks.lineage.outcomes import gates_in_words
from tasks.lineage.roles import RegisteredVersion, Roles, roles
from tasks.lineage.roles import models as known_models
from tasks.lineage.standing import standing
from tasks.lineage.statements import Approved, Evaluated, GatesAnswered, Judgement, ModelDerived, Screened, statements
from tasks.lineage.today import judged_today
from tasks.store import Store

_OK = ("passed", "not-applicable", "reported")


def models(store: Store, model: str | None = None) -> list[dict[str, Any]]:
    """Every version with its roles, and every form that was rejected (`version` is None), by model and time.

    Raises:
        InputError: no such model.
        IntegrityError: the ledger does not verify.
    """
    known = known_models(store)
    if model is not None and model not in known:
        raise InputError("no such model", value=model, hint=f"models: {', '.join(known) or 'none yet'}")
    rows = []
    for name in known if model is None else [model]:
        history, found = events(store, model=name), roles(store, name)
        measured = {one.evaluation: one for _, one in statements(Evaluated, history)}
        sizes = {one.artifact: one.checks.get("bytes") for _, one in statements(ModelDerived, history)}
        looks = _spent(store, found, history)
        for version in found.versions:
            row = _row(name, version.registered, version.judged, measured) | _of_version(store, version, found)
            row["judged_by_this_code"] = judged_today(store, version, history)
            row["looks"] = vars(looks) if looks and found.anchor == version else None
            rows.append(row | {"bytes": sizes.get(version.artifact)})
        for event, judged in statements(GatesAnswered, history):
            if judged.verdict == "failed":
                rows.append(_row(name, event, event, measured))
    return sorted(rows, key=lambda row: (row["model"], row["time"]))


def _spent(store: Store, found: Roles, history: Sequence[Event]) -> Spent | None:
    """What is spent and left at the test split, and by the policy, of the last verdict; None where one is not here."""
    judged = [said for _, said in statements(Judgement, history)]
    if not judged or not store.has(judged[-1].dataset):
        return None
    try:
        split = SealedTest(store, load_version(store, judged[-1].dataset))
        return spent(split, found, load_policy(judged[-1].policy).gates)
    except (InputError, IntegrityError):  # an audit says what is wrong
        return None


def _row(model: str, event: Event, decision: Event, measured: Mapping[str, Evaluated]) -> dict[str, Any]:
    judged = GatesAnswered.read(decision)
    evaluated = measured.get(judged.evaluation)
    metrics = evaluated.metrics if evaluated else {}
    usual = next((name for name in map(usual_metric, DATASET_TASKS) if name in metrics), None)
    return {
        "model": model,
        "version": None,
        "roles": [],
        "verdict": "passed" if judged.verdict == "passed" else "rejected",
        "gates": gates_in_words([gate.outcome for gate in judged.gates]),
        "judged_on": "validation" if decision.kind == Screened.kind else "test",
        "form": judged.form,
        "artifact": judged.artifact,
        "dataset": judged.dataset,
        "metric": usual,
        "value": metrics[usual].value if usual else None,
        "reasons": [f"{gate.name}: {gate.reason}" for gate in judged.gates if gate.outcome not in _OK],
        "time": event.time.isoformat(timespec="seconds"),
    }


def _of_version(store: Store, version: RegisteredVersion, found: Roles) -> dict[str, Any]:
    return {
        "version": version.number,
        "roles": list(found.of(version)),
        "anchor": found.anchor == version,
        "standing": standing(store, version),
        "approved_by": Approved.read(version.approved).name if version.approved else None,
        "withdrawn": version.withdrawal,
        "merged": version.merged,
        "adapter": version.adapter,
        "base": version.base,
    }

"""The releases of a model so far, with who decided on each and what it was worth: how far small steps have led."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tasks.errors import IntegrityError
from tasks.evaluation.replay import EVIDENCE
from tasks.lineage.ledger import events
from tasks.lineage.roles import RegisteredVersion, roles
from tasks.lineage.statements import Evaluated, Judgement, JudgementSealed, PersonDecided, statements
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.evaluation.evaluation import Evaluation


@dataclass(frozen=True)
class Release:
    """A version that was promoted."""

    number: int
    promoted: datetime
    decided: str
    """By whom: "approved by Jo Doe", or "promoted automatically under policy X"."""
    withdrawn: str | None
    at_release: float | None
    """The metric on the test split of its own dataset version."""
    now: float | None
    """The metric on today's test split; None where it was not judged on it."""
    looks: float | None
    """Looks at its test split before its own, since the anchor of then; None where its evidence does not say, or is not
    here."""


def releases(store: Store, model: str, metric: str, today: Evaluation) -> list[Release]:
    """Every version that was promoted, oldest first, as the ledger states it.

    Args:
        store: the ledger's place.
        model: whose versions.
        metric: by which they are compared.
        today: of the candidate: on which test split, and under which settings, `now` is.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    first: dict[str, float | None] = {}
    now: dict[str, float | None] = {}
    for _, said in statements(Evaluated, events(store, model=model)):
        if said.role == "base" or said.split != "test":
            continue
        value = said.metrics[metric].value if metric in said.metrics else None
        if said.role == "candidate":
            first.setdefault(said.artifact, value)
        if said.test == today.test and said.settings.model_dump() == today.settings.plain():
            now[said.artifact] = value
    return [
        Release(
            version.number,
            version.promoted.time,
            _decided(version),
            version.withdrawal,
            first.get(version.artifact),
            now.get(version.artifact),
            _looks(store, version),
        )
        for version in roles(store, model).versions
        if version.promoted
    ]


def _looks(store: Store, version: RegisteredVersion) -> float | None:
    """As the sealed evidence of its verdict has them."""
    said = Judgement.read(version.judged)
    if not isinstance(said, JudgementSealed) or not store.has(said.evidence):
        return None
    try:
        looks = json.loads(store.load(said.evidence).file(EVIDENCE).read_bytes())["looks"]
        return float(looks["used"]) if looks else None
    except (IntegrityError, KeyError, TypeError, ValueError):  # an audit says what is wrong with it
        return None


def _decided(version: RegisteredVersion) -> str:
    if version.approved:
        return f"approved by {PersonDecided.read(version.approved).name}"
    return f"promoted automatically under policy {Judgement.read(version.judged).policy}"

"""How often a test split was looked at, by whom nothing had been chosen yet, and which of its records are new.

A look is any candidate whose scores on a sealed test split someone or something can act on. Looks are counted for a
dataset, whoever made them: what was learned from one model's figures may decide about another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tasks.digest import digest_data
from tasks.errors import IntegrityError
from tasks.evaluation.evidence import Looks
from tasks.evaluation.result import number
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import RegisteredVersion, Roles
from tasks.lineage.statements import DatasetSealed, Looked, statements
from tasks.lineage.waiting import rules_of
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.data.version import DatasetVersion
    from tasks.evaluation.gate import Gate, Protocol
    from tasks.training.recipe import Recipe

Look = tuple[Event, Looked]


def setup_of(recipe: Recipe, protocol: Protocol | None, dataset: DatasetVersion, base: str) -> str:
    """Digest of what a person chooses, and may choose after seeing a report: recipe, data settings, gates, base.

    Neither the data count, which arrive by themselves, nor the code, nor the schedule.
    """
    declared: dict[str, Any] = recipe.plain()
    for chosen_elsewhere in ("schedule", "base_model", "intended_use"):
        declared.pop(chosen_elsewhere)
    rules = protocol.plain() if protocol else {}
    rules.pop("definitions", None)
    return digest_data({"recipe": declared, "rules": rules, "data": dataset.meta.config, "base": base})


def setup_of_given(
    split: SealedTest, candidate: str, protocol: Protocol | None, version: RegisteredVersion | None
) -> str:
    """The same of a model that is evaluated without being trained: that of its own retraining, where it is judged on
    that dataset by that policy or by none; else the digest of what is judged, and how.

    Args:
        split: the test split.
        candidate: digest of what training made.
        protocol: by which it is judged; None: it is only measured.
        version: that it is.
    """
    own = [look.setup for _, look in split.looks if (look.artifact, look.purpose) == (candidate, "retrain")]
    if own and version:
        approved = rules_of(events(split.store, model=version.model), version).get("policy_rules")
        if protocol is None or approved == protocol.rules:
            return own[-1]
    rules = protocol.plain() if protocol else {}
    rules.pop("definitions", None)
    return digest_data({"evaluated": candidate, "rules": rules, "data": split.dataset.meta.config})


@dataclass(frozen=True)
class SealedTest:
    """The looks at a dataset version's test split, and at earlier versions of it."""

    store: Store
    dataset: DatasetVersion

    @cached_property
    def groups(self) -> frozenset[str]:
        """Its groups."""
        return _groups(self.dataset)

    @cached_property
    def looks(self) -> list[Look]:
        """Every look at any version of this dataset, oldest first."""
        history = events(self.store, Looked.kind)
        return [look for look in statements(Looked, history) if look[1].dataset_name == self.dataset.name]

    def weight(self, look: Looked) -> float:
        """What a look counts for today: the share of today's groups that it saw.

        All of it, where the version that was looked at is not here any more.
        """
        seen = self._seen(look)
        return 1.0 if seen is None else len(seen & self.groups) / max(len(self.groups), 1)

    def used(self, since: int, but: str | None = None) -> float:
        """Looks after an event of the ledger, by its number; without those at one candidate, by its digest.

        One candidate on one version of the split is one look, whatever for and however often.
        """
        found = {
            (look.artifact, look.test): look
            for event, look in self.looks
            if event.sequence > since and look.artifact != but
        }
        return sum(self.weight(look) for look in found.values())

    def looked_at_by(self, candidate: str) -> bool:
        """Whether a candidate, by its digest, was judged on this very version of the split before."""
        test = self.dataset.split_digest("test")
        return any((look.artifact, look.test) == (candidate, test) for _, look in self.looks)

    def unseen_before(self, sequence: int) -> frozenset[str]:
        """Groups of the test split that no look saw before an event of the ledger."""
        return self._without(look for event, look in self.looks if event.sequence < sequence)

    def arrived_since(self, event: Event) -> frozenset[str]:
        """Groups that no version sealed before an event had in its test split."""
        found = self.groups
        for sealed, said in statements(DatasetSealed, events(self.store, DatasetSealed.kind)):
            if said.name == self.dataset.name and sealed.sequence < event.sequence:
                before = self._known(said.dataset, said.splits["test"].digest)
                if before is None:
                    return frozenset()  # what it held nobody knows any more
                found -= before
        return found

    def _without(self, looks: Iterable[Looked]) -> frozenset[str]:
        found = self.groups
        for look in looks:
            seen = self._seen(look)
            if seen is None:
                return frozenset()
            found -= seen
        return found

    def _seen(self, look: Looked) -> frozenset[str] | None:
        return self._known(look.dataset, look.test)

    def _known(self, dataset: str, test: str) -> frozenset[str] | None:
        if test not in self._tests:
            self._tests[test] = _groups_of(self.store, dataset)
        return self._tests[test]

    @cached_property
    def _tests(self) -> dict[str, frozenset[str] | None]:
        return {self.dataset.split_digest("test"): self.groups}


def looks_of(split: SealedTest, found: Roles, artifact: str, setup: str) -> Looks:
    """What a gate needs to know about the looks before a candidate's own.

    Args:
        split: the test split.
        found: the model's versions: the anchor's event begins the count.
        artifact: digest of what training made of the candidate.
        setup: of the candidate (`setup_of`).
    """
    since = found.anchored.sequence if found.anchored else 0
    known = _setup(split.looks, found.anchor, since) if found.anchor else None
    adaptive = known is not None and setup != known
    return Looks(split.used(since, but=artifact), len(split.groups), adaptive)


def looks_in_words(looks: Looks, gates: Iterable[Gate], since: str = " since the anchor") -> str:
    """Which look at the test split a candidate's is, and how many its gates leave after it."""
    budgets = [gate.looks for gate in gates if gate.looks is not None]
    text = f"look {number(looks.used + 1)} at {looks.groups:,} test groups{since}"
    text += f", {number(max(min(budgets) - looks.used - 1, 0))} left" if budgets else ""
    return text + ("; its recipe, data settings, policy or base changed since the anchor" if looks.adaptive else "")


@dataclass(frozen=True)
class Spent:
    """Looks at a test split since a model's anchor, by whatever model."""

    model: str
    used: float
    left: float | None
    """Of the smallest budget of some gates; None where none has one."""

    def __str__(self) -> str:
        left = "" if self.left is None else f", {number(self.left)} left"
        return f"{number(self.used)} looks at the test split since the anchor{left}"


def spent(split: SealedTest, found: Roles, gates: Iterable[Gate]) -> Spent | None:
    """What is spent and left before another candidate of a model; None where it has no anchor.

    Args:
        split: the test split.
        found: the model's versions.
        gates: of the policy that would judge.
    """
    if found.anchored is None:
        return None
    used, budgets = split.used(found.anchored.sequence), [gate.looks for gate in gates if gate.looks is not None]
    return Spent(found.model, used, max(min(budgets) - used, 0.0) if budgets else None)


def arrived(split: SealedTest, found: Roles, setup: str) -> dict[str, frozenset[str]]:
    """Groups of the test split by what they arrived since; a release that there is not yet has none."""
    known = {}
    if found.champion and found.champion.promoted:
        known["since-champion"] = split.arrived_since(found.champion.promoted)
    if found.anchored:
        known["since-anchor"] = split.arrived_since(found.anchored)
    first = next((event.sequence for event, look in split.looks if look.setup == setup), None)
    known["since-setup"] = (
        split.unseen_before(first) if first is not None else split._without(look for _, look in split.looks)
    )
    return known


def _setup(looks: Sequence[Look], anchor: RegisteredVersion, since: int) -> str | None:
    """The setup of the anchor; of one from before looks were kept, that of the first run after it."""
    runs = [(event, look) for event, look in looks if (look.model, look.purpose) == (anchor.model, "retrain")]
    own = [look.setup for _, look in runs if look.artifact in anchor.forms]
    after = [look.setup for event, look in runs if event.sequence > since]
    return next(iter([*own[-1:], *after[:1]]), None)


def _groups_of(store: Store, digest: str) -> frozenset[str] | None:
    from tasks.data.version import load_version

    try:
        return _groups(load_version(store, digest)) if store.has(digest) else None
    except IntegrityError:
        return None


def _groups(dataset: DatasetVersion) -> frozenset[str]:
    return frozenset(dataset.read("test", columns=["group_id"])["group_id"].to_pylist())

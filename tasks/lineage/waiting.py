"""What stands between a version that passed its gates and its promotion: an unapproved policy, readers, a person.

Read from the ledger alone: from the protocol of the last judgement of the version's bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import RegisteredVersion, approval_of, roles
from tasks.lineage.statements import Judgement, PolicyApproved, ProtocolFixed, Reviewed, statements
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.evaluation.gate import Protocol

READ = "read-by-a-person"
"""The kind of gate that readers answer (tasks/evaluation/gates/read_by_a_person.py)."""


@dataclass(frozen=True)
class Waiting:
    """Why a version is not promoted yet, and what a person would type."""

    what: str
    hint: str


def rules_of(history: Iterable[Event], version: RegisteredVersion) -> Mapping[str, Any]:
    """The protocol by which the bytes of a version were judged last, before a promotion; {} where none is stated."""
    end = version.promoted.sequence if version.promoted else float("inf")
    before = [event for event in history if event.sequence < end]
    judged = [
        said.protocol
        for event, said in statements(Judgement, before)
        if event.kind == Judgement.kind and said.artifact == version.artifact and said.model == version.model
    ]
    fixed = {said.protocol: said.rules for _, said in statements(ProtocolFixed, before)}
    return fixed.get(judged[-1], {}) if judged else {}


def policy_approval(history: Iterable[Event], rules: str) -> tuple[Event, PolicyApproved] | None:
    """The first approval of a policy's rules, by their digest."""
    return next(((event, said) for event, said in statements(PolicyApproved, history) if said.rules == rules), None)


def unmet(store: Store, version: RegisteredVersion) -> Waiting | None:
    """What is still missing whoever approves the version: then neither a run nor a person promotes it.

    A protocol from before policies were approved asks for nothing.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    rules = rules_of(events(store, model=version.model), version)
    digest, policy = rules.get("policy_rules"), rules.get("policy")
    if digest and not rules.get("sample") and not policy_approval(events(store, PolicyApproved.kind), digest):
        what = f"version {version.number} of {version.model} passed its gates; its policy {policy} is not approved"
        return Waiting(what, policy_command(str(policy)))
    read = events(store, Reviewed.kind)
    for gate in rules.get("gates", ()):
        if gate["kind"] == READ and (missing := _unread(gate, read, version)):
            what = f"version {version.number} of {version.model} passed its other gates; {gate['name']}: {missing}"
            return Waiting(what, f"galen review {version.model}@{version.number} --count {gate['min_read']}")
    return None


def _unread(gate: Mapping[str, Any], history: Iterable[Event], version: RegisteredVersion) -> str | None:
    """What a gate of readers misses; of each reader the latest marks of a sheet that is large enough count."""
    found = {
        said.name: said
        for _, said in statements(Reviewed, history)
        if said.registered == version.registered.digest and said.answers >= gate["min_read"]
    }
    if worse := [said for said in found.values() if said.harmful > gate["max_harmful"]]:
        return f"{worse[0].name} called {worse[0].harmful} answers harmful, {gate['max_harmful']} may be"
    if len(found) < gate["readers"]:
        return f"{len(found)} of {gate['readers']} reader(s) marked {gate['min_read']} answers or more"
    return None


def waits_for(store: Store, version: RegisteredVersion, protocol: Protocol) -> Waiting | None:
    """What a version waits for; None where a run may promote it.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    if missing := unmet(store, version):
        return missing
    asked = protocol.asks_person(first=roles(store, version.model).champion is None)
    if not asked or approval_of(store, version):
        return None
    which = "every" if protocol.approval == "every" else "the first"
    what = f"version {version.number} of {version.model} passed its gates; {which} release needs a person"
    return Waiting(what, approve_command(version.model, version.number))


def approve_command(model: str, version: int) -> str:
    """What a person types to promote a version that waits."""
    return f'galen approve {model}@{version} --by "YOUR NAME" --reason "..."'


def policy_command(policy: str) -> str:
    """What a person types to approve a policy."""
    return f'galen policy approve {policy} --by "YOUR NAME" --reason "..."'

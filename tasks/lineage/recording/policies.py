"""Decisions about policies into the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import InputError
from tasks.lineage.event import Event, Origin
from tasks.lineage.statements import PolicyApproved
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.evaluation.policy import Policy


def record_policy_approved(
    store: Store, policy: Policy, *, name: str, reason: str, origin: Origin | None = None
) -> Event:
    """A person approves a policy as it is; `name` and `reason` are in that person's words.

    Raises:
        IntegrityError: the ledger does not verify.
        InputError: name or reason are blank.
    """
    if not (name.strip() and reason.strip()):
        raise InputError("a decision needs a name and a reason", hint='--by "YOUR NAME" --reason "..."')
    statement = PolicyApproved(
        policy=policy.name,
        rules=policy.digest,
        settings=policy.rules,
        name=name.strip(),
        meaning="approved: models may be promoted by these rules",
        reason=reason.strip(),
    )
    return statement.record(store, {f"policy/{policy.name}": policy.digest}, origin)

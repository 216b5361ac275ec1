"""What is stated about policies, and about those who approve them."""

from __future__ import annotations

from typing import Literal

from tasks.config.words import Name
from tasks.lineage.statements.release import Words
from tasks.lineage.statements.statement import Digest, Plain, Statement


class PolicyApproved(Statement):
    """A person decided that models may be promoted by a policy as it is (21 CFR 11.50: printed name, time, meaning)."""

    kind = "policy-approved"
    policy: Name
    rules: Digest
    """Of `settings`; other rules of the same name need another approval."""
    settings: Plain
    """The gates with all their settings, the task, and which releases wait for a person."""
    name: Words
    """Printed name, as the person gave it."""
    meaning: Literal["approved: models may be promoted by these rules"]
    reason: Words

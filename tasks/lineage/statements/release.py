"""What is stated about versions, and about those who decide on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.config.words import Name
from tasks.lineage.statements.statement import Digest, Statement, Version
from tasks.lineage.statements.training import BaseFacts
from tasks.meta.record import Record

Words = Annotated[str, Field(min_length=1)]


class Registered(Statement):
    """A judged model became a version."""

    kind = "registered"
    model: Name
    version: Version
    artifact: Digest
    merged: Digest | None
    adapter: Digest | None
    dataset: Digest
    base: BaseFacts
    judged: Digest
    """Digest of the event that passed it."""


class PersonDecided(Statement):
    """What a person decided about a version (21 CFR 11.50: printed name, time and meaning)."""

    model: Name
    version: Version
    artifact: Digest
    registered: Digest
    """Digest of the event that registered it."""
    name: Words
    """Printed name, as the person gave it."""
    meaning: str
    reason: Words


class Approved(PersonDecided):
    """A person decided that a version may be promoted."""

    kind = "approved"
    meaning: Literal["approved for promotion"]


class Confirmed(PersonDecided):
    """A person approved the champion as it is: from here on it is what later releases are measured against."""

    kind = "confirmed"
    meaning: Literal["approved as the release that later ones are measured against"]


class TurnedDown(PersonDecided):
    """A person decided that a version which waited is not promoted."""

    kind = "rejected"
    meaning: Literal["rejected: not to be promoted"]


class Recalled(PersonDecided):
    """A person decided that a version must not be used any more, by nobody."""

    kind = "recalled"
    meaning: Literal["recalled: not to be used"]


class Holder(Record):
    """A version and its artifact."""

    version: Version
    artifact: Digest


class Promoted(Statement):
    """A version became champion."""

    kind = "promoted"
    model: Name
    version: Version
    artifact: Digest
    previous: Holder | None
    """The champion before it."""
    registered: Digest
    """Digest of the event that registered it."""
    approved: Digest | None
    """Digest of the event by which a person allowed it; None where the policy asks for no person."""


class RolledBack(PersonDecided):
    """A person made an earlier champion the champion again. The one that was left may be promoted no more."""

    kind = "rolled-back"
    meaning: Literal["made champion again"]
    left: Holder | None
    """The champion until then; None where it had been recalled."""


class NothingToDo(Statement):
    """A run found nothing changed since the last decision, and trained nothing."""

    kind = "nothing-to-do"
    model: Name
    recipe: Digest
    inputs: Digest
    """Digest of everything that the run depends on."""
    reason: str
    decided: Digest | None
    """Digest of the event that decided about these inputs before."""

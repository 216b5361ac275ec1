"""What is stated about people who read a version's answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.config.words import Name
from tasks.lineage.statements.release import Words
from tasks.lineage.statements.statement import Digest, Statement, Version

Count = Annotated[int, Field(ge=0)]


class Reviewed(Statement):
    """A person read answers of a version and marked them; what they read and wrote stays with the records."""

    kind = "reviewed"
    model: Name
    version: Version
    artifact: Digest
    registered: Digest
    """Digest of the event that registered it."""
    sheet: Digest
    """Of the sealed list of records that were to be read."""
    marks: Digest
    """Of the sealed marks, remarks included."""
    answers: Count
    """How many were read: all of the sheet."""
    right: Count
    wrong: Count
    harmful: Count
    remarks: Count
    """How many answers the reader remarked upon."""
    name: Words
    """Printed name, as the person gave it."""
    meaning: Literal["read and marked"]

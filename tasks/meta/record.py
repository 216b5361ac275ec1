"""The base of every record: what sealed artifacts say about themselves, typed.

`read` turns the metadata of an artifact into a record, `plain` a record into what is sealed. Both are exact: a field
that was not given is not written, so what is read and written again has the same digest.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.artifact import Artifact
from tasks.errors import IntegrityError

Plain = dict[str, Any]
"""Plain data that is kept as it is, and that no code looks into."""
Counts = dict[str, int]


class Record(BaseModel):
    """Frozen, and nothing that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def plain(self) -> Plain:
        """As JSON: what was given, to the key."""
        return self.model_dump(mode="json", exclude_unset=True)


class OpenRecord(Record):
    """Declares what code looks at, and keeps whatever else was said."""

    model_config = ConfigDict(extra="allow")


class ArtifactMeta(Record):
    """The metadata of an artifact."""

    kinds: ClassVar[tuple[str, ...]]
    what: ClassVar[str]
    """What such an artifact is, in words."""

    @classmethod
    def read(cls, artifact: Artifact) -> Self:
        """What an artifact says about itself.

        Raises:
            IntegrityError: it is of another kind, or says something else; names the first field at fault.
        """
        digest = artifact.digest
        if artifact.kind not in cls.kinds:
            raise IntegrityError(f"this {artifact.kind} is not {cls.what}", value=digest)
        try:
            return cls.model_validate(artifact.meta)
        except ValidationError as error:
            fault = first_fault(error)
            hint = "it was made by other code, or changed before it was sealed"
            raise IntegrityError(f"{artifact.kind} {digest[:12]} {fault}", hint=hint) from error


def first_fault(error: ValidationError) -> str:
    """The first fault of a record in words that follow its name; never the value, which could be of a record."""
    first = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"does not say its {name}"
    return f"says something else as its {name}: {first['msg']}" if name else f"says something else: {first['msg']}"

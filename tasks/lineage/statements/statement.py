"""The base of every statement: how one becomes an event, and an event a statement again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from tasks.errors import IntegrityError
from tasks.home import shown
from tasks.lineage.event import Event, Origin
from tasks.lineage.ledger import append, events
from tasks.meta.record import OpenRecord, Record, first_fault
from tasks.store import Store


def recordable(data: Any) -> Any:
    """Plain data as canonical JSON can hold it: a number that is not finite becomes None, "there is no such value"."""
    if isinstance(data, Mapping):
        return {str(key): recordable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [recordable(value) for value in data]
    if isinstance(data, Path):
        return shown(data)
    return None if isinstance(data, float) and not math.isfinite(data) else data


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Plain = Annotated[dict[str, Any], BeforeValidator(recordable)]
Number = Annotated[float | None, BeforeValidator(recordable)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Version = Annotated[int, Field(ge=1)]
"""Of a model, counted from 1."""


class OpenFacts(OpenRecord):
    """A part of a statement that names what code looks at, and keeps the rest."""

    @model_validator(mode="before")
    @classmethod
    def _recordable(cls, data: Any) -> Any:
        return recordable(data)


class Statement(Record):
    """Frozen, and nothing that is not declared. Registered by `kind` and `shape` where it is declared."""

    kind: ClassVar[str] = ""
    """Of its events; empty for what several kinds have in common."""
    shape: ClassVar[int] = 1
    """The version of the statement; a second one is another class, and a model's version is something else."""
    identity: ClassVar[tuple[str, ...]] = ()
    """Facts that make two statements the same one: a run that goes on after an interruption does not repeat it.
    Empty for decisions: each is recorded."""

    @classmethod
    def __pydantic_init_subclass__(cls, **more: Any) -> None:
        super().__pydantic_init_subclass__(**more)
        if cls.kind and KNOWN.setdefault((cls.kind, cls.shape), cls) is not cls:
            raise TypeError(f"{cls.kind} has a version {cls.shape} already: give {cls.__name__} another shape")

    @classmethod
    def read(cls, event: Event) -> Self:
        """What an event states: of this class, or of a later version that says more.

        Raises:
            IntegrityError: it states something else, or in a version that is not known here.
        """
        kind = KNOWN.get((event.kind, event.version))
        named = f"event {event.sequence} ({event.kind}, version {event.version})"
        if kind is None or not issubclass(kind, cls):
            known = "is not known here" if kind is None else f"is not a statement of {cls.kind or cls.__name__}"
            raise IntegrityError(f"{named} {known}", hint="a later Galen wrote it: use that one")
        try:
            return kind.model_validate(event.facts)
        except ValidationError as error:
            hint = "the signer's code or key was misused"
            raise IntegrityError(f"{named} {first_fault(error)}", hint=hint) from error

    def record(self, store: Store, subjects: Mapping[str, str], origin: Origin | None) -> Event:
        """Append this to the ledger, unless it says this already; then the event that does is returned."""
        if self.identity:
            for event in reversed(events(store, self.kind)):
                if event.version == self.shape and self._same(type(self).read(event)):
                    return event
        return append(store, self.kind, subjects, self.plain(), origin, version=self.shape)

    def _same(self, other: Self) -> bool:
        return all(getattr(self, name) == getattr(other, name) for name in self.identity)


KNOWN: dict[tuple[str, int], type[Statement]] = {}
"""Every statement, by kind and version."""
S = TypeVar("S", bound=Statement)


def statements(kind: type[S], history: Iterable[Event]) -> Iterator[tuple[Event, S]]:
    """The events of a kind, or of kinds that have something in common, each with what it states.

    Raises:
        IntegrityError: as `Statement.read`.
    """
    wanted = {name for (name, _), one in KNOWN.items() if issubclass(one, kind)}
    return ((event, kind.read(event)) for event in history if event.kind in wanted)

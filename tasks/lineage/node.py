"""One thing in the ancestry of a version, what is known of it, and what it came from: a tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tasks.lineage.event import Event
from tasks.plain_text import one_line

Status = Literal["verified", "recorded", "missing", "changed", "contradicted"]
"""verified: a signed event, or bytes that were hashed again. recorded: the ledger's word, with no bytes in reach.
missing, changed: bytes that GALEN_HOME should hold. contradicted: events or artifacts that exclude each other."""
BROKEN: tuple[Status, ...] = ("missing", "changed", "contradicted")
_MARK: dict[Status, str] = {"verified": "ok", "recorded": "--", "missing": "!!", "changed": "!!", "contradicted": "!!"}


@dataclass(frozen=True)
class Node:
    """One thing of the ancestry, and what it came from (`children`)."""

    name: str
    status: Status
    detail: str
    digest: str | None = None
    """Of the artifact, of the source, or of the event, where there is nothing else."""
    event: Event | None = field(default=None, repr=False)
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def plain(self) -> dict[str, Any]:
        """As JSON, with what the event states."""
        event = self.event and {
            "sequence": self.event.sequence,
            "digest": self.event.digest,
            "kind": self.event.kind,
            "time": self.event.time.isoformat(),
            "actor": self.event.actor,
            "key": self.event.key,
            "code": self.event.code,
            "facts": self.event.facts,
        }
        return {
            "name": self.name,
            "status": self.status,
            "detail": self.detail,
            "digest": self.digest,
            "event": event,
            "children": [child.plain() for child in self.children],
        }

    def under(self, *children: Node) -> Node:
        """The node, with more of what it came from."""
        return replace(self, children=(*self.children, *children))

    def contradicted(self, faults: dict[str, bool]) -> Node:
        """The node, with the faults that apply; one that is missing or changed already stays that."""
        found = [text for text, applies in faults.items() if applies]
        if not found or self.status in BROKEN:
            return self
        return replace(self, status="contradicted", detail="; ".join(found))

    def drawn(self, lead: str = "", follow: str = "") -> list[str]:
        """The tree below it, a line for each node."""
        number = f" [event {self.event.sequence}]" if self.event else ""
        digest = f" {self.digest[:12]}" if self.digest else ""
        lines = [f"{lead}{_MARK[self.status]} {one_line(self.name)}{digest}{number}: {one_line(self.detail)}"]
        for place, child in enumerate(self.children, 1):
            last = place == len(self.children)
            lines += child.drawn(follow + ("└─ " if last else "├─ "), follow + ("   " if last else "│  "))
        return lines


def of_event(name: str, event: Event, detail: str = "") -> Node:
    """A node that is an event: when it was, and who caused it."""
    said = f"{detail}; " if detail else ""
    return Node(name, "verified", f"{said}{event.time:%Y-%m-%d %H:%M:%S} UTC, {event.actor}", event.digest, event)

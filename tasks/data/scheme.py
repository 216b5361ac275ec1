"""A scheme of tags: how each tag of a source is to be read, and the same entities in BIO."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tasks.data.tagging import OUTSIDE, Grammar, Tag


@dataclass(frozen=True)
class Scheme:
    """How the tags of a source are to be read."""

    name: str
    """For people: "BIO", "IOB1", "BMES, with another sign than -"."""
    parts: Mapping[str, Tag]
    """Position (B, I, E, S, O) and type of every tag of the source."""
    decodes: bool = False
    """Sequences are read as entities and written anew; else position and type stay."""
    bare: bool = False
    """Types alone, stored without a letter."""
    grammar: Grammar | None = None
    """What a sequence must keep to; None where every sequence is possible, or where validation looks at it."""

    def bio(self, tags: Sequence[str], renamed: Callable[[str], str] = lambda kind: kind) -> list[str] | None:
        """The same entities in BIO (IO, where the source has no beginnings).

        Args:
            tags: of the source.
            renamed: from a type of entity to the label of the dataset; O for a type that is none.

        Returns:
            One tag per tag, or None where the sequence cannot have been meant.
        """
        if not self.parts.keys() >= set(tags):
            return None
        parts = [self.parts[tag] for tag in tags]
        if self.grammar and not self.grammar.possible([canonical(part) for part in parts]):
            return None
        if self.decodes:
            parts = _decoded(parts)
        found = []
        for part in parts:
            kind = renamed(part.kind) if part.kind else OUTSIDE
            found.append(OUTSIDE if kind == OUTSIDE else kind if self.bare else f"{part.position}-{kind}")
        return found


def _decoded(parts: Sequence[Tag]) -> list[Tag]:
    """Entities as the CoNLL scorer finds them, written as B and I."""
    found = []
    before = Tag(OUTSIDE, "")
    for part in parts:
        if part.kind:
            begins = part.position in "BS" or before.position in "ES" or before.kind != part.kind
            found.append(Tag("B" if begins else "I", part.kind))
        else:
            found.append(part)
        before = part
    return found


def canonical(part: Tag) -> str:
    """A tag in BIOES, whatever letters its source has."""
    return f"{part.position}-{part.kind}" if part.kind else OUTSIDE

"""Entities in a tag sequence (IO, BIO, BIOES, BILOU), found as the CoNLL scorer finds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTSIDE = "O"
_MARKS = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}  # BILOU's last and unit are BIOES' end and single


class Entity(NamedTuple):
    """One mention: its type, its first token, and the first token behind it."""

    kind: str
    start: int
    end: int


def split_tag(tag: str) -> tuple[str, str]:
    """A tag's mark (B, I, E, S or O) and entity type. A tag without a mark is a type in the IO scheme."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    mark, dash, kind = tag.partition("-")
    return (_MARKS[mark], kind) if dash and mark in _MARKS else ("I", tag)


def entities(tags: Iterable[str]) -> list[Entity]:
    """The entities of one sequence, in order.

    The rules of the shared task's scorer, conlleval (Tjong Kim Sang & De Meulder 2003, "Introduction to the CoNLL-2003
    Shared Task"), which seqeval's default mode follows: an impossible sequence is read, not refused. An I after O, or
    after another type, begins an entity.
    """
    found: list[Entity] = []
    before, kind_before, start = OUTSIDE, "", 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        mark, kind = split_tag(tag)
        fresh = mark in "BSO" or before in "ESO" or kind != kind_before  # nothing continues what came before
        if before != OUTSIDE and fresh:
            found.append(Entity(kind_before, start, place))
        if mark != OUTSIDE and fresh:
            start = place
        before, kind_before = mark, kind
    return found


def kinds(tags: Iterable[str]) -> list[str]:
    """The entity types of a set of tags, sorted."""
    return sorted({split_tag(tag)[1] for tag in tags} - {""})


def matches(reference: Sequence[str], predicted: Sequence[str]) -> Counter[tuple[str, str]]:
    """Counts by ("tp" | "fp" | "fn", entity type): an entity is right when type, start and end all agree."""
    meant, said = set(entities(reference)), set(entities(predicted))
    counts: Counter[tuple[str, str]] = Counter()
    for outcome, found in (("tp", meant & said), ("fp", said - meant), ("fn", meant - said)):
        counts.update((outcome, entity.kind) for entity in found)
    return counts

"""Entities in a tag sequence (IO, BIO, BIOES, BILOU), found as the CoNLL scorer finds them, and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tasks.model_text import OUTSIDE, Entity, entities, split_tag

__all__ = ["OUTSIDE", "Entity", "compared", "entities", "kinds", "matches", "split_tag"]


def kinds(tags: Iterable[str]) -> list[str]:
    """The entity types of a set of tags, sorted."""
    return sorted({split_tag(tag)[1] for tag in tags} - {""})


def matches(reference: Sequence[str], predicted: Sequence[str]) -> Counter[tuple[str, str]]:
    """Counts by ("tp" | "fp" | "fn", entity type): an entity is right when type, start and end all agree."""
    return compared(entities(reference), entities(predicted))


def compared(reference: Iterable[Entity], predicted: Iterable[Entity]) -> Counter[tuple[str, str]]:
    """As `matches`, of entities; both must count the same places."""
    meant, said = set(reference), set(predicted)
    counts: Counter[tuple[str, str]] = Counter()
    for outcome, found in (("tp", meant & said), ("fp", said - meant), ("fn", meant - said)):
        counts.update((outcome, entity.kind) for entity in found)
    return counts

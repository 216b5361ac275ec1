"""The grammar of tags: which may follow which, in the schemes that annotation tools write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Self

from tasks.data.tables import batches

OUTSIDE = "O"
_TAG = re.compile(r"([BIESLU])-(.+)")
_SAME = {"L": "E", "U": "S"}  # as BILOU writes them


class Tag(NamedTuple):
    """A tag in its two parts."""

    position: str
    """B, I, E or S; O outside of any entity."""
    kind: str
    """Type of the entity; empty outside."""

    @classmethod
    def of(cls, tag: str) -> Self:
        """`B-Disease` is ("B", "Disease"), `O` ("O", ""), a bare `Disease` ("I", "Disease")."""
        if tag == OUTSIDE:
            return cls(OUTSIDE, "")
        if found := _TAG.fullmatch(tag):
            return cls(_SAME.get(found[1], found[1]), found[2])
        return cls("I", tag)


def entity_type(tag: str) -> str:
    """`Disease` of `B-Disease`, `I-Disease` or a bare `Disease`; empty for the tag of what is no entity."""
    return Tag.of(tag).kind


class Grammar:
    """What sequences of tags are possible, given every tag that a dataset uses.

    BIOES (or BILOU), where some entity ends (`E-`) or stands alone (`S-`): an entity runs B I* E, or is one S. BIO,
    where none does but some begins: an I follows a B or an I of its type. IO, with neither: every sequence is possible.
    """

    def __init__(self, used: Iterable[str]) -> None:
        self.used = frozenset(used)
        positions = {Tag.of(tag).position for tag in self.used}
        self.ends = not positions.isdisjoint("ES")
        self.begins = self.ends or "B" in positions
        self._known: dict[tuple[str, str], bool] = {}

    @classmethod
    def of(cls, path: Path) -> Self:
        """The grammar of a Parquet file with a column `tags`."""
        import pyarrow.compute as pc

        used: set[str] = set()
        for batch in batches(path, ["tags"]):
            used.update(pc.unique(pc.list_flatten(batch.column(0))).to_pylist())
        return cls(used)

    def possible(self, tags: Sequence[str]) -> bool:
        """Whether a sequence can have been meant."""
        if not self.begins:
            return True
        known = self._known
        for pair in pairwise((OUTSIDE, *tags, OUTSIDE)):
            if pair not in known:
                known[pair] = self.may_follow(*pair)
            if not known[pair]:
                return False
        return True

    def retag(self, tags: Sequence[str], count: int) -> list[str] | None:
        """Tags for what replaces some tokens of a sequence, so that the entity around them stays one.

        Args:
            tags: of the replaced tokens.
            count: tokens that take their place, at least one.

        Returns:
            `count` tags, or None where the replaced tokens do not lie within one entity or outside of all, or where it
            would take a tag that the dataset does not use.
        """
        positions = [Tag.of(tag).position for tag in tags]
        kinds = {entity_type(tag) for tag in tags}
        if len(kinds) != 1 or {"B", "S"}.intersection(positions[1:]) or {"E", "S"}.intersection(positions[:-1]):
            return None
        kind = kinds.pop()
        if not kind or not self.begins:
            return [tags[0]] * count
        fresh = ["I"] * count
        if starts := positions[0] in "BS":
            fresh[0] = "B"
        if positions[-1] in "ES":
            fresh[-1] = "S" if starts and count == 1 else "E"
        spelled = [self._spelled(position, kind) for position in fresh]
        return spelled if self.used.issuperset(spelled) else None

    def _spelled(self, position: str, kind: str) -> str:
        """The tag as this dataset writes it: BILOU says L for E and U for S."""
        other = next((letter for letter, same in _SAME.items() if same == position), position)
        return f"{other}-{kind}" if f"{other}-{kind}" in self.used else f"{position}-{kind}"

    def may_follow(self, before: str, after: str) -> bool:
        """Whether one tag can stand behind another."""
        one, following = Tag.of(before), Tag.of(after)
        inside = one.position in "BI"
        goes_on = following.position in "IE"
        if goes_on and not (inside and one.kind == following.kind):
            return False
        return goes_on or not (self.ends and inside)

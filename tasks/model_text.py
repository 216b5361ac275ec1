"""What a model reads of a text, and what it says about it: the one place for both.

Training, judging, asking and serving all go through here. The file imports nothing of Galen, since a copy of it lies
beside `served.py` in every model that MLflow serves.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

OUTSIDE = "O"
WORD_OR_MARK = r"\w+|[^\w\s]"
"""How a text becomes words for a tagger that does not say how: letters and digits together, anything else alone."""
_MARKS = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}  # BILOU's last and unit are BIOES' end and single

Span = tuple[int, int]
"""First character, and the first one behind."""


class Entity(NamedTuple):
    """One mention: its type, its first place, and the first place behind it. Places count words, or characters."""

    kind: str
    start: int
    end: int


class Pieces(NamedTuple):
    """One text as a model reads it."""

    ids: list[int]
    """Token ids."""
    firsts: dict[int, int]
    """Word -> where its first piece is. A word that was cut off, or of which the tokenizer left nothing, has none."""


def text_ids(tokenizer: Any, texts: Sequence[str], max_length: int) -> tuple[list[list[int]], list[bool]]:
    """Token ids of texts to label, with what the tokenizer puts around any text; and which lost their end."""
    found = tokenizer(list(texts), truncation=True, max_length=max_length, split_special_tokens=True)
    return found["input_ids"], [bool(one.overflowing) for one in found.encodings]


def word_spans(text: str, pattern: str | None) -> list[Span]:
    """Where the words of a text are, as a tagger's `words` pattern (a regular expression) finds them."""
    return [found.span() for found in re.finditer(pattern or WORD_OR_MARK, text)]


def word_pieces(tokenizer: Any, texts: Sequence[Sequence[str]], max_length: int) -> tuple[list[Pieces], list[bool]]:
    """The pieces of each list of words; and which lists were cut.

    Words are joined by a space, as the model has seen text, and found again by their characters: that holds for
    WordPiece, SentencePiece and byte-level tokenizers alike.
    """
    joined = [" ".join(words) for words in texts]
    how = {"truncation": True, "max_length": max_length, "split_special_tokens": True}
    found = tokenizer(joined, return_offsets_mapping=True, **how)
    pieces = []
    for words, ids, spans in zip(texts, found["input_ids"], found["offset_mapping"], strict=True):
        owner = [place for place, word in enumerate(words) for _ in range(len(word) + 1)]  # the space after is its own
        firsts: dict[int, int] = {}
        for place, (start, end) in enumerate(spans):
            if end > start:  # a special token spans nothing
                firsts.setdefault(owner[end - 1], place)  # a piece may begin with the space before its word
        pieces.append(Pieces(ids, firsts))
    return pieces, [bool(one.overflowing) for one in found.encodings]


def word_tags(pieces: Pieces, best: Sequence[int], labels: Sequence[str], count: int) -> list[str]:
    """The tag of each of `count` words: that of its first piece, O for what the model did not read.

    Args:
        pieces: as `word_pieces` gives them.
        best: the most likely label of each piece, as a number.
        labels: names of the numbers.
        count: how many words there are.
    """
    return [labels[best[pieces.firsts[word]]] if word in pieces.firsts else OUTSIDE for word in range(count)]


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


def in_characters(found: Iterable[Entity], spans: Sequence[Span]) -> list[Entity]:
    """Entities over words as entities over the characters of the text; `spans` is where the words are."""
    return [Entity(one.kind, spans[one.start][0], spans[one.end - 1][1]) for one in found]


def mentions(text: str, found: Iterable[Entity]) -> str:
    """Entities over characters as text: `type: words as they are written`, one per line."""
    return "\n".join(f"{one.kind}: {' '.join(text[one.start : one.end].split())}" for one in found)


def tags_at(spans: Sequence[Span], tags: Sequence[str], places: Sequence[Span]) -> list[str]:
    """The tag of the first word that reaches into each of some other places of the same text, O where none does."""
    ends = [end for _, end in spans]
    found = []
    for start, end in places:
        word = bisect_left(ends, start + 1)
        found.append(tags[word] if word < len(spans) and spans[word][0] < end else OUTSIDE)
    return found

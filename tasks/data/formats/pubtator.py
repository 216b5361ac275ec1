"""PubTator: title and abstract of a paper on a line each, then a line per mention with its offsets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of
from tasks.data.records import Reason
from tasks.data.text_files import Encoding, find_encoding, lines

_TEXT = re.compile(r"(?P<id>[^|\t]+)\|(?P<part>[A-Za-z]+)\|(?P<text>.*)", re.DOTALL)
_TOKEN = re.compile(r"\w+|[^\w\s]")
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[\"'(\[]?[A-Z0-9])|\n")
_MENTION = 5
"""Columns of a mention at least: id, start, end, words, type; fewer are a relation."""


class PubTator(Format):
    """Papers with mentions: `id|t|title`, `id|a|abstract`, then `id`, start, end, words and type between tabs, and a
    blank line behind each. A sentence is a record, a paper a group. Tokens are words and marks, cut where a mention
    begins or ends; tags are B- and I- of its type. Of mentions within each other the longest counts; relations are
    passed over. `columns.tokens` and `columns.tags` stay as they are.
    """

    name = "pubtator"
    rank = 8
    tasks = ("token-classification",)
    task = "token-classification"
    suffixes = (".pubtator",)
    settings = frozenset({"encoding"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a file of papers."""
        encoding = find_encoding(path, dataset.encoding)
        fixed = {"tokens": "tokens", "tags": "tags", "record_id": "sentence", "group_id": "paper"}
        noticed: Counter[str] = Counter()
        rows = _rows(path, encoding, dataset.limits.max_input_characters, noticed)
        mapping = {field: column for field, column in mapping_of(dataset, **fixed).items() if column in fixed.values()}
        return Source(
            rows,
            tuple(fixed.values()),
            mapping,
            encoding.name,
            reads=frozenset({"paper", "sentence"}),
            noticed=noticed,
            groups="papers, by their ids",
        )


class _Mention(NamedTuple):
    start: int
    end: int
    type: str


@dataclass
class _Paper:
    """A title and an abstract, offsets going on from one to the other, and what is said of them."""

    line: int
    name: str
    texts: list[str] = field(default_factory=list)
    mentions: list[_Mention] = field(default_factory=list)
    fault: str = ""
    too_long: bool = False

    @property
    def text(self) -> str:
        """Title and abstract, a line feed between them, as PubTator counts."""
        return "\n".join(self.texts)

    def rows(self, noticed: Counter[str]) -> Iterator[Row]:
        """A row per sentence; one for the whole paper where a mention does not fit its text."""
        text, place = self.text, f"line {self.line}"
        if not self.texts:
            self.fault = self.fault or "mentions without a title or an abstract"
        if self.too_long:
            yield Row(place, None, None, Reason.TOO_LONG_INPUT)
            return
        if self.fault:
            yield Row(place, None, text, Reason.UNREADABLE, self.fault)
            return
        kept = _outermost(self.mentions)
        if len(kept) < len(self.mentions):
            noticed["mentions within or across another"] += len(self.mentions) - len(kept)
        for number, (start, end) in enumerate(_sentences(text, kept), start=1):
            tokens, tags = _tagged(text, start, end, kept)
            if tokens:
                name = f"{self.name}-{number}"
                yield Row(
                    f"{place}, sentence {number}",
                    {"tokens": tokens, "tags": tags, "sentence": name, "paper": self.name},
                )


def _rows(path: Path, encoding: Encoding, limit: int, noticed: Counter[str]) -> Iterator[Row]:
    paper: _Paper | None = None
    with encoding.open(path) as file:
        for number, line in lines(file):
            if line is None:
                if paper is None:
                    yield Row(f"line {number}", None, None, Reason.TOO_LONG_INPUT)
                else:
                    paper.too_long = True
                continue
            if not line.strip():
                if paper:
                    yield from paper.rows(noticed)
                paper = None
                continue
            name = _id_of(line)
            if name is None:
                yield Row(f"line {number}", None, line, Reason.UNREADABLE, "neither a text nor a mention")
                continue
            if paper is None or paper.name != name:  # no blank line between two papers
                if paper:
                    yield from paper.rows(noticed)
                paper = _Paper(number, name)
            _add(paper, line, limit, noticed)
    if paper:
        yield from paper.rows(noticed)


def _id_of(line: str) -> str | None:
    """The id of the paper that a line belongs to."""
    if text := _TEXT.fullmatch(line):
        return text["id"].strip()
    name, tab, _ = line.partition("\t")
    return name.strip() if tab and name.strip() else None


def _add(paper: _Paper, line: str, limit: int, noticed: Counter[str]) -> None:
    if text := _TEXT.fullmatch(line):
        paper.texts.append(text["text"])
        paper.too_long = paper.too_long or len(paper.text) > limit
        return
    values = line.split("\t")
    if len(values) < _MENTION or not (values[1].strip().isdigit() and values[2].strip().isdigit()):
        noticed["relations between mentions"] += 1
        return
    start, end, words, kind = int(values[1]), int(values[2]), values[3], values[4].strip()
    if paper.text[start:end] != words or not kind or start >= end:
        paper.fault = paper.fault or "a mention does not stand where its offsets say"
        return
    paper.mentions.append(_Mention(start, end, kind))


def _outermost(mentions: list[_Mention]) -> list[_Mention]:
    """The mentions in their order, of those that share characters the longest alone, the first of equal ones."""
    kept: list[_Mention] = []
    for one in sorted(mentions, key=lambda one: (one.start - one.end, one.start)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return sorted(kept)


def _sentences(text: str, mentions: list[_Mention]) -> Iterator[tuple[int, int]]:
    """Where sentences stand; none ends within a mention."""
    begin = 0
    for gap in _SENTENCE_END.finditer(text):
        if not any(one.start < gap.end() and one.end > gap.start() for one in mentions):
            yield begin, gap.start()
            begin = gap.end()
    yield begin, len(text)


def _tagged(text: str, start: int, end: int, mentions: list[_Mention]) -> tuple[list[str], list[str]]:
    """The tokens of a sentence and their tags."""
    inside = [one for one in mentions if one.start < end and one.end > start]
    edges = sorted({start, end, *(edge for one in inside for edge in (one.start, one.end))})
    tokens: list[str] = []
    tags: list[str] = []
    for first, last in pairwise(edges):
        of = next((one for one in inside if one.start <= first and last <= one.end), None)
        for at, match in enumerate(_TOKEN.finditer(text, first, last)):
            tokens.append(match[0])
            tags.append("O" if of is None else f"{'I' if at else 'B'}-{of.type}")
    return tokens, tags

"""CoNLL: a token per line, its tag in another column, a blank line between sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of
from tasks.data.records import Reason
from tasks.data.text_files import Encoding, find_encoding, lines
from tasks.errors import InputError

DOCUMENT = "-DOCSTART-"
FEWEST_BLOCKS = 10
LARGEST_BLOCK = 0.2
"""Blocks between two or more blank lines are documents where there are that many, and none holds more of the sentences
than this: else some blank line is a slip, and would tie half of a file together."""
_BLANKS = re.compile(r"[ \t]+")
_NAMED = re.compile(
    r"#{3,}(?P<line>\S+)\s*|"
    r"#\s*newdoc\s*|"
    r"#\s*(?:newdoc\s+id|doc_?id|document_?id|document|pmid|abstract_?id|article_?id)\s*[=:]\s*(?P<key>.+?)\s*",
    re.IGNORECASE,
)
"""Lines that begin a document beside `-DOCSTART-`: `###MEDLINE:id`, `# newdoc id = id`."""
_NO_NAME = frozenset({"O", "X", "", "_"})
_TAG = re.compile(r"[BIESLUMW][-_:./|].+|O")


class Conll(Format):
    """Two or more columns, by tabs or blanks. The token stands in the first and the tag in the last one, unless
    `columns.tokens` and `columns.tags` give their numbers (from 0). A document is a group: `-DOCSTART-`, `###id`,
    `# newdoc id = ...`, or a block between two or more blank lines. A line that begins with `# ` is a comment unless
    its columns are those of a token.
    """

    name = "conll"
    rank = 7
    tasks = ("token-classification",)
    task = "token-classification"
    suffixes = (".conll",)
    settings = frozenset({"encoding"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a file of sentences.

        Raises:
            InputError: a column is no number.
        """
        encoding = find_encoding(path, dataset.encoding)
        token, tag = _number(dataset.columns.tokens, "tokens", 0), _number(dataset.columns.tags, "tags", -1)
        layout = _look(path, encoding, tag)
        fixed = {"tokens": "tokens", "tags": "tags"} | ({"group_id": "document"} if layout.groups else {})
        noticed: Counter[str] = Counter()
        rows = _rows(path, encoding, layout, (token, tag), dataset.limits.max_input_characters, noticed)
        mapping = {field: column for field, column in mapping_of(dataset, **fixed).items() if column in fixed.values()}
        return Source(
            rows,
            tuple(fixed.values()),
            mapping,
            encoding.name,
            reads=frozenset({"document"}),
            noticed=noticed,
            groups=layout.groups,
        )


def _number(column: str, default_name: str, default: int) -> int:
    if column == default_name:
        return default
    try:
        return int(column)
    except ValueError:
        raise InputError(
            "columns of conll are numbers",
            value=column,
            hint=f"columns.{default_name}: '0' is the first, '-1' the last",
        ) from None


@dataclass
class _Layout:
    """What a whole file tells about its lines."""

    columns: int = 0
    """The usual number of columns."""
    tags: frozenset[str] = frozenset()
    groups: str = ""
    """What a document is; empty where none is told."""
    blocks: bool = False
    """Two or more blank lines begin a document."""

    def is_token(self, line: str, tag: int) -> bool:
        """Whether a line that begins with # is a token's: as many columns as the others, and a tag in its place."""
        values = _values(line)
        if len(values) != self.columns or len(values) < 2:
            return False
        mark = values[tag].strip() if -len(values) <= tag < len(values) else ""
        return mark in self.tags or _TAG.fullmatch(mark) is not None


def _look(path: Path, encoding: Encoding, tag: int) -> _Layout:
    """Go through a file once before it is read."""
    widths: Counter[int] = Counter()
    tags: set[str] = set()
    documents = blank = sentences = 0
    sizes: list[int] = [0]
    inside = False
    with encoding.open(path) as file:
        for _, line in lines(file):
            if line is None:
                continue
            if not line.strip():
                blank, inside = blank + 1, False
                continue
            if line.startswith(("#", DOCUMENT)):
                documents += _named(line) is not None
                continue
            if not inside:
                sentences += 1
                if blank > 1:
                    sizes.append(0)
                sizes[-1] += 1
            blank, inside = 0, True
            values = _values(line)
            widths[len(values)] += 1
            if -len(values) <= tag < len(values) and len(tags) < 1000:
                tags.add(values[tag].strip())
    columns = widths.most_common(1)[0][0] if widths else 0
    if documents > 1:
        return _Layout(columns, frozenset(tags), "documents, as the file marks them")
    if len(sizes) >= FEWEST_BLOCKS and max(sizes) <= LARGEST_BLOCK * sentences and len(sizes) < sentences:
        return _Layout(columns, frozenset(tags), "blocks between two or more blank lines", blocks=True)
    return _Layout(columns, frozenset(tags))


@dataclass
class _Sentence:
    line: int
    document: str | None
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    length: int = 0
    fault: Reason | None = None

    def row(self, limit: int) -> Row:
        place = f"line {self.line}"
        if self.length > limit:
            return Row(place, None, " ".join(self.tokens), Reason.TOO_LONG_INPUT)
        if self.fault:
            return Row(place, None, " ".join(self.tokens), self.fault)
        return Row(place, {"tokens": self.tokens, "tags": self.tags, "document": self.document})


def _rows(
    path: Path, encoding: Encoding, layout: _Layout, columns: tuple[int, int], limit: int, noticed: Counter[str]
) -> Iterator[Row]:
    sentence: _Sentence | None = None
    number_of_document = blank = 0
    document: str | None = None
    with encoding.open(path) as file:
        for number, line in lines(file):
            token = line is None or not line.startswith("#") or layout.is_token(line, columns[1])
            named = None if line is None or (token and not line.startswith(DOCUMENT)) else _named(line)
            if line is not None and (not line.strip() or named is not None):
                if sentence:
                    yield sentence.row(limit)
                sentence = None
                blank += named is None
                if named is not None:
                    number_of_document += 1
                    document = named or f"document {number_of_document}"
                continue
            if line is not None and not token and _is_comment(line, sentence is not None):
                noticed["comment lines"] += 1
                continue
            if layout.blocks and (blank > 1 or document is None):
                number_of_document += 1
                document = f"block {number_of_document}"
            blank = 0
            sentence = sentence or _Sentence(number, document)
            _add(sentence, line, columns, limit)
    if sentence:
        yield sentence.row(limit)


def _is_comment(line: str, inside: bool) -> bool:
    """Whether a line looks like a comment: before a sentence also one word behind a #."""
    return "\t" not in line and (line.startswith("# ") or (not inside and line.startswith("#") and " " not in line))


def _named(line: str) -> str | None:
    """The id of the document that a line begins, empty where it has none; None for another line."""
    if line.startswith(DOCUMENT):
        words = (word.strip("()-") for word in line[len(DOCUMENT) :].split())
        return next((word for word in words if word not in _NO_NAME), "")
    found = _NAMED.fullmatch(line)
    return None if found is None else next((one for one in found.groups() if one), "")


def _values(line: str) -> list[str]:
    """The columns of a line. A no-break or ideographic space may be a token: it parts them only if nothing else does.

    A blank in front of a tag alone was a token once.
    """
    values = line.split("\t") if "\t" in line else [one for one in _BLANKS.split(line) if one]
    if len(values) > 1:
        return values
    return ["", *line.split()] if line[:1].isspace() and _TAG.fullmatch(line.strip()) else line.split()


def _add(sentence: _Sentence, line: str | None, columns: tuple[int, int], limit: int) -> None:
    values = [] if line is None else _values(line)
    try:
        word, mark = (values[column].strip(" ") for column in columns)
    except IndexError:
        word = mark = ""
    if len(values) < 2 or not mark.strip():
        sentence.fault = Reason.LENGTH_MISMATCH
        return
    sentence.length += len(word) + 1
    if sentence.length <= limit:  # a file without blank lines must not fill the memory
        sentence.tokens.append(word)
        sentence.tags.append(mark.strip())

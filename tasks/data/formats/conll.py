"""CoNLL: a token per line, its tag in another column, a blank line between sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of
from tasks.data.records import Reason
from tasks.data.text_files import Encoding, find_encoding, lines
from tasks.errors import InputError

DOCUMENT = "-DOCSTART-"
_TO_BIO = {"S-": "B-", "U-": "B-", "E-": "I-", "L-": "I-"}


class Conll(Format):
    """Two or more columns, by tabs or blanks. The token stands in the first and the tag in the last one, unless
    `columns.tokens` and `columns.tags` give their numbers (from 0). BIOES and BILOU become BIO. A document
    (-DOCSTART-) is a group.
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
        mapping = mapping_of(dataset, tokens="tokens", tags="tags", group_id="document")
        columns = ("tokens", "tags", "document")
        return Source(
            _rows(path, encoding, token, tag, dataset.limits.max_input_characters), columns, mapping, encoding.name
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
class _Sentence:
    line: int
    document: int
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
        document = f"document {self.document}" if self.document else None
        return Row(place, {"tokens": self.tokens, "tags": self.tags, "document": document})


def _rows(path: Path, encoding: Encoding, token: int, tag: int, limit: int) -> Iterator[Row]:
    sentence: _Sentence | None = None
    document = 0
    with encoding.open(path) as file:
        for number, line in lines(file):
            if line is not None and (not line.strip() or line.startswith(DOCUMENT)):
                if sentence:
                    yield sentence.row(limit)
                sentence = None
                document += line.startswith(DOCUMENT)
                continue
            if line is not None and line.startswith("# ") and "\t" not in line:
                continue  # a comment
            sentence = sentence or _Sentence(number, document)
            _add(sentence, line, token, tag, limit)
    if sentence:
        yield sentence.row(limit)


def _add(sentence: _Sentence, line: str | None, token: int, tag: int, limit: int) -> None:
    values = [] if line is None else line.split("\t") if "\t" in line else line.split()
    try:
        word, mark = values[token].strip(), values[tag].strip()
    except IndexError:
        word = mark = ""
    if len(values) < 2 or not word or not mark:
        sentence.fault = Reason.LENGTH_MISMATCH
        return
    sentence.length += len(word) + 1
    if sentence.length <= limit:  # a file without blank lines must not fill the memory
        sentence.tokens.append(word)
        sentence.tags.append(_TO_BIO.get(mark[:2], mark[:2]) + mark[2:])

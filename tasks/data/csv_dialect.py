"""How one table of text is written: delimiter, escape character, and the line that names its columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.blanks import is_blank
from tasks.data.text_files import BOM, LONGEST_LINE, Encoding, short_lines
from tasks.errors import InputError

DELIMITERS = ",;\t|"
TITLES = 10
"""Lines in which the header is looked for: programs write a title, a date or `sep=;` above it."""
NULL = "\\N"
"""How MySQL and PostgreSQL write that there is nothing."""
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How one table is written; `header` is empty where its line has a fault in its quotes."""

    delimiter: str
    escape: str | None
    header: tuple[str, ...]
    line: int
    """Number of the line that the header stands on."""

    def reader(self, lines: Iterable[str], escape: str | None = None) -> Iterator[list[str]]:
        """Fields, row by row; `escape` where it is not the dialect's own."""
        return _reader(lines, self.delimiter, escape or self.escape)


def _reader(lines: Iterable[str], delimiter: str, escape: str | None) -> Iterator[list[str]]:
    """A blank behind a delimiter is no part of a field: a quote may follow it."""
    if escape == NULL[0]:  # before it takes the meaning of `\N` away
        null = re.compile(rf"(?:^|(?<={re.escape(delimiter)}))\\N(?=[\r\n{re.escape(delimiter)}]|$)")
        lines = (null.sub(_nothing_unless_quoted, line) if NULL in line else line for line in lines)
    spaced = delimiter != " "
    return csv.reader(lines, delimiter=delimiter, escapechar=escape, skipinitialspace=spaced, strict=True)


def _nothing_unless_quoted(found: re.Match[str]) -> str:
    return found[0] if found.string[: found.start()].count('"') % 2 else ""


def find_dialect(path: Path, encoding: Encoding, dataset: Dataset, needed: set[str], noticed: Counter[str]) -> Dialect:
    """How a table is written. Its header is of the first lines the one that names all needed columns; where none does,
    the first that is not empty.

    Args:
        path: the table.
        encoding: of the file.
        dataset: its settings.
        needed: names of columns.
        noticed: where lines above the header are counted.

    Raises:
        InputError: the first lines are empty.
    """
    given, best = dataset.delimiter, None
    with encoding.open(path, newline="") as file:
        head = [file.readline(LONGEST_LINE).lstrip(BOM) for _ in range(TITLES)]
    above = 0
    if named := _SEP.fullmatch(head[0]):
        given, above = given or named[1], 1
        noticed["a line that names the delimiter"] += 1
    for number, line in enumerate(head[above:], start=above + 1):
        if is_blank(line):
            continue
        delimiter = given or _delimiter(line)
        try:
            header = tuple(name.strip() for name in next(_reader([line], delimiter, dataset.escape), []))
        except csv.Error:  # a name that goes on in the next line, or a title with a stray quote
            header = _long_header(path, encoding, number, delimiter, dataset.escape) if best is None else ()
        found = Dialect(delimiter, dataset.escape, header, number)
        if best is None or (needed <= set(header) and not needed <= set(best.header)):
            best = found
    if best is None:
        raise InputError("the first lines are empty", value=path, hint="the first line names the columns")
    if skipped := best.line - 1 - above:
        noticed["lines above the header"] += skipped
    return best


def _long_header(path: Path, encoding: Encoding, number: int, delimiter: str, escape: str | None) -> tuple[str, ...]:
    with encoding.open(path, newline="") as file:
        try:
            return tuple(
                name.strip()
                for name in next(_reader(islice(short_lines(file), number - 1, None), delimiter, escape), [])
            )
        except csv.Error:
            return ()


def _delimiter(header: str) -> str:
    """The delimiter that occurs most often outside quotes; a comma where none does."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)

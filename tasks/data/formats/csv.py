"""Tables of text: comma, semicolon, tab or bar between the fields, quotes around what holds one of them."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.blanks import is_blank
from tasks.data.csv_dialect import NULL, Dialect, find_dialect
from tasks.data.format import Format, Row, Source, mapping_of
from tasks.data.records import INPUT
from tasks.data.text_files import BOM, LONGEST_LINE, Encoding, find_encoding, short_lines
from tasks.errors import InputError

MOST_LINES = 100
"""A broken row that spans more lines is a stray quote that swallows good rows: no single bad row."""
_RULE = re.compile(r"[-=:+]{3,}")
"""What stands between header and rows of a table that was drawn for people."""
_BACKSLASH = "quotes behind backslashes: set `escape: \\`"
_BACKSLASHED = "delimiters behind backslashes: set `escape: \\`"


class Csv(Format):
    """A table with a line that names the columns, which may stand below a title or a `sep=;`."""

    name = "csv"
    rank = 2
    suffixes = (".csv", ".tsv")
    settings = frozenset({"delimiter", "encoding", "escape"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a table; its delimiter is found out where the dataset does not give it.

        Raises:
            InputError: no line names the columns, or a column that is needed stands there twice.
        """
        encoding = find_encoding(path, dataset.encoding)
        csv.field_size_limit(LONGEST_LINE)
        mapping = mapping_of(dataset)
        noticed: Counter[str] = Counter()
        dialect = find_dialect(path, encoding, dataset, set(mapping.values()), noticed)
        if not dialect.header:
            hint = "repair its quotes; is this a table? --format says how the data is written"
            raise InputError("the line that should name the columns has a fault in its quotes", value=path, hint=hint)
        for name in mapping.values():
            if dialect.header.count(name) > 1:
                raise InputError(f"two columns of {dataset.source} have the same name", value=name, hint="rename one")
        rows = _Table(path, encoding, dialect, noticed, mapping[INPUT[dataset.task]]).rows()
        return Source(rows, dialect.header, mapping, encoding.name, noticed=noticed)


class _Lines:
    """Lines of a table, with what was taken since the last row began; some can be looked at before they are taken."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines, self._ahead = lines, deque[str]()
        self.taken: list[str] = []
        self.number = 0
        """Of the line that was taken last."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = (self._ahead.popleft() if self._ahead else next(self._lines)).lstrip(BOM)
        self.taken.append(line)
        self.number += 1
        return line

    def ahead(self) -> list[str]:
        """The next lines, which are not taken."""
        room = LONGEST_LINE - sum(map(len, self._ahead))
        while len(self._ahead) < MOST_LINES and room > 0 and (line := next(self._lines, None)) is not None:
            self._ahead.append(line)
            room -= len(line)
        return list(islice(self._ahead, MOST_LINES))

    def take(self, count: int) -> None:
        """Have so many lines taken, fewer or more than now."""
        while len(self.taken) > count:
            self._ahead.appendleft(self.taken.pop())
            self.number -= 1
        while len(self.taken) < count:
            next(self)


class _Table:
    """The rows of one table."""

    def __init__(
        self, path: Path, encoding: Encoding, dialect: Dialect, noticed: Counter[str], input_column: str
    ) -> None:
        self._path, self._encoding, self._dialect, self._noticed = path, encoding, dialect, noticed
        self._header = list(dialect.header)
        self._names = [name.casefold() for name in dialect.header]
        self._input = input_column.casefold()
        other = re.escape(dialect.delimiter)
        quoted, plain = r' *"[^"]*(?:""[^"]*)*', rf'[^"{other}\r\n]*'
        field = rf'(?:{quoted}"|{plain})'
        self._doubled = re.compile(rf"(?:{field}(?:{other}|\r\n?|\n))*(?:{field}|{quoted})")
        """Rows whose quotes are doubled; the last one may go on."""

    def rows(self) -> Iterator[Row]:
        """Each row behind the header.

        Raises:
            InputError: from one line on, it cannot be told what is a row; or another header follows.
        """
        with self._encoding.open(self._path, newline="") as file:
            lines = _Lines(short_lines(file))
            for _ in range(self._dialect.line - 1):
                next(lines)
            reader = self._dialect.reader(lines)
            next(reader, None)
            while True:
                lines.taken.clear()
                first = lines.number + 1
                try:
                    values = next(reader)
                except StopIteration:
                    return
                except csv.Error:  # a quote that never ends, or something behind a closing quote
                    values = None
                if values is None or self._misread(lines):
                    yield self._broken(lines, first)
                elif (row := self._row(values, lines, first)) is not None:
                    yield row

    def _row(self, values: list[str], lines: _Lines, first: int) -> Row | None:
        """A row; None for what is none: an empty line, or the header again."""
        header, place = self._header, f"line {first}"
        if all(map(is_blank, values)):
            if values:
                self._noticed["empty lines"] += 1
            return None
        if self._names_columns([value.strip().casefold() for value in values], first):
            self._noticed["header lines repeated"] += 1
            return None
        if all(_RULE.fullmatch(value.strip()) for value in values if value):
            self._noticed["lines of dashes"] += 1
            return None
        if len(values) > len(header) and all(map(is_blank, values[len(header) :])):
            values = values[: len(header)]
        if len(values) != len(header):
            detail = f"{len(values)} fields, the header names {len(header)}"
            if self._dialect.escape is None and any(value.endswith(NULL[0]) for value in values):
                detail = _BACKSLASHED
            self._refuse_if_swallowed(lines, first, "a stray quote")
            return Row(place, None, self._dialect.delimiter.join(values), detail=detail)
        return Row(place, {name: None if value == NULL else value for name, value in zip(header, values, strict=True)})

    def _names_columns(self, names: list[str], first: int) -> bool:
        """Whether a line is the header again.

        Raises:
            InputError: it is one with other names, or in another order: the rows behind it would be misread.
        """
        if names == self._names:
            return True
        other = len(names) > 1 and sorted(names) == sorted(self._names)
        if other or dict(zip(self._names, names, strict=False)).get(self._input) == self._input:
            raise InputError(
                f"line {first} names the columns again, differently: two tables in one file",
                value=self._path,
                hint="keep them as two files of one folder, and name the folder as the source",
            )
        return False

    def _broken(self, lines: _Lines, first: int) -> Row:
        """A row with a fault in its quotes, up to where the next row starts for certain."""
        end = self._by_backslash(lines)
        fault = "a fault in its quotes" if end is None else _BACKSLASH
        lines.take(self._by_quotes(lines) if end is None else end)
        if end is None:
            self._refuse_if_swallowed(lines, first, fault)
        return Row(f"line {first}", None, "".join(lines.taken), detail=fault)

    def _refuse_if_swallowed(self, lines: _Lines, first: int, fault: str) -> None:
        """Refuse a table where lines that may belong to a broken row may be rows as well.

        Raises:
            InputError: so it is.
        """
        if len(lines.taken) > MOST_LINES or any(map(self._whole, lines.taken[1:])):
            raise InputError(
                f"a row that starts on line {first} never ends, or ends in other rows ({fault})",
                value=f"{self._path}, {len(lines.taken):,} lines",
                hint="repair the quotes there; where a character takes the meaning from a quote, name it as `escape`",
            )

    def _misread(self, lines: _Lines) -> bool:
        """Whether a row without a fault was written with backslashes: only then does it, or what follows, hold quotes
        in fields without quotes around them.
        """
        end = self._by_backslash(lines)
        if end is None:
            return False
        text = "".join([*lines.taken, *lines.ahead()[: max(0, end - len(lines.taken))]])
        return self._doubled.fullmatch(text) is None

    def _by_backslash(self, lines: _Lines) -> int | None:
        """How many lines a row takes if its quotes are written behind backslashes; None where they are not."""
        if self._dialect.escape is not None or not any('\\"' in line for line in lines.taken):
            return None
        trial = _Lines(iter([*lines.taken, *lines.ahead()]))
        try:
            values = next(self._dialect.reader(trial, NULL[0]))
        except (csv.Error, StopIteration):
            return None
        return len(trial.taken) if len(values) == len(self._header) else None

    def _by_quotes(self, lines: _Lines) -> int:
        """How many lines a broken row takes: a field that is open still where the fault was found ends on a line with
        an odd number of quotes; unless that line is broken itself when read as a row.
        """
        taken = len(lines.taken)
        if sum(line.count('"') for line in lines.taken) % 2:
            for number, line in enumerate(lines.ahead(), start=1):
                if line.count('"') % 2:
                    return taken if self._fields(line) is None else taken + number
        return taken

    def _whole(self, line: str) -> bool:
        """Whether a line may be a row by itself."""
        fields = self._fields(line)
        return fields is not None and line.count('"') % 2 == 0 and len(fields) == len(self._header)

    def _fields(self, line: str) -> list[str] | None:
        try:
            return next(self._dialect.reader([line]), [])
        except csv.Error:
            return None

"""Tables of text: comma, semicolon, tab or bar between the fields, quotes around what holds one of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of
from tasks.data.text_files import LONGEST_LINE, Encoding, find_encoding
from tasks.errors import InputError

DELIMITERS = ",;\t|"
MOST_LINES = 100
"""A broken row that spans more lines is a stray quote that swallows good rows: no single bad row."""


class Csv(Format):
    """A table whose first line names the columns."""

    name = "csv"
    rank = 2
    suffixes = (".csv", ".tsv")
    settings = frozenset({"delimiter"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a table; its delimiter is found out where the dataset does not give it.

        Raises:
            InputError: a column that is needed stands there twice.
        """
        encoding = find_encoding(path)
        csv.field_size_limit(LONGEST_LINE)
        with encoding.open(path, newline="") as file:
            delimiter = dataset.delimiter or _delimiter(file.readline(LONGEST_LINE))
            file.seek(0)
            header = [name.strip() for name in next(csv.reader(file, delimiter=delimiter), [])]
        mapping = mapping_of(dataset)
        for name in mapping.values():
            if header.count(name) > 1:
                raise InputError(f"two columns of {dataset.source} have the same name", value=name, hint="rename one")
        return Source(_rows(path, encoding, delimiter, header), tuple(header), mapping, encoding.name)


def _delimiter(header: str) -> str:
    """The delimiter that occurs most often outside quotes; a comma where none does."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _rows(path: Path, encoding: Encoding, delimiter: str, header: list[str]) -> Iterator[Row]:
    with encoding.open(path, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        next(reader)
        while True:
            first = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error:  # a quote that never ends, or something behind a closing quote
                values = None
            if values is not None and len(values) == len(header):
                yield Row(f"line {first}", dict(zip(header, values, strict=True)))
                continue
            if reader.line_num - first >= MOST_LINES:
                raise InputError(
                    f"a row that starts on line {first} never ends",
                    value=f"{reader.line_num - first + 1:,} lines",
                    hint="look for a stray quote there",
                )
            if values is None or values:  # else an empty line
                yield Row(f"line {first}", None, "(broken quotes)" if values is None else delimiter.join(values))

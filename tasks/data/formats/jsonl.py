"""JSON lines, and JSON arrays of objects, read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of, with_columns
from tasks.data.json_text import DECODER, Members, fault_of, wrapper
from tasks.data.text_files import BOM, LONGEST_LINE, Encoding, find_encoding, lines
from tasks.digest import CHUNK
from tasks.errors import InputError

_BETWEEN = f", \t\r\n\x1e{BOM}"
"""\x1e stands before each record of a JSON text sequence (RFC 7464)."""


class Jsonl(Format):
    """One object per line; or one array of objects, or several behind each other; or objects over several lines."""

    name = "jsonl"
    rank = 1
    suffixes = (".jsonl", ".ndjson", ".json")
    settings = frozenset({"encoding"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a file of JSON lines, or of JSON arrays.

        Raises:
            InputError: the records lie within an object.
        """
        encoding = find_encoding(path, dataset.encoding)
        mapping = mapping_of(dataset)
        rows, columns = with_columns(objects(path, encoding, frozenset(mapping.values())))
        return Source(rows, columns, mapping, encoding.name)


def objects(path: Path, encoding: Encoding, known: frozenset[str]) -> Iterator[Row]:
    """The objects of JSON lines, or of arrays where the file starts with one. NaN and infinities are null.

    Args:
        path: the file.
        encoding: of the file.
        known: keys of a record.

    Raises:
        InputError: the records lie within an object; or an array, or objects over several lines, cannot be read to
            their end: what follows a broken member cannot be told from it.
    """
    with encoding.open(path) as file:
        head = file.read(CHUNK).lstrip(_BETWEEN)
        file.seek(0)
        if head[:1] == "{" and (refused := wrapper(head, known)):
            raise InputError(refused.what, value=path, hint=refused.hint)
        if head[:1] == "[" or _over_several_lines(head):
            yield from _of_values(file, path)
        else:
            yield from _of_lines(file)


def _over_several_lines(head: str) -> bool:
    """Whether the first object is whole, but not on its first line."""
    first, _, more = head.partition("\n")
    if not more or isinstance(_objects_of(first), list):
        return False
    try:
        return isinstance(DECODER.raw_decode(head)[0], dict)
    except (ValueError, RecursionError):
        return first.strip() == "{"


def _of_lines(file: TextIO) -> Iterator[Row]:
    for number, line in lines(file):
        place = f"line {number}"
        if line is None:
            yield Row(place, None, f"(longer than {LONGEST_LINE:,} characters)", detail="a line that is too long")
        elif line.strip(_BETWEEN):
            found = _objects_of(line)
            if isinstance(found, str):
                yield Row(place, None, line, detail=found)
                continue
            for count, data in enumerate(found, start=1):
                yield Row(place, data, line) if len(found) == 1 else Row(f"{place}, object {count}", data)


def _objects_of(line: str) -> list[dict[str, Any]] | str:
    """The objects of one line, which is one unless a line end got lost; where anything else is on it, what is wrong."""
    found: list[dict[str, Any]] = []
    text = line.strip(_BETWEEN)
    position = 0
    while position < len(text):
        try:
            data, position = DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            return f"not one JSON object per line: {fault_of(error)}"
        if not isinstance(data, dict):
            return "a line that holds no object"
        found.append(data)
        while position < len(text) and text[position] in _BETWEEN:
            position += 1
    return found


def _of_values(file: TextIO, path: Path) -> Iterator[Row]:
    """The members of all arrays, and the objects beside them."""
    for number, (_, data, raw) in enumerate(Members(file, path).of_values(), start=1):
        detail = None if isinstance(data, dict) else "a member that is no object"
        yield Row(f"item {number}", data if isinstance(data, dict) else None, raw, detail=detail)

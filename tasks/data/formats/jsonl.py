"""JSON lines, and JSON arrays of objects, read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of, with_columns
from tasks.data.text_files import LONGEST_LINE, Encoding, find_encoding, lines
from tasks.digest import CHUNK


class Jsonl(Format):
    """One object per line; or one array of objects."""

    name = "jsonl"
    rank = 1
    suffixes = (".jsonl",)

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a file of JSON lines, or of one JSON array."""
        encoding = find_encoding(path)
        rows, columns = with_columns(objects(path, encoding))
        return Source(rows, columns, mapping_of(dataset), encoding.name)


def objects(path: Path, encoding: Encoding) -> Iterator[Row]:
    """The objects of JSON lines, or of an array where the file starts with one."""
    with encoding.open(path) as file:
        start = file.read(CHUNK).lstrip()[:1]
        file.seek(0)
        if start == "[":
            yield from _of_array(file)
        else:
            yield from _of_lines(file)


def _of_lines(file: TextIO) -> Iterator[Row]:
    for number, line in lines(file):
        place = f"line {number}"
        if line is None:
            yield Row(place, None, f"(longer than {LONGEST_LINE:,} characters)")
        elif line.strip():
            try:
                data = json.loads(line)
            except (ValueError, RecursionError):
                data = None
            yield Row(place, data if isinstance(data, dict) else None, line)


def _of_array(file: TextIO) -> Iterator[Row]:
    for number, (_, data, raw) in enumerate(items(file), start=1):
        yield Row(f"item {number}", data if isinstance(data, dict) else None, raw)


def items(file: TextIO) -> Iterator[tuple[str | None, Any, str | None]]:
    """The members of one JSON array or object, one at a time: key (None in an array), value, text.

    A member that is broken, or longer than `LONGEST_LINE`, ends the file: what follows cannot be told from it. It
    comes as value None with no text.
    """
    decoder, text = json.JSONDecoder(), file.read(CHUNK).lstrip()
    keyed, position = text[:1] == "{", 1
    while True:
        member = _member(decoder, text, position, keyed)
        if member is not None:
            key, value, start, position = member
            yield key, value, text[start:position]
            continue
        rest = text[position:].lstrip(", \t\r\n")
        if rest.startswith(("]", "}")):
            return
        more = file.read(max(CHUNK, len(rest)))
        if not more or len(rest) > LONGEST_LINE:
            yield None, None, None
            return
        text, position = rest + more, 0


def _member(
    decoder: json.JSONDecoder, text: str, position: int, keyed: bool
) -> tuple[str | None, Any, int, int] | None:
    """The next member, if all of it and the character behind it are in `text`: key, value, start and end."""
    try:
        position = _skip(text, position, ", \t\r\n")
        key = None
        if keyed:
            key, position = decoder.raw_decode(text, position)
            position = _skip(text, position, ": \t\r\n")
        value, end = decoder.raw_decode(text, position)
    except (ValueError, RecursionError):
        return None
    return (key, value, position, end) if end < len(text) else None


def _skip(text: str, position: int, characters: str) -> int:
    while position < len(text) and text[position] in characters:
        position += 1
    return position

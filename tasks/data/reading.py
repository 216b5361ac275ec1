"""Opening the source of a dataset with the reader of its format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, format_named, formats, without_packing
from tasks.data.source_kinds import check_kinds
from tasks.digest import files_of
from tasks.errors import InputError
from tasks.home import CHECKOUT

NAME_OF_COLUMN = re.compile(r"[\w.\-/]+")
LONGEST_NAME = 40
"""A first line with none of the wanted names may be a record: only what looks like a name is then shown."""


def source_path(dataset: Dataset) -> Path:
    """Where a dataset's source lies.

    Raises:
        InputError: there is nothing, or something that is neither a file nor a folder of files.
    """
    path = CHECKOUT / Path(dataset.source).expanduser()
    if not path.exists():
        raise InputError("no such file or folder", value=dataset.source, hint="check `source` in params.yaml")
    check_kinds(path)
    return path


def open_source(dataset: Dataset) -> Source:
    """Open a dataset's source and find its columns.

    Raises:
        InputError: it is missing, empty, unreadable, not of this format, or lacks a column; the message names those
            that it has.
    """
    reader = format_named(dataset.format)
    if dataset.task not in reader.tasks:
        fitting = ", ".join(name for name, one in formats().items() if dataset.task in one.tasks)
        raise InputError(
            f"format {dataset.format} holds no {dataset.task} records", hint=f"formats for {dataset.task}: {fitting}"
        )
    path = source_path(dataset)
    source = _folder(reader, path, dataset) if path.is_dir() and not reader.folders else reader.read(path, dataset)
    first = next(source.rows, None)
    for field, column in source.mapping.items():
        if source.columns and column not in source.columns:  # none: no row can be read, and ingest says why
            raise InputError(
                f"no column for {field}",
                value=column,
                hint=f"{dataset.source} has: {_shown(source)}; name it under `columns`{_no_header(reader, source)}",
            )
    if first is None:
        raise InputError("the source holds no rows", value=dataset.source, hint="is it the right file and format?")
    return replace(source, rows=chain([first], source.rows))


def _no_header(reader: Format, source: Source) -> str:
    """What else may be wrong where a table has none of the names."""
    if reader.name != "csv" or not set(source.columns).isdisjoint(source.mapping.values()):
        return ""
    return ". Is its first line the header? A table without one needs a line above the first row that names the columns"


def _folder(reader: Format, folder: Path, dataset: Dataset) -> Source:
    """All files of a folder that are of a format by their names, one after the other, in the order of their paths.

    Raises:
        InputError: there is none, or one cannot be read or lacks a column that the others have.
    """
    if not reader.suffixes:
        raise InputError("this is a folder, the format needs a file", value=dataset.source)
    there = [file for file in files_of(folder) if not file.name.startswith(".")]
    files = [file for file in there if without_packing(file).endswith(reader.suffixes)]
    if not files:
        suffixes = " or ".join(reader.suffixes)
        raise InputError(f"no file {suffixes} in this folder", value=dataset.source, hint="check `source` and `format`")
    first = reader.read(files[0], dataset)
    noticed: Counter[str] = Counter({"files of the folder": len(files)})
    if others := len(there) - len(files):
        noticed["files of other kinds in the folder, which are not read"] = others

    def rows() -> Iterator[Row]:
        for file in files:
            source = first if file == files[0] else reader.read(file, dataset)
            place = file.relative_to(folder).as_posix()
            for column in first.mapping.values():
                if column in first.columns and source.columns and column not in source.columns:
                    what = "a file of the folder lacks a column that the first one has"
                    raise InputError(what, value=f"{column} in {place}", hint="rename it there, or add it")
            if source.encoding != first.encoding:
                noticed[f"files in {source.encoding}"] += 1
            yield from (row._replace(place=f"{place}, {row.place}") for row in source.rows)
            noticed.update(source.noticed)

    return replace(first, rows=rows(), noticed=noticed)


def _shown(source: Source) -> str:
    """The columns' names; not what may be a record, where a table has no header."""
    header = not set(source.columns).isdisjoint(source.mapping.values())
    return ", ".join(name if header and len(name) <= LONGEST_NAME else name_or_length(name) for name in source.columns)


def name_or_length(name: str) -> str:
    """A column's name if it looks like one, and not like a piece of a record."""
    fine = len(name) <= LONGEST_NAME and NAME_OF_COLUMN.fullmatch(name)
    return name if fine else f"(text of {len(name):,} characters)"

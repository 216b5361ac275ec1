"""Opening the source of a dataset with the reader of its format."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.format import Source, format_named, formats
from tasks.errors import InputError
from tasks.home import CHECKOUT

NAME_OF_COLUMN = re.compile(r"[\w.\-/]+")
LONGEST_NAME = 40
"""A first line with none of the wanted names may be a record: only what looks like a name is then shown."""


def source_path(dataset: Dataset) -> Path:
    """Where a dataset's source lies.

    Raises:
        InputError: there is nothing.
    """
    path = CHECKOUT / Path(dataset.source).expanduser()
    if not path.exists():
        raise InputError("no such file or folder", value=dataset.source, hint="check `source` in params.yaml")
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
    source = reader.read(source_path(dataset), dataset)
    first = next(source.rows, None)
    if first is None:
        raise InputError("the source holds no rows", value=dataset.source, hint="is it the right file and format?")
    for field, column in source.mapping.items():
        if source.columns and column not in source.columns:  # none: no row can be read, and ingest says why
            raise InputError(
                f"no column for {field}",
                value=column,
                hint=f"{dataset.source} has: {_shown(source)}; name it under `columns`",
            )
    return Source(chain([first], source.rows), source.columns, source.mapping, source.encoding)


def _shown(source: Source) -> str:
    """The columns' names; not what may be a record, where a table has no header."""
    header = not set(source.columns).isdisjoint(source.mapping.values())
    return ", ".join(
        name
        if len(name) <= LONGEST_NAME and (header or NAME_OF_COLUMN.fullmatch(name))
        else f"(text of {len(name):,} characters)"
        for name in source.columns
    )

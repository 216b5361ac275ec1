"""What a reader hands to ingest, and which reader a format has."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from tasks.config.data import Dataset, Format
from tasks.config.words import DATASET_TASKS, DatasetTask
from tasks.data.records import CONTENT, Reason
from tasks.errors import InputError
from tasks.home import CHECKOUT

LOOKED_AT = 1000
"""Rows whose keys tell which columns a source without a header has."""
NAME_OF_COLUMN = re.compile(r"[\w.\-/]+")
LONGEST_NAME = 40
"""A first line with none of the wanted names may be a record: only what looks like a name is then shown."""

_OPTIONAL = ("record_id", "group_id", "choices", "category", "language", "annotator")
_READERS: dict[Format, tuple[str, tuple[DatasetTask, ...]]] = {
    "jsonl": ("jsonlines", DATASET_TASKS),
    "csv": ("delimited", DATASET_TASKS),
    "parquet": ("columnar", DATASET_TASKS),
    "chat": ("chat", ("causal-lm",)),
    "medquad": ("medquad", ("causal-lm",)),
    "pubmedqa": ("pubmedqa", ("text-classification", "causal-lm")),
    "conll": ("conll", ("token-classification",)),
}


class Row(NamedTuple):
    """One row of a source."""

    place: str
    """Where it stands: "line 17"."""
    fields: Mapping[str, Any] | None
    """Its values by the source's own names; None where it cannot be read."""
    raw: str | None = None
    """The row as it was; None where `fields` says it all."""
    reason: Reason = Reason.UNREADABLE
    """Why `fields` is None."""


@dataclass(frozen=True)
class Source:
    """An open source. `rows` can be gone through once."""

    rows: Iterator[Row]
    columns: tuple[str, ...]
    """Names that were found."""
    mapping: Mapping[str, str]
    """Which name of the source holds which field of a record."""
    encoding: str
    """For people and for the manifest: "utf-8", "gb18030", "binary"."""


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
    module, tasks = _READERS[dataset.format]
    if dataset.task not in tasks:
        fitting = ", ".join(name for name, (_, allowed) in _READERS.items() if dataset.task in allowed)
        raise InputError(
            f"format {dataset.format} holds no {dataset.task} records", hint=f"formats for {dataset.task}: {fitting}"
        )
    source: Source = importlib.import_module(f"tasks.data.formats.{module}").read(source_path(dataset), dataset)
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


def mapping_of(dataset: Dataset, **fixed: str) -> dict[str, str]:
    """Which column holds which field: `fixed` by the format, the others as the dataset's `columns` say."""
    columns = dataset.columns.plain()
    needed = [field for field in CONTENT[dataset.task] if field != "choices"]
    wanted = {field: columns[field] for field in (*needed, *_OPTIONAL) if columns[field] is not None}
    if dataset.task != "causal-lm":
        wanted.pop("choices", None)
    return {**wanted, **fixed}


def with_columns(rows: Iterator[Row]) -> tuple[Iterator[Row], tuple[str, ...]]:
    """The rows again, and the names that the first `LOOKED_AT` of them use, in order of appearance."""
    head = list(islice(rows, LOOKED_AT))
    names = dict.fromkeys(name for row in head if row.fields is not None for name in row.fields)
    return chain(head, rows), tuple(names)


def only_file(path: Path) -> Path:
    """The path, if it is a file with something in it.

    Raises:
        InputError: it is a folder, or empty.
    """
    if path.is_dir():
        raise InputError("this is a folder, the format needs a file", value=path)
    if path.stat().st_size == 0:
        raise InputError("the file is empty", value=path)
    return path

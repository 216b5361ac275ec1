"""What a data format is. Each lives in one file of `formats/`, found by its name; nothing else lists them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tasks.config.data import Dataset
from tasks.config.words import DATASET_TASK, DATASET_TASKS, TASKS, DatasetTask, Task
from tasks.data.records import CONTENT, Reason
from tasks.digest import files_of
from tasks.errors import InputError
from tasks.plugins import kinds_in

LOOKED_AT = 1000
"""Rows whose keys tell which columns a source without a header has."""
_OPTIONAL = ("record_id", "group_id", "choices", "category", "language", "annotator")


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
    detail: str | None = None
    """What exactly, in words that hold nothing of the row: "a turn by 'narrator'", "3 fields, the header names 2"."""


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
    reads: frozenset[str] = frozenset()
    """Names that the format reads, besides those of `mapping`."""
    unread: tuple[str, ...] = ()
    """Names that stand in the source, and in no row that comes from here."""
    noticed: Counter[str] = field(default_factory=Counter)
    """What was passed over and is no row, counted while `rows` are gone through: {"header lines repeated": 1}."""
    groups: str = ""
    """How the format itself knows what belongs together ("documents (-DOCSTART-)"); empty where it does not."""


class Format(ABC):
    """One way in which data is written. Stateless: everything it needs comes in as an argument."""

    name: ClassVar[str]
    rank: ClassVar[int]
    """Place in lists for people: everyday formats come first, those of one data set or one kind of record last."""
    tasks: ClassVar[tuple[DatasetTask, ...]] = DATASET_TASKS
    """What its records can be."""
    task: ClassVar[DatasetTask | None] = None
    """What they are unless the dataset says otherwise; None where the format does not tell."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """Ends of file names by which it is guessed: (".csv", ".tsv")."""
    folders: ClassVar[bool] = False
    """Whether a folder is guessed to be of this format."""
    settings: ClassVar[frozenset[str]] = frozenset()
    """Settings of `tasks.config.data.Dataset` that it reads: with a format that does not, they are refused."""

    @abstractmethod
    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a source: each row comes one by one, with the names that the source uses.

        Raises:
            InputError: it is not of this format, or cannot be read at all.
        """

    def part(self, fields: Mapping[str, Any]) -> str | None:
        """The part of the source that a row stands in, where `exclude` can leave such a part out.

        Ingest says so where nothing in a part is usable.
        """
        return None


@cache
def formats() -> Mapping[str, Format]:
    """Every format by name, in the order of their ranks: one instance of the `Format` in each file of `formats/`."""
    import tasks.data.formats as package

    found = sorted(kinds_in(package, Format), key=lambda kind: (kind.rank, kind.name))
    return {kind.name: kind() for kind in found}


def settings_by_format() -> dict[str, frozenset[str]]:
    """The formats that there are, each with the settings that it reads: what an entry of params.yaml is held to."""
    return {name: one.settings for name, one in formats().items()}


def format_named(name: str) -> Format:
    """The format of that name.

    Raises:
        InputError: there is none.
    """
    try:
        return formats()[name]
    except KeyError:
        raise InputError("unknown format", value=name, hint=f"there are: {', '.join(formats())}") from None


def guessed_format(path: Path) -> Format | None:
    """What the name of a source, or its being a folder, says about its format, if anything."""
    inside = files_of(path) if path.is_dir() else ()
    names = [without_packing(file) for file in (inside or (path,))]
    by_name = (one for one in formats().values() if any(name.endswith(one.suffixes) for name in names if one.suffixes))
    by_kind = (one for one in formats().values() if one.folders and path.is_dir())
    return next(chain(by_name, by_kind), None)


def without_packing(path: Path) -> str:
    """A file's name in small letters, without ".gz"."""
    return path.name.lower().removesuffix(".gz")


def model_tasks(given: Format) -> tuple[Task, ...]:
    """What a model can learn from the records of a format; what it is mostly for comes first."""
    return tuple(task for held in given.tasks for task in TASKS if DATASET_TASK[task] == held)


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

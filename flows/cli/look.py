"""What a source looks like: which column holds what, how many rows there are, and how long a model must learn them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tasks.config.words import DATASET_TASK, GENERATING, Task
from tasks.data.format import format_named
from tasks.data.params import checked
from tasks.data.source_kinds import check_kinds
from tasks.errors import InputError

ROWS = 20_000
"""Rows that are looked at."""
USUAL: dict[str, tuple[str, ...]] = {
    "prompt": ("prompt", "question", "instruction", "query", "input", "ask"),
    "answer": ("answer", "response", "output", "reply", "completion", "target"),
    "text": ("text", "note", "notes", "abstract", "sentence", "document", "report", "message", "content", "body"),
    "label": ("label", "class", "category", "target", "diagnosis", "condition", "verdict", "department", "topic"),
    "record_id": ("id", "record_id", "row_id", "uuid", "note_id", "question_id"),
    "group_id": ("patient", "patient_id", "subject_id", "person_id", "mrn", "pid", "case_id", "group", "document_id"),
    "language": ("language", "lang"),
}
"""Names that people give to columns, the likeliest first."""
WRITTEN: dict[Task, tuple[str, ...]] = {
    "causal-lm": ("prompt", "answer"),
    "seq2seq-lm": ("prompt", "answer"),
    "text-classification": ("text", "label"),
    "token-classification": ("tokens", "tags"),
}
MOST_LABELS = 100
STEPS = 250
"""Optimizer steps from which a fresh head and an adapter learn a few classes; fewer are rejected by the gates."""
RECORDS = 16
"""Records of a step, where rows are few."""
TRAIN = 0.7
"""Share of the rows that are learned."""
LETTERS_PER_TOKEN = 3


@dataclass(frozen=True)
class Looked:
    """What the first rows say."""

    rows: int
    """At most `ROWS`."""
    columns: tuple[str, ...]
    proposed: Mapping[str, str]
    """Field of a record -> column; a field that nothing was found for is not there."""
    letters: int
    """Of a row's proposed contents, at the 90th percentile."""
    labels: tuple[str, ...]
    """Of a text-classification source, sorted; more than `MOST_LABELS` are none."""


def look(source: Path, format_: str, task: Task, settings: Mapping[str, Any]) -> Looked | None:
    """Read the first rows of a source whose columns have names of its owner's choice.

    Args:
        source: file or folder.
        format_: how it is written.
        task: what a model is to learn from it.
        settings: of the dataset, such as `delimiter`; what `columns` says goes before what is found.

    Returns:
        None where the format fixes what its columns mean.

    Raises:
        InputError: the source cannot be read at all.
    """
    check_kinds(source)
    reader = format_named(format_)
    if reader.task is not None:
        return None
    entry = {"task": DATASET_TASK[task], "source": str(source), "format": format_, "licence": "unknown", **settings}
    opened = reader.read(source.resolve(), checked(entry, "galen init"))
    rows = [row.fields for row in islice(opened.rows, ROWS) if row.fields is not None]
    if not rows:
        raise InputError("no row of the source can be read", value=source, hint="is it the right format?")
    columns = opened.columns or tuple(dict.fromkeys(name for row in rows for name in row))
    nested = {name for row in rows for name, value in row.items() if isinstance(value, list | dict)}
    if task != "token-classification":
        columns = tuple(name for name in columns if name not in nested)
    values = {name: [str(row[name]) for row in rows if row.get(name) not in (None, "")] for name in columns}
    said = settings.get("columns")
    proposed = _proposed(columns, values, task, said if isinstance(said, Mapping) else {})
    used = [proposed[field] for field in WRITTEN[task] if field in proposed]
    lengths = sorted(sum(len(str(row.get(name) or "")) for name in used) for row in rows)
    labels = sorted(set(values.get(proposed.get("label", ""), ())))
    return Looked(
        len(rows), tuple(columns), proposed, lengths[len(lengths) * 9 // 10], tuple(labels[: MOST_LABELS + 1])
    )


def _proposed(
    columns: Sequence[str], values: Mapping[str, list[str]], task: Task, said: Mapping[str, Any]
) -> dict[str, str]:
    found = {field: str(column) for field, column in said.items() if column}
    folded = {name.strip().casefold().replace(" ", "_"): name for name in columns}
    for field in (*WRITTEN[task], "record_id", "group_id", "language"):
        usual = [folded[name] for name in USUAL.get(field, (field,)) if name in folded]
        free = [name for name in usual if name not in found.values()]
        if field == "record_id":  # an id that comes back names a person or a page, not a record
            free = [name for name in free if len(set(values[name])) == len(values[name])]
        if free and field not in found:
            found[field] = free[0]
    length = {name: sum(map(len, held)) / max(len(held), 1) for name, held in values.items()}
    left = sorted((name for name in columns if name not in found.values()), key=lambda name: -length[name])
    for field in WRITTEN[task]:
        if field in found or not left or field in ("tokens", "tags"):
            continue
        if field == "label":
            few = [name for name in left if 2 <= len(set(values[name])) <= min(MOST_LABELS, len(values[name]) // 2)]
            left = few or left
            left.sort(key=lambda name: len(set(values[name])))
        found[field] = left.pop(0)
    return found


def holds_questions(found: Looked) -> bool:
    """Whether the columns of questions and answers have the names that people give them."""
    return all(found.proposed.get(field, "").casefold() in USUAL[field] for field in ("prompt", "answer"))


@dataclass(frozen=True)
class Course:
    """How long, and in which steps, to learn a source."""

    epochs: int
    batch_tokens: int
    max_length: int
    steps: int
    """About how many that makes."""


def course(task: Task, rows: int, letters: int) -> Course:
    """Settings with which a source of that size is learned: enough optimizer steps, of enough records each.

    Args:
        task: what is learned.
        rows: of the source.
        letters: characters of a long row.
    """
    length = min(max(64, 64 * math.ceil(letters / LETTERS_PER_TOKEN / 64)), 512 if task in GENERATING else 256)
    learned = max(TRAIN * rows, 1)
    batch = min(max(512, RECORDS * length), 4096)
    per_epoch = max(learned * length / batch, 1)
    epochs = min(max(math.ceil(STEPS / per_epoch), 3), 20)
    return Course(epochs, batch, length, round(epochs * per_epoch))

"""The shape of a record at every stage, and the reasons for which a row is turned away."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from tasks.config.words import DatasetTask

if TYPE_CHECKING:
    import pyarrow as pa

CONTENT: dict[DatasetTask, tuple[str, ...]] = {
    "causal-lm": ("prompt", "answer", "choices"),
    "text-classification": ("text", "label"),
    "token-classification": ("tokens", "tags"),
}
"""The columns that hold a record's content, per task."""

INPUT: dict[DatasetTask, str] = {"causal-lm": "prompt", "text-classification": "text", "token-classification": "tokens"}
"""The column that a model reads."""

TARGET: dict[DatasetTask, str] = {"causal-lm": "answer", "text-classification": "label", "token-classification": "tags"}
"""The column that a model must produce."""

UNSPECIFIED = "unspecified"
"""Category of a record that has none: every record belongs to a slice."""

_LISTS = frozenset({"choices", "tokens", "tags", "parents"})


class Reason(StrEnum):
    """Why a row was turned away. Machine-readable, and without content."""

    UNREADABLE = "unreadable"  # not JSON, or a line of a table with the wrong number of fields
    MISSING_FIELD = "missing-field"
    WRONG_TYPE = "wrong-type"
    UNKNOWN_ROLE = "unknown-role"  # a turn of a conversation by somebody who is neither user, assistant nor a tool
    UNSUPPORTED_CONTENT = "unsupported-content"  # an image, a sound, a call of a tool: something that is no text
    BLANK_INPUT = "blank-input"
    BLANK_TARGET = "blank-target"
    TOO_LONG_INPUT = "too-long-input"
    TOO_LONG_TARGET = "too-long-target"
    DUPLICATE_ID = "duplicate-id"  # with another content
    DUPLICATE = "duplicate"  # same content as another row; does not count towards the budget
    CONFLICTING_LABELS = "conflicting-labels"  # same input, another label
    ANNOTATORS_DISAGREE = "annotators-disagree"
    LENGTH_MISMATCH = "length-mismatch"  # not one tag per token
    IMPOSSIBLE_TAGS = "impossible-tags"  # I-X that continues nothing
    ANSWER_NOT_A_CHOICE = "answer-not-a-choice"
    BAD_CHARACTERS = "bad-characters"  # replacement or control characters: broken decoding
    WITHDRAWN = "withdrawn"  # consent was withdrawn; does not count towards the budget
    OTHER_LANGUAGE = "other-language"  # identified, without rules; does not count towards the budget
    NEAR_DUPLICATE = "near-duplicate"  # of a held-out record; does not count towards the budget


NOT_A_FAULT = frozenset({Reason.WITHDRAWN, Reason.DUPLICATE, Reason.OTHER_LANGUAGE, Reason.NEAR_DUPLICATE})
"""Reasons that say nothing about the quality of the source."""


def schema(task: DatasetTask) -> pa.Schema:
    """The Arrow schema of a record: content columns, then identity and provenance.

    `record_id`, `group_id` and `parents` hold keyed HMACs (hexadecimal) where the dataset is identified, else the
    source's own ids. `parents` is empty for a record of the source.
    """
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    names = (*CONTENT[task], "record_id", "group_id", "category", "language", "source", "licence", "parents")
    return pa.schema([pa.field(name, texts if name in _LISTS else text) for name in names])


def working_schema(task: DatasetTask) -> pa.Schema:
    """`schema(task)` and what only the stages need, from ingest to augment: the seal leaves it out.

    `place` says where in the source a record stood ("line 17", "5_NIDDK_QA/0000001.xml, question 2"); `annotator` is
    null where `columns.annotator` names none, and then every `record_id` occurs once. With annotators it may occur once
    per annotator, until validation settles on one label.
    """
    import pyarrow as pa

    text = pa.string()
    return pa.schema([*schema(task), pa.field("annotator", text), pa.field("place", text)])


def rejected_schema() -> pa.Schema:
    """A quarantined row: `reason` (a `Reason`), `place` in the source, `record_id` (null where unknown), `raw`.

    `raw` is the row as it was (from ingest) or the record as JSON (later). It stays on this machine, is shown to the
    owner of the data by `galen data rejected`, and is never sealed.
    """
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string()) for name in ("reason", "place", "record_id", "raw")])


def copies_schema() -> pa.Schema:
    """A row that was turned away as a copy: its own `record_id` and `group_id`, and the `record_id` that was `kept`.

    Ids are as records hold them. Without this table nobody could say that the words of a patient were learned whose
    only row was the copy of another's.
    """
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string()) for name in ("record_id", "group_id", "kept")])


def membership_schema() -> pa.Schema:
    """Who is in a dataset version, and where: one row per record, in the order of the splits.

    `content_digest` is the SHA-256 of the sealed, de-identified content (`tasks.data.identity.content_digest`).
    """
    import pyarrow as pa

    text = pa.string()
    names = ("record_id", "group_id", "split", "content_digest")
    return pa.schema([*(pa.field(name, text) for name in names), pa.field("parents", pa.list_(text))])

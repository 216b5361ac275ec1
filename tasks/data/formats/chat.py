"""Conversations: `messages` with roles, or Alpaca's `instruction`, `input` and `output`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of, with_columns
from tasks.data.formats.jsonl import objects
from tasks.data.records import Reason
from tasks.data.text_files import find_encoding

_ROLES = {"user": "User", "human": "User", "assistant": "Assistant"}


class Chat(Format):
    """JSON lines, or one JSON array, of conversations or instructions; the last answer is what is learned."""

    name = "chat"
    rank = 4
    tasks = ("causal-lm",)
    task = "causal-lm"

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a file of conversations or instructions."""
        encoding = find_encoding(path)
        rows, columns = with_columns(_turns(objects(path, encoding)))
        return Source(rows, columns, mapping_of(dataset, prompt="prompt", answer="answer"), encoding.name)


def _turns(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        fields = row.fields
        if fields is None:
            yield row
        elif "messages" in fields:
            yield _with(row, fields, _conversation(fields["messages"]))
        elif "instruction" in fields:
            yield _with(row, fields, _instruction(fields))
        else:
            yield Row(row.place, None, row.raw, Reason.MISSING_FIELD)


def _with(row: Row, fields: Mapping[str, Any], turn: tuple[str, str] | Reason) -> Row:
    if isinstance(turn, Reason):
        return Row(row.place, None, row.raw, turn)
    return Row(row.place, {**fields, "prompt": turn[0], "answer": turn[1]}, row.raw)


def _instruction(fields: Mapping[str, Any]) -> tuple[str, str] | Reason:
    parts = [fields["instruction"], fields.get("input") or "", fields.get("output")]
    if parts[2] is None:
        return Reason.MISSING_FIELD
    if not all(isinstance(part, str) for part in parts):
        return Reason.WRONG_TYPE
    return "\n\n".join(part for part in parts[:2] if part.strip()), parts[2]


def _conversation(messages: Any) -> tuple[str, str] | Reason:
    """The last answer, and all that was said before it: as it stands for one question, with names for more."""
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return Reason.WRONG_TYPE
    said = [(one.get("role"), one.get("content")) for one in messages]
    if not all(isinstance(role, str) and isinstance(content, str) for role, content in said):
        return Reason.WRONG_TYPE
    if len(said) < 2 or said[-1][0] != "assistant":
        return Reason.MISSING_FIELD
    turns = [(role, content) for role, content in said[:-1] if role in _ROLES]
    frame = [content for role, content in said[:-1] if role not in _ROLES]
    if len(turns) == 1:
        return "\n\n".join([*frame, turns[0][1]]), said[-1][1]
    return "\n\n".join([*frame, *(f"{_ROLES[role]}: {content}" for role, content in turns)]), said[-1][1]

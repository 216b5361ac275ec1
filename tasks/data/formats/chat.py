"""Conversations: `messages` with roles, ShareGPT's `conversations`, or Alpaca's `instruction`, `input` and `output`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of, with_columns
from tasks.data.formats.jsonl import objects
from tasks.data.records import Reason
from tasks.data.text_files import find_encoding

_TURNS = ("messages", "conversations", "conversation")
_KEYS = ("role", "from", "content", "value")
_ALPACA = ("instruction", "input", "output", "history")
_SPEAKERS = {
    "User": ("user", "human", "prompter"),
    "Assistant": ("assistant", "gpt", "model", "bot", "chatgpt", "ai", "function_call"),
    "System": ("system", "developer"),
    "Tool": ("tool", "function", "observation", "ipython"),
}
_NAMES = {role: name for name, roles in _SPEAKERS.items() for role in roles}
_ROLE = re.compile(r"[a-z_]{1,20}")
"""What may be shown of a role that is not known: in capitals or longer it might be somebody's name."""


class Chat(Format):
    """JSON lines, or JSON arrays, of conversations or instructions; the last answer is what is learned.

    All that was said before it is the question: what the system says first as it stands, then one question as it
    stands, or every turn with its speaker's name (User, Assistant, System, Tool), in their order. `from` and `value`
    are read like `role` and `content`; `system` and Alpaca's `history` are the first turns.
    """

    name = "chat"
    rank = 4
    tasks = ("causal-lm",)
    task = "causal-lm"
    suffixes = (".jsonl", ".ndjson", ".json")
    settings = frozenset({"encoding"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a file of conversations or instructions."""
        encoding = find_encoding(path, dataset.encoding)
        reads = frozenset({*_TURNS, *_ALPACA, "system"})
        noticed: Counter[str] = Counter()
        rows, columns = with_columns(_conversations(objects(path, encoding, reads), noticed))
        mapping = mapping_of(dataset, prompt="prompt", answer="answer")
        return Source(rows, columns, mapping, encoding.name, reads, noticed=noticed)


class _Turn(NamedTuple):
    name: str
    """Of the speaker."""
    text: str


class _Fault(Exception):
    """Why a row is no conversation."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def _conversations(rows: Iterator[Row], noticed: Counter[str]) -> Iterator[Row]:
    for row in rows:
        if row.fields is None:
            yield row
            continue
        try:
            prompt, answer = _prompt_and_answer(_turns(row.fields, noticed))
            yield Row(row.place, {**row.fields, "prompt": prompt, "answer": answer}, row.raw)
        except _Fault as fault:
            yield Row(row.place, None, row.raw, fault.reason, fault.detail)


def _turns(fields: Mapping[str, Any], noticed: Counter[str]) -> list[_Turn]:
    first = [_Turn("System", system)] if (system := _text(fields, "system")) else []
    held = next((name for name in _TURNS if name in fields), None)
    if held is not None:
        said = fields[held]
        if not isinstance(said, list):
            raise _Fault(Reason.WRONG_TYPE, f"{held} is no list of turns")
        beside = [name for name in (*_TURNS, "instruction") if name != held and fields.get(name)]
        noticed.update(f"rows with {name} beside {held}, which alone is read" for name in beside)
        return [*first, *(_turn(one, noticed) for one in said)]
    if "instruction" in fields:
        return [*first, *_history(fields.get("history")), *_instruction(fields)]
    raise _Fault(Reason.MISSING_FIELD, f"none of {', '.join(_TURNS)}, instruction")


def _turn(one: Any, noticed: Counter[str]) -> _Turn:
    if not isinstance(one, dict):
        raise _Fault(Reason.WRONG_TYPE, "a turn that is no object with role and content")
    role, content = one.get("role", one.get("from")), one.get("content", one.get("value"))
    if not isinstance(role, str):
        raise _Fault(Reason.WRONG_TYPE, "a turn without role (or from)")
    if one.get("tool_calls") or one.get("function_call"):
        raise _Fault(Reason.UNSUPPORTED_CONTENT, "a turn that calls a tool")
    name = _NAMES.get(role.strip().lower())
    if name is None:
        shown = f"a turn by {role!r}" if _ROLE.fullmatch(role) else "a turn by a role that is not known"
        raise _Fault(Reason.UNKNOWN_ROLE, f"{shown} (known: {', '.join(_NAMES)})")
    noticed.update(f"turns with {key!r}, which is not read" for key in one if key not in _KEYS and one[key] is not None)
    return _Turn(name, content if isinstance(content, str) else _joined(content))


def _joined(parts: Any) -> str:
    """The text of a content that is a list of parts."""
    if not isinstance(parts, list):
        raise _Fault(Reason.WRONG_TYPE, "a turn whose content (or value) is no text")
    texts = []
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else part
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        if not isinstance(text, str) or kind not in ("text", "input_text", "output_text"):
            shown = repr(kind) if isinstance(kind, str) and _ROLE.fullmatch(kind) else "that is no text"
            raise _Fault(Reason.UNSUPPORTED_CONTENT, f"a part {shown} of a turn's content")
        texts.append(text)
    return "\n".join(texts)


def _history(history: Any) -> list[_Turn]:
    if not history:
        return []
    if not isinstance(history, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair) for pair in history
    ):
        raise _Fault(Reason.WRONG_TYPE, "history is no list of pairs of question and answer")
    return [turn for question, answer in history for turn in (_Turn("User", question), _Turn("Assistant", answer))]


def _instruction(fields: Mapping[str, Any]) -> list[_Turn]:
    parts = [_text(fields, "instruction") or "", _text(fields, "input") or ""]
    answer = _text(fields, "output")
    if answer is None:
        raise _Fault(Reason.MISSING_FIELD, "no output")
    return [_Turn("User", "\n\n".join(part for part in parts if part.strip())), _Turn("Assistant", answer)]


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise _Fault(Reason.WRONG_TYPE, f"{name} is no text")
    return value


def _prompt_and_answer(turns: list[_Turn]) -> tuple[str, str]:
    """The last answer, and all that was said before it: as it stands for one question, with names for more."""
    if len(turns) < 2 or turns[-1].name != "Assistant":
        raise _Fault(Reason.MISSING_FIELD, "no answer of the assistant at the end of the conversation")
    asked = turns[:-1]
    start = next((number for number, turn in enumerate(asked) if turn.name != "System"), len(asked))
    frame, said = [turn.text for turn in asked[:start] if turn.text.strip()], asked[start:]
    if len(said) == 1 and said[0].name == "User":
        return "\n\n".join([*frame, said[0].text]), turns[-1].text
    return "\n\n".join([*frame, *(f"{name}: {text}" for name, text in said)]), turns[-1].text

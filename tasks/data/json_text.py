"""JSON read piece by piece, to its end: what cannot be read is refused by line and column, never passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TextIO

from tasks.data.text_files import BOM, LONGEST_LINE
from tasks.digest import CHUNK
from tasks.errors import InputError

DEEPEST = 64
"""Lists and objects within each other."""
_SPACE = f" \t\r\n{BOM}"
_TWICE = "a key stands there twice"
_COLON = re.compile(r"\s*:\s*")
_KEY = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*')
_LIST = re.compile(r"\[\s*\{")
_TURN = re.compile(r"""\[\s*\{[^{}]*"(?:role|from)"\s*:""")
_NAME = re.compile(r"\w{1,40}")
_SQUAD = "paragraphs"
_FLATTEN_SQUAD = (
    "jq -c '.data[].paragraphs[] | .context as $c | .qas[] | select(.answers | length > 0) | "
    '{id, prompt: ($c + "\\n\\n" + .question), answer: .answers[0].text}\' FILE > FILE.jsonl'
)


def _no_number(_: str) -> None:
    """NaN and infinities, which JSON does not have and Python writes: nothing is there."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. A key that stands there twice is a fault: one of its values would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(_TWICE)
    return found


def fault_of(error: ValueError | RecursionError) -> str:
    """What `DECODER` found wrong, without anything of the text."""
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    return _TWICE if str(error) == _TWICE else "nested too deeply, or a number that is too long"


class _Decoder(json.JSONDecoder):
    """Refuses what is nested deeper than any record: what looks at a value later goes as deep as it is."""

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        """A value, and where it ends.

        Raises:
            RecursionError: it is nested more than `DEEPEST` deep.
        """
        value, end = super().raw_decode(s, idx)
        if s.count("[", idx, end) + s.count("{", idx, end) > DEEPEST and _deep(value):
            raise RecursionError
        return value, end


def _deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, list | dict)
        ]
    return bool(level)


DECODER = _Decoder(parse_constant=_no_number, object_pairs_hook=_unique)

Member = tuple[str | None, Any, str]
"""Key (None in an array), value, text."""


class Members:
    """The members of the arrays or of the object that a file holds, one at a time.

    Args:
        file: opened text.
        path: where it lies, for messages.
    """

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file, self._path = file, path
        self._text, self._at = "", 0
        self._ended = False
        self._line, self._column = 1, 1
        """Of the first character of `_text`."""
        self._read = 0
        """Members so far."""

    def of_values(self) -> Iterator[Member]:
        """Of every array; an object beside them counts as a member.

        Raises:
            InputError: something cannot be read, with line and column.
        """
        while (start := self._next(_SPACE + ",")) is not None:
            if start == "[":
                yield from self._of_one("]")
            elif start == "{":
                yield self._member(keyed=False)
            else:
                self._fail("neither an array nor an object starts here")

    def of_object(self) -> Iterator[Member]:
        """Of one object.

        Raises:
            InputError: something cannot be read, or follows it, with line and column.
        """
        if self._next(_SPACE) == "{":
            yield from self._of_one("}")
        if self._next(_SPACE) is not None:
            self._fail("something follows the object that ended before")

    def _of_one(self, end: str) -> Iterator[Member]:
        self._at += 1
        while (start := self._next(_SPACE + ",")) != end:
            if start is None:
                self._fail(f"the file ends here, and the {'array' if end == ']' else 'object'} does not")
            yield self._member(keyed=end == "}")
        self._at += 1

    def _next(self, passed_over: str) -> str | None:
        """The next character that counts; None at the end of the file."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in passed_over:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return None

    def _member(self, *, keyed: bool) -> Member:
        while True:
            try:
                at, key = self._at, None
                if keyed:
                    key, at = DECODER.raw_decode(self._text, at)
                    at = self._behind_colon(at)
                value, end = DECODER.raw_decode(self._text, at)
                if end < len(self._text) or self._ended:  # a number may go on in the next piece
                    self._at, self._read = end, self._read + 1
                    return key, value, self._text[at:end]
                fault, position = "it ends too early", end
            except (ValueError, RecursionError) as error:
                fault = fault_of(error)
                position = error.pos if isinstance(error, json.JSONDecodeError) else self._at
            ahead = position - self._at
            if self._ended or len(self._text) - self._at > LONGEST_LINE:
                self._at += ahead
                self._fail(fault)
            self._more()

    def _behind_colon(self, at: int) -> int:
        found = _COLON.match(self._text, at)
        return found.end() if found else at

    def _more(self) -> bool:
        """Read on; what was gone through is forgotten."""
        if self._ended:
            return False
        piece = self._file.read(max(CHUNK, len(self._text) - self._at))
        self._ended = not piece
        self._forget()
        self._text += piece
        return not self._ended

    def _forget(self) -> None:
        gone, self._text = self._text[: self._at], self._text[self._at :]
        self._at = 0
        if newlines := gone.count("\n"):
            self._line, self._column = self._line + newlines, len(gone) - gone.rindex("\n")
        else:
            self._column += len(gone)

    def _fail(self, fault: str) -> NoReturn:
        self._forget()
        raise InputError(
            f"this JSON cannot be read beyond line {self._line}, column {self._column} ({fault}), {self._read:,} "
            f"members before it",
            value=self._path,
            hint="what follows would be lost: repair that place, or download the file again if it broke off",
        )


class Refusal(NamedTuple):
    """Why the records of a file are not taken, and what to do."""

    what: str
    hint: str


def wrapper(head: str, known: frozenset[str]) -> Refusal | None:
    """Whether a file that starts as this text is one object with the records somewhere in it: then what to do.

    Args:
        head: the first characters, from the brace on; all of a small file.
        known: keys of a record; an object with one of them is a record itself.
    """
    try:
        _, end = DECODER.raw_decode(head)
    except (ValueError, RecursionError):
        end = None
    if (end is None and len(head) < CHUNK // 2) or (end is not None and head[end:].strip(f"{_SPACE},")):
        return None  # broken; or the first of several records
    members = dict(_members(head))
    if not known.isdisjoint(members):
        return None
    first = next(iter(members.values()), "")
    if len(members) > 1 and first[:1] == "{" and any(f'"{name}"' in first for name in known):
        return Refusal(
            "one JSON object around the records, which are its values",
            "take them out: jq -c 'to_entries[] | .value + {id: .key}' FILE > FILE.jsonl",
        )
    held = next((key for key, text in members.items() if _LIST.match(text) and not _TURN.match(text)), None)
    if held is None:
        return None
    if held == "data" and f'"{_SQUAD}"' in members[held]:
        return Refusal("this is SQuAD, whose questions lie within paragraphs", f"take them out: {_FLATTEN_SQUAD}")
    shown = held if _NAME.fullmatch(held) else "KEY"
    return Refusal(
        f"one JSON object around the records, which are the list {shown!r} in it",
        f"keep that list alone: jq -c '.[\"{shown}\"][]' FILE > FILE.jsonl",
    )


def _members(head: str) -> Iterator[tuple[str, str]]:
    """Keys of the first object, and how their values are written; as far as the text goes."""
    at = 1
    while found := _KEY.match(head, at):
        start = found.end()
        try:
            _, at = DECODER.raw_decode(head, start)
        except (ValueError, RecursionError):
            at = len(head)
        yield json.loads(found[1]), head[start:at]

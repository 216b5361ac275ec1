"""Single values of a row: as text, as a list, as tags; or the reason why they are none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from tasks.data.blanks import is_blank
from tasks.data.json_text import DECODER
from tasks.data.records import Reason

_BAD = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd\ufffe\uffff\ud800-\udfff]")
_BLANKS = re.compile(r"[ \t\r\n]+")


class RowFault(Exception):
    """Why a row is turned away. Caught by ingest: it never leaves this package."""

    def __init__(self, reason: Reason, record_id: str | None = None, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.record_id = record_id
        self.detail = detail
        """What exactly: the column, and the type of what it holds; nothing of the row."""


class Naming:
    """Says of a fault met within which column it is, and what kind of value stands there; use as a context manager."""

    def __init__(self, column: str | None, value: Any) -> None:
        self._column, self._value = column, value

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RowFault) and error.detail is None:
            if error.reason is Reason.MISSING_FIELD:
                error.detail = f"column {self._column} is not there, or empty"
            elif error.reason is Reason.WRONG_TYPE:
                error.detail = f"column {self._column} holds {_kind(self._value)}"
            elif error.reason is Reason.BAD_CHARACTERS:
                error.detail = f"column {self._column}"


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "a text that does not fit"
    names = {list: "a list", dict: "an object", bool: "a truth value", int: "a number", float: "a number"}
    return names.get(type(value), f"a value of type {type(value).__name__}")


def clean(text: str, blank: Reason) -> str:
    """A text without blanks around it.

    Raises:
        RowFault: there is nothing to see (`blank`), or characters that no text holds.
    """
    if _BAD.search(text):
        raise RowFault(Reason.BAD_CHARACTERS)
    if is_blank(text):
        raise RowFault(blank)
    return text.strip()


def scalar(value: Any) -> str | None:
    """A single value as text; whole numbers without a decimal point, whatever the column's type made of them."""
    if value is None:
        return None
    if isinstance(value, str):
        if _BAD.search(value):
            raise RowFault(Reason.BAD_CHARACTERS)
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value != value:  # NaN, pandas' "nothing is there"
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    raise RowFault(Reason.WRONG_TYPE)


def values_of(fields: Mapping[str, Any], column: str) -> Iterator[str]:
    """What a column of a row holds as text; nothing where that is no single value."""
    with suppress(RowFault):
        if (value := scalar(fields.get(column))) is not None:
            yield value


def tags_in(fields: Mapping[str, Any], column: str) -> list[str]:
    """The tags of a row, as they are written.

    Raises:
        RowFault: it holds no list of them.
    """
    if column not in fields:
        raise RowFault(Reason.MISSING_FIELD)
    tags = as_list(fields[column], separator=None)
    if not tags:
        raise RowFault(Reason.BLANK_TARGET)
    return [scalar(one) or "" for one in tags]


def as_list(value: Any, separator: str | None) -> list[Any]:
    """A list as it is, or as a table writes it: JSON, or values with `separator` between them.

    Without one, spaces, tabs and line ends stand between them; a no-break or ideographic space can be a token.
    """
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = DECODER.decode(value)
            except (ValueError, RecursionError):
                raise RowFault(Reason.WRONG_TYPE) from None
        else:
            value = value.split(separator) if separator else [one for one in _BLANKS.split(value) if one]
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowFault(Reason.WRONG_TYPE)
    return value

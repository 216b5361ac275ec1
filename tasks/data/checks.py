"""From a row of the source to a record, or to the reason why it is none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tasks.config.data import Dataset
from tasks.data.blanks import is_blank
from tasks.data.identity import Identity, content_digest
from tasks.data.records import Reason

UNSPECIFIED = "unspecified"
"""Category of a record that has none: every record belongs to a slice."""

_BAD = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd\ufffe\uffff\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}")

Record = dict[str, Any]


class RowFault(Exception):
    """Why a row is turned away. Caught by ingest: it never leaves this package."""

    def __init__(self, reason: Reason, record_id: str | None = None, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.record_id = record_id
        self.detail = detail
        """What exactly: the column, and the type of what it holds; nothing of the row."""


class _Naming:
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


class RowCheck:
    """Turns rows into records. Made once for a source, called for every row."""

    def __init__(
        self, name: str, dataset: Dataset, mapping: Mapping[str, str], withdrawn: frozenset[str], identity: Identity
    ) -> None:
        self._name, self._dataset, self._mapping, self._withdrawn = name, dataset, mapping, withdrawn
        self._identity = identity
        self._content = {
            "causal-lm": self._question,
            "text-classification": self._classification,
            "token-classification": self._tagging,
        }[dataset.task]

    def record(self, fields: Mapping[str, Any], place: str) -> Record:
        """The record that a row holds, with the columns of `working_schema`.

        Raises:
            RowFault: it holds none.
        """
        own_record, own_group = self._id(fields, "record_id"), self._id(fields, "group_id")
        record_id = None if own_record is None else self._identity.of("record", own_record)
        group_id = None if own_group is None else self._identity.of("group", own_group)
        # Withdrawn first: what a withdrawn row holds, or lacks, is nobody's business any more.
        if not self._withdrawn.isdisjoint((own_record, own_group, record_id, group_id)):
            raise RowFault(Reason.WITHDRAWN, record_id)
        try:
            record = self._content(fields)
        except RowFault as fault:
            raise RowFault(fault.reason, record_id, fault.detail) from None
        if record_id is None:
            own_record = content_digest(self._dataset.task, record)
            record_id = self._identity.of("record", own_record)
            if not self._withdrawn.isdisjoint((own_record, record_id)):
                raise RowFault(Reason.WITHDRAWN, record_id)
        return {
            **record,
            "record_id": record_id,
            "group_id": group_id or record_id,
            "category": self._plain(fields, "category") or UNSPECIFIED,
            "language": self._language(fields),
            "source": self._name,
            "licence": self._dataset.licence,
            "parents": [],
            "annotator": self._plain(fields, "annotator"),
            "place": place,
        }

    def _question(self, fields: Mapping[str, Any]) -> Record:
        prompt = self._text(fields, "prompt", Reason.BLANK_INPUT)
        answer = self._text(fields, "answer", Reason.BLANK_TARGET)
        self._short_enough(prompt, answer)
        choices = self._choices(fields)
        if choices and answer not in choices:
            raise RowFault(Reason.ANSWER_NOT_A_CHOICE)
        return {"prompt": prompt, "answer": answer, "choices": choices}

    def _classification(self, fields: Mapping[str, Any]) -> Record:
        text = self._text(fields, "text", Reason.BLANK_INPUT)
        label = self._value(fields, "label")
        if label is None or is_blank(label):
            raise RowFault(Reason.BLANK_TARGET)
        self._short_enough(text, label)
        return {"text": text, "label": label}

    def _tagging(self, fields: Mapping[str, Any]) -> Record:
        tokens = self._strings(fields, "tokens", Reason.BLANK_INPUT)
        tags = self._strings(fields, "tags", Reason.BLANK_TARGET)
        if len(tokens) != len(tags):
            raise RowFault(Reason.LENGTH_MISMATCH)
        self._short_enough(" ".join(tokens), "")
        return {"tokens": tokens, "tags": tags}

    def _short_enough(self, given: str, target: str) -> None:
        if len(given) > self._dataset.limits.max_input_characters:
            raise RowFault(Reason.TOO_LONG_INPUT)
        if len(target) > self._dataset.limits.max_answer_characters:
            raise RowFault(Reason.TOO_LONG_TARGET)

    def _naming(self, fields: Mapping[str, Any], field: str) -> _Naming:
        return _Naming(self._mapping.get(field), self._raw(fields, field))

    def _raw(self, fields: Mapping[str, Any], field: str) -> Any:
        column = self._mapping.get(field)
        return None if column is None else fields.get(column)

    def _text(self, fields: Mapping[str, Any], field: str, blank: Reason) -> str:
        with self._naming(fields, field):
            if self._mapping[field] not in fields:
                raise RowFault(Reason.MISSING_FIELD)
            value = fields[self._mapping[field]]
            if value is None or value != value:
                raise RowFault(blank)
            if not isinstance(value, str):
                raise RowFault(Reason.WRONG_TYPE)
            return _clean(value, blank)

    def _value(self, fields: Mapping[str, Any], field: str) -> str | None:
        """A label: text, or a number or truth value as text."""
        with self._naming(fields, field):
            if self._mapping[field] not in fields:
                raise RowFault(Reason.MISSING_FIELD)
            return _scalar(fields[self._mapping[field]])

    def _plain(self, fields: Mapping[str, Any], field: str) -> str | None:
        with self._naming(fields, field):
            value = _scalar(self._raw(fields, field))
            return None if value is None or is_blank(value) else value

    def _id(self, fields: Mapping[str, Any], field: str) -> str | None:
        with self._naming(fields, field):
            if field not in self._mapping:
                return None
            value = _scalar(self._raw(fields, field))
            if value is not None and not is_blank(value):
                return value
            if field == "record_id":
                raise RowFault(Reason.MISSING_FIELD)
            return None

    def _strings(self, fields: Mapping[str, Any], field: str, blank: Reason) -> list[str]:
        with self._naming(fields, field):
            if self._mapping[field] not in fields:
                raise RowFault(Reason.MISSING_FIELD)
            value = _as_list(fields[self._mapping[field]], separator=None)
            if not value:
                raise RowFault(blank)
            return [_clean(_scalar(one) or "", blank) for one in value]

    def _choices(self, fields: Mapping[str, Any]) -> list[str] | None:
        with self._naming(fields, "choices"):
            value = self._raw(fields, "choices")
            if value is None or (isinstance(value, str) and is_blank(value)):
                return None
            found = [_clean(_scalar(one) or "", Reason.WRONG_TYPE) for one in _as_list(value, separator="|")]
            return found or None

    def _language(self, fields: Mapping[str, Any]) -> str:
        """ISO 639 code; "zh-CN" and "EN" count as "zh" and "en"."""
        with self._naming(fields, "language"):
            value = self._plain(fields, "language")
            if value is None:
                return self._dataset.language
            code = re.split("[-_]", value.lower())[0]
            if not _LANGUAGE.fullmatch(code):
                raise RowFault(Reason.WRONG_TYPE)
            return code


def _clean(text: str, blank: Reason) -> str:
    if _BAD.search(text):
        raise RowFault(Reason.BAD_CHARACTERS)
    if is_blank(text):
        raise RowFault(blank)
    return text.strip()


def _scalar(value: Any) -> str | None:
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


def _as_list(value: Any, separator: str | None) -> list[Any]:
    """A list as it is, or as a table writes it: JSON, or values with `separator` (None: blanks) between them."""
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            try:
                value = json.loads(value)
            except ValueError:
                raise RowFault(Reason.WRONG_TYPE) from None
        else:
            value = value.split(separator)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowFault(Reason.WRONG_TYPE)
    return value

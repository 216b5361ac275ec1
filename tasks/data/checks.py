"""From a row of the source to a record, or to the reason why it is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.config.data import Dataset
from tasks.data.blanks import is_blank
from tasks.data.identity import Identity, content_digest
from tasks.data.ids import Ids
from tasks.data.label_names import MOST_NAMES, LabelNames
from tasks.data.normal import look_alike, normal_label
from tasks.data.records import UNSPECIFIED, Reason
from tasks.data.scheme import Scheme
from tasks.data.values import Naming, RowFault, as_list, clean, scalar, tags_in

_LANGUAGE = re.compile(r"[a-z]{2,3}")

Record = dict[str, Any]


@dataclass(frozen=True)
class Readings:
    """How values of a source are to be read, found out by looking at all of it."""

    ids: Ids
    labels: LabelNames
    scheme: Scheme | None = None
    """Of tags."""


class RowCheck:
    """Turns rows into records. Made once for a source, called for every row."""

    def __init__(
        self,
        name: str,
        dataset: Dataset,
        mapping: Mapping[str, str],
        withdrawn: frozenset[str],
        identity: Identity,
        readings: Readings,
    ) -> None:
        self._name, self._dataset, self._mapping, self._withdrawn = name, dataset, mapping, withdrawn
        self._identity, self._readings = identity, readings
        self._group = ""
        """That the row belongs to which is looked at."""
        self._categories: dict[str, str] = {}
        """By what is alike in categories, the first that was met."""
        self.noticed: Counter[str] = Counter()
        """What was left out of records, and how often."""
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
        self._group = own_group or own_record or place
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
            "category": self._category(fields),
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
        answer = normal_label(answer) if choices else answer
        if choices and answer not in choices:
            raise RowFault(Reason.ANSWER_NOT_A_CHOICE)
        return {"prompt": prompt, "answer": answer, "choices": choices}

    def _classification(self, fields: Mapping[str, Any]) -> Record:
        text = self._text(fields, "text", Reason.BLANK_INPUT)
        label = self._readings.labels.target(self._value(fields, "label") or "", self._group)
        if not label:
            raise RowFault(Reason.BLANK_TARGET)
        self._short_enough(text, label)
        return {"text": text, "label": label}

    def _tagging(self, fields: Mapping[str, Any]) -> Record:
        if self._mapping["tokens"] not in fields:
            raise RowFault(Reason.MISSING_FIELD)
        tokens = [scalar(one) or "" for one in as_list(fields[self._mapping["tokens"]], separator=None)]
        if not tokens or all(map(is_blank, tokens)):
            raise RowFault(Reason.BLANK_INPUT)
        tags = tags_in(fields, self._mapping["tags"])
        if len(tokens) != len(tags):
            raise RowFault(Reason.LENGTH_MISMATCH)
        labels, scheme = self._readings.labels, self._readings.scheme
        given = [labels.tag(tag) for tag in tags]
        bio = scheme.bio(given, lambda kind: labels.of(kind, self._group)) if scheme and all(given) else None
        if bio is None:
            raise RowFault(Reason.IMPOSSIBLE_TAGS if all(given) else Reason.BLANK_TARGET)
        tokens, bio = self._without_blanks(tokens, bio)
        self._short_enough(" ".join(tokens), "")
        return {"tokens": tokens, "tags": bio}

    def _without_blanks(self, tokens: list[str], tags: list[str]) -> tuple[list[str], list[str]]:
        """Tokens with something to see, and their tags; where an entity began with a blank, it begins behind it."""
        kept: tuple[list[str], list[str]] = ([], [])
        begun = ""
        for token, tag in zip(tokens, tags, strict=True):
            if is_blank(token):
                self.noticed["blank tokens"] += 1
                begun = tag if tag.startswith("B-") else begun if tag[1:] == begun[1:] else ""
                continue
            kept[0].append(token.strip())
            kept[1].append(begun if begun and tag == f"I{begun[1:]}" else tag)
            begun = ""
        return kept

    def _short_enough(self, given: str, target: str) -> None:
        if len(given) > self._dataset.limits.max_input_characters:
            raise RowFault(Reason.TOO_LONG_INPUT)
        if len(target) > self._dataset.limits.max_answer_characters:
            raise RowFault(Reason.TOO_LONG_TARGET)

    def _naming(self, fields: Mapping[str, Any], field: str) -> Naming:
        return Naming(self._mapping.get(field), self._raw(fields, field))

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
            return clean(value, blank)

    def _value(self, fields: Mapping[str, Any], field: str) -> str | None:
        """A label: text, or a number or truth value as text."""
        with self._naming(fields, field):
            if self._mapping[field] not in fields:
                raise RowFault(Reason.MISSING_FIELD)
            return scalar(fields[self._mapping[field]])

    def _category(self, fields: Mapping[str, Any]) -> str:
        """The category as it is written; that another is written nearly so is noticed, as both are slices."""
        found = self._plain(fields, "category")
        if found is None:
            return UNSPECIFIED
        key = look_alike(found)
        first = self._categories.setdefault(key, found) if len(self._categories) < MOST_NAMES else found
        if first != found:
            self.noticed["rows whose category differs from another only in case, width or between words"] += 1
        return found

    def _plain(self, fields: Mapping[str, Any], field: str) -> str | None:
        with self._naming(fields, field):
            return normal_label(scalar(self._raw(fields, field)) or "") or None

    def _id(self, fields: Mapping[str, Any], field: str) -> str | None:
        with self._naming(fields, field):
            if field not in self._mapping:
                return None
            own = self._readings.ids.of(field, scalar(self._raw(fields, field)) or "")
            if own is None and field == "record_id":
                raise RowFault(Reason.MISSING_FIELD)
            if own is None and not is_blank(str(self._raw(fields, field) or "")):  # an empty one is noticed already
                self._readings.ids.noticed[f"{field} that names nobody (nan, N/A, unknown, ...), read as none"] += 1
            return own

    def _choices(self, fields: Mapping[str, Any]) -> list[str] | None:
        with self._naming(fields, "choices"):
            value = self._raw(fields, "choices")
            if value is None or (isinstance(value, str) and is_blank(value)):
                return None
            values = as_list(value, separator="|")
            found = [normal_label(clean(scalar(one) or "", Reason.WRONG_TYPE)) for one in values]
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

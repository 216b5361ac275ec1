"""PubMedQA: questions about abstracts, answered yes, no or maybe (Jin et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of, with_columns
from tasks.data.json_text import Members
from tasks.data.text_files import Encoding, find_encoding
from tasks.errors import InputError

CHOICES = ["yes", "no", "maybe"]


class PubMedQA(Format):
    """One JSON object whose keys are PubMed ids.

    Classification: question and contexts to `final_decision`. Causal: the same text to `LONG_ANSWER`, or, where
    `columns.answer` says `final_decision`, to that as a closed question.
    """

    name = "pubmedqa"
    rank = 6
    tasks = ("text-classification", "causal-lm")
    task = "text-classification"
    settings = frozenset({"encoding"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open one JSON object, for the dataset's task.

        Raises:
            InputError: the file is no such object, or cannot be read to its end.
        """
        encoding = find_encoding(path, dataset.encoding)
        with encoding.open(path) as file:
            if file.read(1 << 16).lstrip()[:1] != "{":
                raise InputError("pubmedqa needs one JSON object whose keys are PubMed ids", value=dataset.source)
        rows, columns = with_columns(_rows(path, encoding))
        fixed = {"record_id": "id", "group_id": "id"}
        if dataset.task == "text-classification":
            fixed |= {"text": "text", "label": "final_decision"}
        elif dataset.columns.answer == "final_decision":
            fixed |= {"prompt": "text", "choices": "choices"}
        else:
            fixed |= {"prompt": "text", "answer": "LONG_ANSWER"}
        reads = frozenset({"QUESTION", "CONTEXTS", "id", "text", "choices"})
        return Source(rows, columns, mapping_of(dataset, **fixed), encoding.name, reads)


def _rows(path: Path, encoding: Encoding) -> Iterator[Row]:
    with encoding.open(path) as file:
        for number, (key, item, raw) in enumerate(Members(file, path).of_object(), start=1):
            place = f"item {number}"
            fields = _fields(key, item) if isinstance(item, dict) else None
            yield Row(place, fields, raw)


def _fields(key: str | None, item: dict[str, Any]) -> dict[str, Any] | None:
    question, contexts = item.get("QUESTION"), item.get("CONTEXTS", [])
    if not (isinstance(question, str) and isinstance(contexts, list) and all(isinstance(one, str) for one in contexts)):
        return None
    return {**item, "id": key, "text": "\n".join([question, *contexts]), "choices": CHOICES}

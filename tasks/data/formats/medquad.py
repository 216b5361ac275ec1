"""MedQuAD: folders of XML documents with questions and answers (Ben Abacha & Demner-Fushman 2019)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of
from tasks.errors import InputError

COLUMNS = ("id", "document", "folder", "focus", "question_type", "question", "answer")
LARGEST_DOCUMENT = 1 << 24
"""Bytes of one XML file; MedQuAD's are below 100 kB."""
DEEPEST, MOST_ELEMENTS = 64, 100_000


class Medquad(Format):
    """Every XML file below a folder, in the order of their paths. A document is a group.

    The category is the question type; `columns.category` may name `folder` or `focus` (the disease) instead.
    """

    name = "medquad"
    rank = 5
    tasks = ("causal-lm",)
    task = "causal-lm"
    folders = True
    settings = frozenset({"exclude"})

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a folder, without what `exclude` names.

        Raises:
            InputError: not a folder, or no XML file in it.
        """
        if not path.is_dir():
            raise InputError("medquad needs the folder that holds the XML files", value=dataset.source)
        left_out = set(dataset.exclude)
        there = [file for file in sorted(path.rglob("*.xml")) if file.is_file()]
        files = [file for file in there if not left_out & set(file.relative_to(path).parts)]
        if not files:
            raise InputError("no XML file below this folder", value=dataset.source)
        mapping = mapping_of(dataset, record_id="id", group_id="document", prompt="question", answer="answer")
        noticed: Counter[str] = Counter()
        rows = _rows(path, files, noticed)
        return Source(
            rows, COLUMNS, {"category": "question_type", **mapping}, "utf-8", frozenset(COLUMNS), noticed=noticed
        )

    def part(self, fields: Mapping[str, Any]) -> str | None:
        """The folder: MedQuAD ships some without their answers."""
        return str(fields["folder"])


def _rows(top: Path, files: list[Path], noticed: Counter[str]) -> Iterator[Row]:
    for file in files:
        place = file.relative_to(top).as_posix()
        root = _parse(file)
        if root is None:
            yield Row(place, None, "(not XML that may be read)", detail="no XML that may be read")
            continue
        folder = file.relative_to(top).parent.as_posix()
        document = place.removesuffix(".xml")
        focus = _text(root.find("Focus"))
        pairs = list(root.iter("QAPair"))
        if not pairs:
            noticed["documents without a question"] += 1
        for number, pair in enumerate(pairs, start=1):
            question = pair.find("Question")
            more = sum(max(0, len(pair.findall(name)) - 1) for name in ("Question", "Answer"))
            noticed["questions or answers beyond the first of a pair"] += more
            yield Row(
                f"{place}, question {number}",
                {
                    "id": f"{document}#{pair.get('pid') or number}",
                    "document": document,
                    "folder": top.name if folder == "." else folder,
                    "focus": focus,
                    "question_type": question.get("qtype") if question is not None else None,
                    "question": _text(question),
                    "answer": _text(pair.find("Answer")),
                },
            )


def _text(element: Element | None) -> str:
    """The text, with runs of white space as one blank: the files hold the layout of the web pages they came from."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _parse(file: Path) -> Element | None:
    """The document, or None. Declared entities are refused: a few lines of them expand to gigabytes. So is what is
    nested deeper, or holds more elements, than any document: each takes a hundred times its bytes in memory.
    """
    if file.stat().st_size > LARGEST_DOCUMENT:
        return None
    builder, parser = TreeBuilder(), expat.ParserCreate()
    open_, elements = 0, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal open_, elements
        open_, elements = open_ + 1, elements + 1
        if open_ > DEEPEST or elements > MOST_ELEMENTS:
            raise _Refused
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal open_
        open_ -= 1
        builder.end(name)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(file.read_bytes(), True)
        return builder.close()
    except (expat.ExpatError, _Refused, ValueError, LookupError):  # ValueError: an encoding of several bytes a letter
        return None


class _Refused(Exception):
    pass


def _refuse(*_: object) -> NoReturn:
    raise _Refused

"""Recall of de-identification on general English: generated sentences with names and addresses of many countries.

    python -m bench.deidentification_general [FILE] [--show TYPE]

FILE is a set as Presidio's generator writes it (presidio_general, by default): texts with typed spans at offsets. A
value counts as recalled only if none of its words of two letters or more stays readable, whatever it was taken for.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.deidentification import Case
from tasks.data.phi import Deidentifier
from tasks.home import real_data

GLUE = frozenset(
    ("of", "the", "and", "at", "on", "in", "for", "dr", "mr", "mrs", "ms", "miss", "prof", "st", "de", "la")
)
_WORD = re.compile(r"[^\W_]{2,}|\d+")


def rows(file: Path | None) -> list[dict[str, Any]]:
    """The texts of a set."""
    path = file or next((real_data() / "presidio_general").glob("*.json"))
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


KIND_OF_TYPE = {"PERSON": "NAME", "STREET_ADDRESS": "PLACE", "PHONE_NUMBER": "CONTACT", "EMAIL_ADDRESS": "CONTACT"}
KIND_OF_TYPE |= dict.fromkeys(("IBAN_CODE", "CREDIT_CARD", "US_SSN"), "ID")


def general() -> list[Case]:
    """The set's texts, with the values that must go."""
    return [
        Case(
            row["full_text"],
            "en",
            [
                (KIND_OF_TYPE[span["entity_type"]], span["entity_value"])
                for span in row["spans"]
                if span["entity_type"] in KIND_OF_TYPE
            ],
        )
        for row in rows(None)
    ]


def kind_of(row: dict[str, Any], span: dict[str, Any]) -> str:
    """The type of a value, persons told apart by how they are written."""
    kind: str = span["entity_type"]
    value = span["entity_value"]
    if kind != "PERSON":
        return kind
    if value.islower():
        return "PERSON, lower case"
    return "PERSON, one word" if len(value.split()) == 1 else "PERSON"


def readable(text: str, hidden: bytearray, start: int, end: int) -> bool:
    """Whether a word of a value can still be read."""
    for match in _WORD.finditer(text, start, end):
        word = match[0]
        if word.lower() in GLUE or all(hidden[match.start() : match.end()]):
            continue
        return True
    return False


def main() -> None:
    """Measure a set."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", nargs="?", type=Path)
    options.add_argument("--show", help="print what is missed of this type")
    chosen = options.parse_args()
    deidentifier = Deidentifier()
    deidentifier.find("warm-up: 患者 John")
    total: Counter[str] = Counter()
    recalled: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    start = time.process_time()
    texts = rows(chosen.file)
    spans = [deidentifier.find(row["full_text"], "en") for row in texts]
    seconds = time.process_time() - start
    for row, taken in zip(texts, spans, strict=True):
        text = row["full_text"]
        hidden, tagged = bytearray(len(text)), bytearray(len(text))
        for begin, end, _ in taken:
            hidden[begin:end] = b"\x01" * (end - begin)
        for span in row["spans"]:
            begin, end = span["start_position"], span["end_position"]
            tagged[begin:end] = b"\x01" * (end - begin)
            kind = kind_of(row, span)
            total[kind] += 1
            safe = not readable(text, hidden, begin, end)
            recalled[kind] += safe
            if not safe and chosen.show and kind.startswith(chosen.show):
                print(repr(span["entity_value"]), "|", repr(text[max(0, begin - 40) : end + 30]))
        for begin, end, taken_for in taken:
            found[taken_for] += 1
            right[taken_for] += any(tagged[begin:end])
    persons = [kind for kind in total if kind.startswith("PERSON")]
    total["all PERSON"] = sum(total[kind] for kind in persons)
    recalled["all PERSON"] = sum(recalled[kind] for kind in persons)
    print(f"{len(texts)} texts, {len(texts) / seconds:,.0f} a second")
    for kind in sorted(total):
        print(f"  {kind:20} {total[kind]:5} {recalled[kind] / total[kind]:6.3f}")
    print("replacements, and the share that hits a tagged value")
    for what in sorted(found):
        print(f"  {what:20} {found[what]:5} {right[what] / found[what]:6.3f}")


if __name__ == "__main__":
    main()

"""Replaces what could name a person by typed placeholders, record by record."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from tasks.data.phi.en import rules as english
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.numbering import Numbering
from tasks.data.phi.shared import scripts, structured
from tasks.data.phi.shared.spans import Cover, Span
from tasks.data.phi.zh import rules as chinese
from tasks.errors import InputError

_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]{2}")
_TIGHT_BEFORE = frozenset(",.;:!?)]}%'’”/-–@_")
_TIGHT_AFTER = frozenset("([{#/-–@_'’“")


class Deidentifier:
    """Finds names, dates, places, contacts, record numbers and ages over 89, in English and Chinese.

    Regular expressions, name lists and context rules; nothing is trained and nothing is random, so the same record
    always gives the same result. The object keeps no record: values live only while their record is worked on, and
    no message or representation holds one.

    Args:
        language: of records that do not say theirs ("en", "zh", ...). The script of each text decides which rules run.
            The language adds that in a Chinese record Latin letters are mostly drugs and abbreviations, so that only
            titled or listed names are taken, and that the Chinese rules do not suit "ja" and "ko".
    """

    def __init__(self, language: str | None = None) -> None:
        self.language = language

    def __repr__(self) -> str:
        return f"Deidentifier(language={self.language!r})"

    def find(self, text: str, language: str | None = None) -> list[Span]:
        """The identifiers of one text, in order, none overlapping another; offsets only."""
        return self._find_all([text], language)[0]

    def deidentify_record(
        self, texts: Mapping[str, str], language: str | None = None
    ) -> tuple[dict[str, str], Counter[str]]:
        """Replace the identifiers in the texts of one record.

        Args:
            texts: the text of each field.
            language: of the record; without one, the language given at the start.

        Returns:
            The texts with placeholders ("[NAME_1]"), under the same names, and how many were put in, per kind. A value
            has the same placeholder in every field, and so has a person ("Jane Smith", later "Ms. Smith").

        Raises:
            InputError: a field holds something other than text. The message names the field, never its content.
        """
        for field, text in texts.items():
            if not isinstance(text, str):
                raise InputError(
                    "a field of a record is not text", value=field, hint="give text, or leave the field out"
                )
        found = self._find_all(list(texts.values()), language)
        numbering = Numbering(texts.values())
        counts: Counter[str] = Counter()
        result: dict[str, str] = {}
        for (field, text), spans in zip(texts.items(), found, strict=True):
            pieces: list[str] = []
            done = 0
            for start, end, kind in spans:
                pieces += (text[done:start], numbering.placeholder(kind, text[start:end]))
                done = end
                counts[kind] += 1
            result[field] = "".join(pieces) + text[done:] if spans else text
        return result, counts

    def deidentify_tokens(self, tokens: Sequence[str], language: str | None = None) -> tuple[list[str], Counter[str]]:
        """Replace the tokens that belong to an identifier by its placeholder, one for one, so that tags stay aligned.

        Returns:
            As many tokens as were given, and how many identifiers (not tokens) were found, per kind.
        """
        text, starts = _join(tokens)
        spans = self._find_all([text], language)[0]
        numbering = Numbering([text])
        counts: Counter[str] = Counter()
        result = list(tokens)
        index = 0
        for start, end, kind in spans:
            placeholder = numbering.placeholder(kind, text[start:end])
            counts[kind] += 1
            while index < len(tokens) and starts[index] + len(tokens[index]) <= start:
                index += 1
            while index < len(tokens) and starts[index] < end:
                if any(character.isalnum() for character in tokens[index]):
                    result[index] = placeholder
                index += 1
        return result, counts

    def _find_all(self, texts: list[str], language: str | None) -> list[list[Span]]:
        """The identifiers of the texts of one record: a name found in one place is looked for in all."""
        language = (language or self.language or "").lower()
        covers: list[Cover] = []
        scans: list[Scan] = []
        han: list[str] = []
        for text in texts:
            cover = Cover(len(text))
            covers.append(cover)
            text = chinese.fold(text)
            has_han = not text.isascii() and bool(_HAN.search(text)) and not language.startswith(("ja", "ko"))
            if has_han:
                chinese.find(text, cover)
            structured.find(text, cover)
            scripts.find(text, cover)
            han.append(text if has_han else "")
            if _LATIN.search(text):
                latin = chinese.latin_part(text) if has_han else text
                beside_chinese = has_han or language.startswith("zh")
                announced = partial(chinese.announces, text) if beside_chinese else None
                scans.append(english.find(latin, cover, announced))
        if any(span.kind == "NAME" for cover in covers for span in cover.spans):
            english.repeat(scans)
            chinese.repeat(han, covers)
        return [sorted(cover.spans) for cover in covers]


def _join(tokens: Sequence[str]) -> tuple[str, list[int]]:
    """Tokens as running text, and where each begins: rules expect "Crohn's" and "12/03/2023", not "12 / 03 / 2023"."""
    pieces: list[str] = []
    starts: list[int] = []
    length = 0
    before = ""
    for token in tokens:
        tight = (
            not before
            or token[:1] in _TIGHT_BEFORE
            or before[-1:] in _TIGHT_AFTER
            or bool(_HAN.match(token[:1]) and _HAN.match(before[-1:]))
        )
        if not tight:
            pieces.append(" ")
            length += 1
        starts.append(length)
        pieces.append(token)
        length += len(token)
        before = token or before
    return "".join(pieces), starts

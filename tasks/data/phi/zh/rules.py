"""Names and places in Chinese text."""

from __future__ import annotations

import re

from tasks.data.phi.shared.spans import Cover
from tasks.data.phi.zh import people, people_positions, places, structured
from tasks.data.phi.zh.lexicon import cut
from tasks.data.phi.zh.people import announces

__all__ = ["announces", "find", "fold", "latin_part", "repeat"]

_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")
# "2周内", "24时": a unit of time, though also a surname.
_UNIT_OF_TIME = re.compile(r"(?<=[\d一二三四五六七八九十两几数半])\s?[周时]")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys((0x3000, 0xA0, 0x202F, 0x2009), 0x20)


def fold(text: str) -> str:
    """The text with full-width digits, letters and punctuation in ASCII; as long as it was."""
    return text if text.isascii() else text.translate(_WIDE)


def latin_part(text: str) -> str:
    """The text with its Chinese characters blanked, as long as it was: they would stick to Latin words."""
    return _HAN_RUN.sub(lambda match: " " * len(match[0]), text)


def find(text: str, cover: Cover) -> None:
    """Add the identifiers of a folded Chinese text to its cover."""
    structured.find(text, cover)
    for match in _UNIT_OF_TIME.finditer(text):
        cover.block(match.end() - 1, match.end())
    people_positions.find(text, cover)
    people.find_marked(text, cover)
    words = cut(text)
    people.find(text, words, cover)
    places.find(text, words, cover)


def repeat(texts: list[str], covers: list[Cover]) -> None:
    """Take the further mentions of the Chinese names found in the texts of one record."""
    names = {
        text[start:end]
        for text, cover in zip(texts, covers, strict=True)
        if text
        for start, end, kind in cover.spans
        if kind == "NAME"
    }
    for name in people.repeatable(names):
        for text, cover in zip(texts, covers, strict=True):
            start = text.find(name)
            while start >= 0:
                cover.add(start, start + len(name), "NAME")
                start = text.find(name, start + len(name))

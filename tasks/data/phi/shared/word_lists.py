"""How the word lists of these rules are written down: in code, words between blanks; in files, one a line."""

from __future__ import annotations

from pathlib import Path


def word_set(text: str, separator: str | None = None) -> frozenset[str]:
    """The words of a text as a set; a separator lets one entry hold blanks."""
    return frozenset(word.strip() for word in text.split(separator)) - {""}


def longest_first(text: str) -> tuple[str, ...]:
    """The words of a text, longest first, as prefix and suffix tests and alternations need them."""
    return tuple(sorted(set(text.split()), key=lambda word: (-len(word), word)))


def character_set(text: str) -> frozenset[str]:
    """The characters of a text, blanks aside."""
    return frozenset("".join(text.split()))


def read_lines(path: Path) -> frozenset[str]:
    """The entries of a list, one a line; lines that begin with "#" say what the list holds and who reads it."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return frozenset(line for line in lines if line and not line.startswith("#"))

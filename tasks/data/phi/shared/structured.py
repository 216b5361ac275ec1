"""Identifiers that have a shape of their own: contacts, record numbers, dates and ages over 89.

The patterns are sequences of bounded repetitions in which no two neighbours accept the same characters without end, so
that the time grows with the length of the text and not faster; a test holds them to it. The cheap tests before a
pattern only save time: none is false where the pattern matches.
"""

from __future__ import annotations

import re

from tasks.data.phi.shared import contacts, dates, record_numbers
from tasks.data.phi.shared.spans import Cover

_PLACEHOLDER = re.compile(r"\[(?:NAME|DATE|PLACE|CONTACT|ID|AGE)_\d{1,6}\]")
_DIGIT = re.compile(r"\d")


def find(text: str, cover: Cover) -> None:
    """Add the contacts, record numbers, dates and ages of a text to its cover, the surest first."""
    if "[" in text:
        for match in _PLACEHOLDER.finditer(text):  # an earlier pass left them: they stay as they are
            cover.block(*match.span())
    lowered = text.lower()
    contacts.find_addresses(text, lowered, cover)
    digits = _DIGIT.search(text)
    if digits:
        dates.find_dates(text, cover)
    dates.find_words(text, lowered, cover)
    if not digits:
        return
    record_numbers.find_keyed(text, cover)
    contacts.find_numbers(text, cover)
    record_numbers.find_shaped(text, cover)
    dates.find_ages(text, cover)

"""Identifiers that have a shape of their own: contacts, record numbers, dates and ages over 89.

The patterns are sequences of bounded repetitions in which no two neighbours accept the same characters without end, so
that the time grows with the length of the text and not faster; a test holds them to it. The cheap tests before a
pattern only save time: none is false where the pattern matches.
"""

from __future__ import annotations

import re

from tasks.data.phi.shared import caseless, contacts, dates, record_numbers
from tasks.data.phi.shared.spans import Cover

_PLACEHOLDER = re.compile(r"\[(?:NAME|DATE|PLACE|CONTACT|ID|AGE)_\d{1,6}\]")
_DIGIT = re.compile(r"\d")


def find(text: str, cover: Cover) -> None:
    """Add the contacts, record numbers, dates and ages of a text to its cover, the surest first."""
    if "[" in text:
        for match in _PLACEHOLDER.finditer(text):  # an earlier pass left them: they stay as they are
            cover.block(*match.span())
    lowered = caseless.lower(text)
    contacts.find_addresses(text, lowered, cover)
    digits = len(_DIGIT.findall(text))
    if digits:
        dates.find_dates(text, lowered, cover)
    dates.find_words(text, lowered, cover)
    if not digits:
        return
    if digits >= record_numbers.WEIGHTS.keyed_digits:  # most texts hold but an age
        record_numbers.find_keyed(text, lowered, cover)
    if digits >= contacts.WEIGHTS.digits:
        contacts.find_numbers(text, lowered, cover)
    if digits >= record_numbers.WEIGHTS.shaped_digits:
        record_numbers.find_shaped(text, cover)
    dates.find_ages(text, cover)

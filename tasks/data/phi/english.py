"""Names and places in text of Latin script."""

from __future__ import annotations

from tasks.data.phi import people, places
from tasks.data.phi.scan import Scan
from tasks.data.phi.spans import Cover


def find(text: str, cover: Cover, *, listed_only: bool) -> Scan:
    """Add the names and places of a text to its cover; returns its words for a second look.

    With `listed_only`, lower-case names are not looked for and a capitalised row needs a word that a list holds.
    """
    scan = Scan(text, cover)
    places.find(scan)
    people.find(scan, listed_only=listed_only)
    if any(span.kind in ("NAME", "ID") for span in cover.spans):
        places.behind_prepositions(scan, personal=True)
    places.towns(scan)
    return scan

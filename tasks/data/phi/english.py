"""Names and places in text of Latin script."""

from __future__ import annotations

from tasks.data.phi import addresses, facilities, gazetteer, people, places
from tasks.data.phi.scan import Scan
from tasks.data.phi.spans import Cover


def find(text: str, cover: Cover, chinese: str = "") -> Scan:
    """Add the names and places of a text to its cover; returns its words for a second look.

    Args:
        text: what to look through; Chinese characters are blank.
        cover: what is already taken.
        chinese: the same text with its Chinese characters, if it has any.
    """
    scan = Scan(text, cover, chinese)
    addresses.find(scan)
    facilities.find(scan)
    gazetteer.towns_with_states(scan)
    places.find(scan, personal=False)
    people.find(scan)
    if any(span.kind in ("NAME", "ID") for span in cover.spans):
        places.find(scan, personal=True)
    gazetteer.lone_towns(scan)
    return scan

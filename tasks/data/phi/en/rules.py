"""Names and places in text of Latin script."""

from __future__ import annotations

from collections.abc import Callable

from tasks.data.phi.en import address_blocks, addresses, facilities, people, people_said, places, towns
from tasks.data.phi.en.people_repeated import repeat
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.shared.spans import Cover

__all__ = ["find", "repeat"]


def find(text: str, cover: Cover, announced: Callable[[int], bool] | None = None) -> Scan:
    """Add the names and places of a text to its cover; returns its words for a second look.

    Args:
        text: what to look through; Chinese characters are blank.
        cover: what is already taken.
        announced: in a Chinese record, whether a Chinese word announces the name that begins at a character.
    """
    scan = Scan(text, cover, announced)
    address_blocks.find(scan)
    addresses.find(scan)
    facilities.find(scan)
    towns.towns_with_states(scan)
    places.find(scan, personal=False)
    people.find(scan)
    people_said.coordinated(scan)
    if any(span.kind in ("NAME", "ID") for span in cover.spans):
        places.find(scan, personal=True)
    towns.lone_towns(scan)
    return scan

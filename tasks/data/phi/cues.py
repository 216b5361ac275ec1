"""What in an English text announces a person, whatever the case of the name."""

from __future__ import annotations

from tasks.data.phi import lexicon, vocabulary
from tasks.data.phi.scan import Scan
from tasks.data.phi.words import LOWER, TITLE


def title_at(scan: Scan, index: int) -> bool:
    """Whether a word is a title before a name: "Dr", "mrs", but neither "MS" (a disease) nor "190 ms"."""
    low = scan.low(index)
    if low not in vocabulary.TITLES:
        return False
    shape = scan.words[index].shape
    if low == "ms":  # multiple sclerosis, milliseconds
        return shape == TITLE or (
            shape == LOWER
            and scan.gaps[index + 1] == ". "
            and scan.low(index + 1) not in lexicon.words()
            and not scan.low(index - 1).isdigit()
        )
    return shape != LOWER or low not in vocabulary.SOFT_TITLES


def person_near(scan: Scan, first: int) -> bool:
    """Whether the sentence has spoken of a person before."""
    for index in range(first - 1, max(-1, first - 25), -1):
        low = scan.low(index)
        if low in vocabulary.PERSON_WORDS or low in vocabulary.NAME_CUES or low.endswith(("year-old", "yo")):
            return True
        ended = any(mark in scan.gaps[index] for mark in ("?", "!", "\n", ". "))
        if ended and scan.low(index - 1) not in ("w", "dr", "vs"):
            return False
    return False

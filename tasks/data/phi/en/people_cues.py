"""What in an English text announces a person, whatever the case of the name."""

from __future__ import annotations

from tasks.data.phi.en import lexicon, people_words, words
from tasks.data.phi.en.people_weights import WEIGHTS
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import LOWER, TITLE


def title_at(scan: Scan, index: int) -> bool:
    """Whether a word is a title before a name: "Dr", "mrs", but neither "MS" (a disease) nor "190 ms"."""
    low = scan.low(index)
    if low not in words.TITLES:
        return False
    shape = scan.words[index].shape
    if low == "ms":  # multiple sclerosis, milliseconds
        return shape == TITLE or (
            shape == LOWER
            and scan.gaps[index + 1] == ". "
            and scan.low(index + 1) not in lexicon.words()
            and not scan.low(index - 1).isdigit()
        )
    return shape != LOWER or low not in people_words.SOFT_TITLES


def person_near(scan: Scan, first: int) -> bool:
    """Whether the sentence has spoken of a person before."""
    for index in range(first - 1, max(-1, first - 1 - WEIGHTS.person_reach), -1):
        low = scan.low(index)
        if low in words.PERSON_WORDS or low in people_words.NAME_CUES or low.endswith(("year-old", "yo")):
            return True
        ended = any(mark in scan.gaps[index] for mark in ("?", "!", "\n", ". "))
        if ended and scan.low(index - 1) not in ("w", "dr", "vs"):
            return False
    return False

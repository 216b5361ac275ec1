"""Further mentions of the persons that other rules found: "John Smith", later "Smith"."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.data.phi.en import lexicon, people_unlisted, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import LOWER, OTHER

_NO_NAME = words.TITLES | words.PARTICLES


@dataclass(frozen=True, slots=True)
class RepeatedWeights:
    """What is too short to be looked for again."""

    # Letters of a name's word. No effect at 2, but "Wu" would then be taken from any "wu". +1: generated -1.
    letters: int = 3


WEIGHTS = RepeatedWeights()


def repeat(scans: list[Scan]) -> None:
    """Take the further mentions of the names found in the texts of one record."""
    parts = {part for scan in scans for part in _name_parts(scan)}
    for scan in scans:
        _repeat(scan, parts)


def _name_parts(scan: Scan) -> set[str]:
    """The words of the names found in a text that name the person alone, too."""
    named = bytearray(len(scan.text))
    for start, end, kind in scan.cover.spans:
        if kind == "NAME":
            named[start:end] = b"\x01" * (end - start)
    return {
        word.low
        for word in scan.words
        if named[word.start] and len(word.low) >= WEIGHTS.letters and word.low not in _NO_NAME
    }


def _repeat(scan: Scan, parts: set[str]) -> None:
    """Take the further mentions of a name's words, unless they are words of the language or name a disease."""
    for index, word in enumerate(scan.words):
        if word.low not in parts or word.shape == OTHER or not scan.free(index, index + 1):
            continue
        common = word.low in lexicon.words()
        opens = scan.opens_sentence(index) and not people_unlisted.acts(scan, index + 1)
        if (common and (word.shape == LOWER or opens)) or scan.medical(index + 1):
            continue
        if word.low in lexicon.eponyms() and (word.possessive or word.shape == LOWER):
            continue
        scan.take(index, index + 1, "NAME")

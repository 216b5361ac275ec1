"""A text as a row of words, which the rules for people and places walk along."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_WORD = re.compile(r"\w+(?:['’‑-]\w+)*")
_CAMEL = re.compile(r"[^\W\d_][a-z\u00df-\u00ff]*[A-Z]")
_CAMEL_NAME = re.compile(
    r"(?:Mc|Mac|De|Di|Du|Da|Le|La|Van(?:der?)?|Von|Fitz|St|Del|Ter|O['’]|D['’]|L['’]|N['’]|Ó|Ni|Ap)[A-Z]|[^\W\d_]+(?:[-‑][A-Z][^\W\d_]*)+$"
)
_POSSESSIVE = ("'s", "’s", "'S", "’S")


class Word(NamedTuple):
    """One word; `low` is lower case without the possessive, `shape` one of the six below."""

    start: int
    end: int
    low: str
    shape: str
    possessive: bool


TITLE = "Title"  # Smith, McDonald, O'Brien, Al-Rashid
UPPER = "UPPER"  # SMITH, or an abbreviation
MIXED = "MiXed"  # MedlinePlus, BronxCare, IgM: a capital word, but no person
INITIAL = "I"  # one capital letter
LOWER = "lower"
OTHER = "other"  # holds a digit or a letter of another script


@dataclass(frozen=True, slots=True)
class TokenWeights:
    """When a text is written in capitals throughout, so that they say nothing."""

    # Letters of a word in capitals that counts; shorter ones are abbreviations in any text. +1: gold -1.
    shouted_letters: int = 4
    # Such words from which a text is one of capitals. +1: gold -1; with fewer, two abbreviations would do.
    shouted_words: int = 4


WEIGHTS = TokenWeights()


def split(text: str) -> list[Word]:
    """The words of a text, with their shapes.

    In a text that is mostly capitals, capitals say nothing: its words count as titles.
    """
    found: list[Word] = []
    upper = lower = 0
    for match in _WORD.finditer(text):
        raw = match[0]
        if raw.isalpha():  # most words: nothing to cut off, nothing to look for
            if raw.islower():
                lower += 1
                found.append(Word(*match.span(), raw, LOWER, False))
                continue
            if raw.istitle() and len(raw) > 1:
                found.append(Word(*match.span(), raw.lower(), TITLE, False))
                continue
        possessive = raw.endswith(_POSSESSIVE)
        bare = raw[:-2] if possessive else raw
        if not bare.replace("-", "").replace("'", "").replace("’", "").replace("‑", "").isalpha():
            shape = OTHER
        elif bare.islower():
            shape = LOWER
            lower += 1
        elif len(bare) == 1:
            shape = INITIAL
        elif bare.isupper():
            shape = UPPER
            upper += len(bare) >= WEIGHTS.shouted_letters
        elif bare[0].isupper():
            shape = MIXED if _CAMEL.search(bare) and not _CAMEL_NAME.match(bare) else TITLE
        else:  # mRNA, iPhone; but "al-Rashid", "d'Angelo" are names
            shape = TITLE if bare.lower().startswith(("al-", "el-")) or bare[1:2] in "'’" else OTHER
        found.append(Word(match.start(), match.end(), bare.lower().replace("’", "'"), shape, possessive))
    if upper >= WEIGHTS.shouted_words and upper > lower:
        found = [word._replace(shape=TITLE) if word.shape == UPPER else word for word in found]
    return found

"""Words in scripts that no rule reads: a few of them in an English or Chinese text are names of people and places.

A text that is mostly in such a script is in another language (tasks/data/language.py), and stays as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from tasks.data.phi.shared.spans import Cover

SCRIPTS = {
    "ja": "\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d",
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "cyrillic": "\u0400-\u052f",
    "arabic": "\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff",
    "devanagari": "\u0904-\u0939\u0958-\u0961\u0971-\u097f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u05d0-\u05ea",
    "hy": "\u0531-\u0587",
    "ka": "\u10a0-\u10ff\u1c90-\u1cbf",
    "am": "\u1200-\u135a",
    "th": "\u0e01-\u0e4e",
    "lo": "\u0e81-\u0edf",
    "km": "\u1780-\u17d3",
    "my": "\u1000-\u109f",
    "bo": "\u0f40-\u0fbc",
    "mn": "\u1820-\u18aa",
    "bn": "\u0985-\u09ce\u09f0-\u09f1",
    "pa": "\u0a05-\u0a39\u0a59-\u0a74",
    "gu": "\u0a85-\u0ab9",
    "or": "\u0b05-\u0b39",
    "ta": "\u0b83-\u0bb9",
    "te": "\u0c05-\u0c39",
    "kn": "\u0c85-\u0cb9",
    "ml": "\u0d05-\u0d3a",
    "si": "\u0d85-\u0dc6",
}
"""Scripts that no rule reads: by the language that writes in it, or by name where several do."""
WORDS = re.compile("|".join(f"(?P<s{at}>[{letters}]+)" for at, letters in enumerate(SCRIPTS.values())))
"""A run of letters of one of them."""
_ANY = re.compile(f"[{''.join(SCRIPTS.values())}]")  # nearly all texts hold none, which this tells faster
_NAMES = tuple(SCRIPTS)
_KANA = f"s{_NAMES.index('ja')}"
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class ScriptWeights:
    """How much of another script is a name, and how much is a text."""

    # Letters of a word; fewer are symbols, as alpha in TNF-alpha. No effect: these texts hold symbols only.
    word: int = 3
    # Share of letters from which a text is in another language, which the stage refuses or leaves out. No effect.
    most: float = 0.4


WEIGHTS = ScriptWeights()


def letters(text: str) -> Counter[str]:
    """How many letters of each of the scripts a text holds."""
    found: Counter[str] = Counter()
    for match in WORDS.finditer(text):
        found[_NAMES[int((match.lastgroup or "s0")[1:])]] += len(match[0])
    return found


def find(text: str, cover: Cover) -> None:
    """Add the words of other scripts to a text's cover, if it holds few; kana in Chinese are brands and drugs."""
    if text.isascii() or not _ANY.search(text):
        return
    matches = [match for match in WORDS.finditer(text) if match.lastgroup != _KANA]
    if not matches:
        return
    if sum(len(match[0]) for match in matches) < WEIGHTS.most * len(_LETTER.findall(text)):
        for match in matches:
            if len(match[0]) >= WEIGHTS.word:
                cover.add(*match.span(), "NAME")

"""Slips of the pen in what a model reads: a typing error, a small word left out. `data/lexicons/noise.json`."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from tasks.config.words import DatasetTask
from tasks.data.records import INPUT
from tasks.data.tagging import OUTSIDE
from tasks.home import CHECKOUT

READS = ("data/lexicons/noise.json",)
LEXICON = CHECKOUT / READS[0]
SHORTEST = 5  # letters of a word that may be misspelled: a slip in a shorter one often makes another word
WORDS_PER_SLIP = 12
MOST_SLIPS = 3
_PIECE = re.compile(r"\[[A-Z]+_\d+\]|[\u3400-\u9fff]|[^\W\u3400-\u9fff]+(?:['’-][^\W\u3400-\u9fff]+)*|\s+|.", re.DOTALL)
"""A placeholder, a Chinese character, a word, white space, or a mark: together they are the whole text."""


class Noise:
    """Makes one slip, or up to three in a long text. Numbers, negations, abbreviations and placeholders are left alone.

    Swapped, doubled and lost letters are made, as keyboards make them; no letter is replaced by another, which could
    turn one medical term into another (ileum, ilium).
    """

    def __init__(self, task: DatasetTask, path: Path = LEXICON) -> None:
        plain = json.loads(path.read_text("utf-8"))
        self._task = task
        self._dropped = {language: frozenset(plain[language]["dropped"]) for language in ("en", "zh")}
        self._kept = {language: frozenset(plain[language]["kept"]) for language in ("en", "zh")}

    def child(self, record: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
        """The changed columns; None where nothing may be changed, or where nobody would notice."""
        language = record["language"]
        if language not in self._dropped:
            return None
        if self._task == "token-classification":
            pieces, tags = list(record["tokens"]), list(record["tags"])
        else:
            pieces, tags = _PIECE.findall(record[INPUT[self._task]]), []
        slips = min(MOST_SLIPS, 1 + sum(any(map(str.isalnum, piece)) for piece in pieces) // WORDS_PER_SLIP)
        places = [place for place, piece in enumerate(pieces) if self._open(pieces, tags, place)]
        if not places:
            return None
        for place in sorted(rng.sample(places, min(slips, len(places))), reverse=True):
            if pieces[place].lower() in self._dropped[language]:
                _drop(pieces, tags, place)
            else:
                pieces[place] = misspelled(pieces[place], rng)
        if tags:
            return {"tokens": pieces, "tags": tags}
        text = "".join(pieces).strip()
        return {INPUT[self._task]: text} if text != record[INPUT[self._task]] else None

    def _open(self, pieces: list[str], tags: list[str], place: int) -> bool:
        """Whether a slip may happen here."""
        piece = pieces[place]
        kept, dropped = (any(piece.lower() in words[one] for one in words) for words in (self._kept, self._dropped))
        if kept or piece.lower().endswith(("n't", "n’t")):
            return False
        if dropped and tags:  # never where it would join two entities, or leave nothing
            around = [tags[near] for near in (place - 1, place + 1) if 0 <= near < len(tags)]
            return tags[place] == OUTSIDE and OUTSIDE in around
        if dropped:  # in "What is (are) ..." it would leave empty brackets
            return not piece.isascii() or "".join(pieces[place + 1 : place + 2]).isspace()
        return len(piece) >= SHORTEST and piece.isascii() and piece.isalpha() and piece[1:].islower()


def misspelled(word: str, rng: random.Random) -> str:
    """A word of letters with two neighbours swapped, one doubled or one lost; its first letter stays."""
    place = rng.randrange(1, len(word) - 1)
    kind = rng.choice(("swapped", "doubled", "lost"))
    if kind == "swapped" and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place] * 2 + word[place + 1 :] if kind == "doubled" else word[:place] + word[place + 1 :]


def _drop(pieces: list[str], tags: list[str], place: int) -> None:
    """Leave out a word, and in running text the white space that follows it."""
    end = place + 2 if not tags and place + 1 < len(pieces) and pieces[place + 1].isspace() else place + 1
    del pieces[place:end]
    if tags:
        del tags[place]

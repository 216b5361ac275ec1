"""Pairs of texts that are alike by their characters: paraphrases, translations there and back, one inside the other.

Copies word for word are the matter of tasks/data/near_duplicates.py; a paraphrase keeps no five words in a row, but
most of its runs of five characters. Pairs are proposed by runs that few texts have, and verified by counting them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from tasks.data.compared_text import Text, tokens
from tasks.data.shingles import Rarity, Sets, hashes, occurs, shared, spread
from tasks.data.subjects import another_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.data.shingles import Rows

Kind = Literal["paraphrase", "inside"]

PARAPHRASE = 0.5
"""Jaccard similarity of the sets of 5-character runs."""
INSIDE = 0.9
"""Share of the shorter text's runs that the longer one has."""
SHORTEST = 40
"""Characters: shorter texts are made of templates and names, and alike without being twins."""
LONGEST = 600
"""Characters that are looked at."""
COMMON = 50
"""A run that more texts have proposes no pair: it belongs to a template."""
PROPOSING = 48
"""So many of a text's rarest runs propose pairs."""
MET = 3
"""So many of them propose the same pair before it is verified: fewer are a coincidence."""
TEXTS_AT_ONCE = 500
PAIRS_AT_ONCE = 2_000


class Pair(NamedTuple):
    """Two texts that are alike."""

    asked: int
    """Row among those that were looked up."""
    known: int
    """Row among those that were arranged."""
    kind: Kind


class Alike:
    """Texts arranged so that those like another one are found. Memory: about 32 bytes per character."""

    def __init__(self, texts: Sequence[Text]) -> None:
        """Arrange texts; those shorter than `SHORTEST` are found by nobody."""
        import numpy as np

        self._texts = texts
        raw = _runs(texts)
        self._rarity = Rarity([raw])
        self._sets = self._rarity.ranked(raw)
        rows = np.repeat(np.arange(len(texts)), self._sets.sizes)
        order = np.argsort(self._sets.keys, kind="stable")
        keys, rows = self._sets.keys[order], rows[order]
        firsts = np.flatnonzero(np.diff(keys, prepend=keys[:1] + np.uint64(1))) if len(keys) else np.zeros(0, np.int64)
        lengths = np.diff(firsts, append=len(keys))
        rare = np.repeat(lengths <= COMMON, lengths)
        self._keys, self._rows = keys[rare], rows[rare]

    def pairs(self, texts: Sequence[Text]) -> Iterator[Pair]:
        """The pairs of these texts and arranged ones, each once; a text that is arranged itself is its own pair.

        Two texts about different things (`another_name`) are no pair, however alike their words.
        """
        if len(self._keys):
            for begin in range(0, len(texts), TEXTS_AT_ONCE):
                for pair in self._pairs(texts[begin : begin + TEXTS_AT_ONCE]):
                    yield pair._replace(asked=begin + pair.asked)

    def _pairs(self, texts: Sequence[Text]) -> Iterator[Pair]:
        import numpy as np

        sets = self._rarity.ranked(_runs(texts))
        known = np.flatnonzero(occurs(sets.keys))  # the rarest of each text first
        rows = np.repeat(np.arange(len(texts)), sets.sizes)[known]
        nth = np.arange(len(rows)) - np.searchsorted(rows, rows)
        chosen = nth < PROPOSING
        keys, rows = sets.keys[known[chosen]], rows[chosen]
        first = np.searchsorted(self._keys, keys, side="left")
        places, probes = spread(first, np.searchsorted(self._keys, keys, side="right") - first)
        both = rows[probes] * len(self._texts) + self._rows[places]
        proposed, met = np.unique(both, return_counts=True)
        asked, held = np.divmod(proposed[met >= MET], len(self._texts))
        for begin in range(0, len(asked), PAIRS_AT_ONCE):
            piece = slice(begin, begin + PAIRS_AT_ONCE)
            yield from self._verified(texts, sets, asked[piece], held[piece])

    def _verified(self, texts: Sequence[Text], sets: Sets, asked: Rows, held: Rows) -> Iterator[Pair]:
        import numpy as np

        common = shared(sets, asked, self._sets, held)
        mine, theirs = sets.sizes[asked], self._sets.sizes[held]
        paraphrase = common >= PARAPHRASE * (mine + theirs - common)
        inside = common >= INSIDE * np.minimum(mine, theirs)
        for row, other, alike in _chosen(asked, held, paraphrase, paraphrase | inside):
            if not another_name(texts[row], self._texts[other]):
                yield Pair(row, other, "paraphrase" if alike else "inside")


def _chosen(
    asked: Rows, held: Rows, paraphrase: NDArray[np.bool_], wanted: NDArray[np.bool_]
) -> Iterator[tuple[int, int, bool]]:
    yield from zip(asked[wanted].tolist(), held[wanted].tolist(), paraphrase[wanted].tolist(), strict=True)


def _runs(texts: Sequence[Text]) -> Sets:
    """The 5-character runs of each input, free of case, width and punctuation; of a short one a run that nobody has."""
    parts = []
    for number, text in enumerate(texts):
        plain = " ".join(tokens(text.input[:LONGEST]))
        parts.append([list(plain) if len(plain) >= SHORTEST else [f"short {number} {id(texts)}"]])
    return hashes(parts)

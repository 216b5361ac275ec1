"""Which records are copies, or nearly copies, of held-out ones.

Similarity is the Jaccard index of the sets of 5-word shingles (Broder 1997, "On the resemblance and containment of
documents"). Broder estimates it by MinHash; here the pairs are found exactly instead, with no pair missed and none
falsely reported, by the prefix filter (Chaudhuri, Ganti and Kaushik 2006, "A primitive operator for similarity joins
in data cleaning"; Bayardo, Ma and Srikant 2007, "Scaling up all pairs similarity search"): two sets of at least a
given similarity must share one of their few rarest members. Medical questions come from templates, so that unrelated
ones share half of their shingles: MinHash then proposes millions of pairs to check, the rarest shingles hardly any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tasks.data.compared_text import Text, key_of, tokenised
from tasks.data.shingles import Rarity, Sets, hashes, joined, occurs, shared, spread
from tasks.data.subjects import another_subject

if TYPE_CHECKING:
    from tasks.data.shingles import Flags, Rows

PAIRS_AT_ONCE = 20_000  # candidates verified in one go: bounds the memory
PROBES_AT_ONCE = 2_000_000


class HeldOut:
    """The records that train must not know, arranged for comparison.

    Memory: 8 bytes per shingle (about one per word) of the held-out records, their text, and a sketch of at most
    256 MiB. Time: the whole split stage took 48 s of one core for 1,000,000 records of 46 words, 300,000 held out.
    """

    def __init__(self, batches: Iterable[Sequence[Text]], threshold: float) -> None:
        """Arrange the held-out records.

        Args:
            batches: the held-out records, in pieces of some thousands.
            threshold: Jaccard similarity in [0, 1] from which a record counts as a near-duplicate; at 1 only exact
                copies do.
        """
        import numpy as np

        self._threshold = threshold
        self._exact: set[bytes] = set()
        self._texts: list[Text] = []
        raw: list[Sets] = []
        for batch in batches:
            parts = list(map(tokenised, batch))
            self._exact.update(map(key_of, parts))
            if threshold < 1:
                raw.append(hashes(parts))
                # Only what has an answer needs a second look.
                self._texts.extend(text if text.answer else Text("") for text in batch)
        self._rarity = Rarity(raw)
        # Each raw piece is freed as soon as it is ranked.
        self._sets = joined([self._rarity.ranked(raw.pop(0)) for _ in range(len(raw))])
        keys, rows = self._sets.prefixes(threshold)
        order = np.argsort(keys, kind="stable")
        self._index_keys, self._index_rows = keys[order], rows[order]

    def copies(self, batch: Sequence[Text]) -> Flags:
        """Which records of a batch (shape: n) are exact copies or near-duplicates of a held-out record.

        Records made from one template about two subjects are no near-duplicates, however long the template: see
        `another_subject`.
        """
        import numpy as np

        parts = list(map(tokenised, batch))
        found = np.fromiter((key_of(one) in self._exact for one in parts), dtype=np.bool_, count=len(batch))
        if not len(self._index_keys) or not batch:
            return found
        sets = self._rarity.ranked(hashes(parts))
        keys, rows = sets.prefixes(self._threshold)
        known = occurs(keys)  # a shingle that no held-out record has finds nothing
        keys, rows = keys[known], rows[known]
        first = np.searchsorted(self._index_keys, keys, side="left")
        meets = np.searchsorted(self._index_keys, keys, side="right") - first
        limits = np.flatnonzero(np.diff(np.cumsum(meets) // PROBES_AT_ONCE, append=-1))
        begin = 0
        for end in (limits + 1).tolist():
            self._mark(batch, sets, rows[begin:end], first[begin:end], meets[begin:end], found)
            begin = end
        return found

    def _mark(self, batch: Sequence[Text], sets: Sets, rows: Rows, first: Rows, meets: Rows, found: Flags) -> None:
        """Verify the candidates of some probes, and set `found` for each record that has a true near-duplicate."""
        import numpy as np

        places, probes = spread(first, meets)
        held = self._index_rows[places]
        mine = rows[probes]
        size, other = sets.sizes[mine], self._sets.sizes[held]
        fits = ~found[mine] & (np.minimum(size, other) >= self._threshold * np.maximum(size, other) - 1e-9)
        pairs = np.unique(np.stack([mine[fits], held[fits]]), axis=1)
        for begin in range(0, pairs.shape[1], PAIRS_AT_ONCE):
            mine, held = pairs[:, begin : begin + PAIRS_AT_ONCE]
            open_ = ~found[mine]
            mine, held = mine[open_], held[open_]
            common = shared(sets, mine, self._sets, held)
            union = sets.sizes[mine] + self._sets.sizes[held] - common
            for row, other_row in zip(
                *(side[common >= self._threshold * union - 1e-9].tolist() for side in (mine, held)), strict=True
            ):
                found[row] = found[row] or not another_subject(batch[row], self._texts[other_row])

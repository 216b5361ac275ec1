"""Sets of shingles (5 words in a row) as arrays of numbers, for many records at a time."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]
    Flags = NDArray[np.bool_]

WIDTH = 5  # tokens per shingle
RARITY_BITS = 6  # of a shingle's key: its frequency class, so that sorting puts the rarest first
LARGEST_SKETCH = 1 << 26  # counters, 4 bytes each


@dataclass(frozen=True)
class Sets:
    """Sets of shingle keys, one per record: row i is `keys[start[i]:start[i + 1]]`, sorted, without repetition."""

    keys: Keys
    start: Rows

    @property
    def sizes(self) -> Rows:
        """How many members each set has (shape: n)."""
        import numpy as np

        return np.diff(self.start)

    def prefixes(self, threshold: float) -> tuple[Keys, Rows]:
        """The rarest keys of each record, of which a record of at least this similarity must share one, and its row.

        If |x & y| >= threshold * |x|, then x minus its (ceil(threshold * |x|) - 1) most frequent members still meets y.
        """
        import numpy as np

        sizes = self.sizes
        shared = np.maximum(np.ceil(threshold * sizes - 1e-9).astype(np.int64), 1)
        places, rows = spread(self.start[:-1], sizes - shared + 1)
        return self.keys[places], rows


def hashes(batch: list[list[list[str]]]) -> Sets:
    """64-bit hashes of each tokenised record's shingles, in the order of the text, with repetitions.

    A record of fewer than 5 tokens is one shingle. Python's string hash is salted per process: hashes are never kept.
    """
    import numpy as np

    words, lengths = array("q"), array("q")
    for parts in batch:
        found = list(chain.from_iterable(parts))
        words.extend(map(hash, found))
        words.extend([0] * (WIDTH - len(found)))
        lengths.append(max(len(found), WIDTH))
    flat = np.frombuffer(words, dtype=np.int64).astype(np.uint64) if words else np.zeros(0, dtype=np.uint64)
    counts = np.frombuffer(lengths, dtype=np.int64) if lengths else np.zeros(0, dtype=np.int64)
    shingle = np.zeros(max(len(flat) - WIDTH + 1, 0), dtype=np.uint64)
    for place in range(WIDTH):  # a polynomial in an odd constant, so that the order of the words counts
        shingle = shingle * np.uint64(0x9E3779B97F4A7C15) + flat[place : place + len(shingle)]
        shingle ^= shingle >> np.uint64(29)
    shingle *= np.uint64(0xBF58476D1CE4E5B9)
    shingle ^= shingle >> np.uint64(32)
    begins = np.cumsum(counts) - counts
    places, _ = spread(begins, counts - WIDTH + 1)
    start = np.zeros(len(batch) + 1, dtype=np.int64)
    np.cumsum(counts - WIDTH + 1, out=start[1:])
    return Sets(shingle[places], start)


def spread(first: Rows, lengths: Rows) -> tuple[Rows, Rows]:
    """The ranges first[i] .. first[i] + lengths[i] - 1 one after the other, and for each member its i."""
    import numpy as np

    rows = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.cumsum(lengths)
    within = np.arange(len(rows)) - np.repeat(ends - lengths, lengths)
    return np.repeat(first, lengths) + within, rows


def joined(pieces: list[Sets]) -> Sets:
    """The records of all pieces, one after the other."""
    import numpy as np

    keys = np.concatenate([one.keys for one in pieces]) if pieces else np.zeros(0, dtype=np.uint64)
    sizes = [one.sizes for one in pieces]
    return Sets(keys, np.concatenate([[0], np.cumsum(np.concatenate(sizes))]) if sizes else np.zeros(1, np.int64))


def shared(left: Sets, rows: Rows, right: Sets, others: Rows) -> Rows:
    """|left[rows[i]] & right[others[i]]| for each i."""
    import numpy as np

    names = np.unique(left.keys)  # small numbers for this batch's keys, so that (row, key) fits in 64 bits
    left_rows = np.repeat(np.arange(len(left.start) - 1), left.sizes)
    members = np.sort(left_rows * len(names) + np.searchsorted(names, left.keys))
    places, pair = spread(right.start[others], right.sizes[others])
    keys = right.keys[places]
    name = np.minimum(np.searchsorted(names, keys), len(names) - 1)
    wanted = rows[pair] * len(names) + name
    at = np.minimum(np.searchsorted(members, wanted), len(members) - 1)
    hit = (names[name] == keys) & (members[at] == wanted)
    return np.bincount(pair[hit], minlength=len(rows))


class Rarity:
    """How often each shingle occurs among the records that it is made from: the rare ones tell records apart.

    A sketch of at most 256 MiB: shingles that share a counter count as one.
    """

    def __init__(self, pieces: list[Sets]) -> None:
        """Count.

        Args:
            pieces: what `hashes` returned, for all the records.
        """
        import numpy as np

        shingles = sum(len(one.keys) for one in pieces)
        size = min(LARGEST_SKETCH, 1 << max(10, (4 * shingles).bit_length()))
        self._shift = np.uint64(64 - (size.bit_length() - 1))
        self._counts = np.zeros(size, dtype=np.uint32)
        for one in pieces:
            np.add.at(self._counts, one.keys >> self._shift, 1)

    def ranked(self, given: Sets) -> Sets:
        """Keys from what `hashes` returned: 6 bits of frequency (0: none), then 58 of the hash."""
        import numpy as np

        counts = self._counts[given.keys >> self._shift].astype(np.float64)
        rarity = np.ceil(np.log2(counts + 1)).astype(np.uint64)
        keys = (rarity << np.uint64(64 - RARITY_BITS)) | (given.keys >> np.uint64(RARITY_BITS))
        rows = np.repeat(np.arange(len(given.start) - 1), given.sizes)
        order = np.lexsort((keys, rows))
        keys, rows = keys[order], rows[order]
        fresh = np.ones(len(keys), dtype=np.bool_)
        fresh[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
        start = np.zeros(len(given.start), dtype=np.int64)
        np.cumsum(np.bincount(rows[fresh], minlength=len(start) - 1), out=start[1:])
        return Sets(keys[fresh], start)


def occurs(keys: Keys) -> Flags:
    """Which keys that `Rarity.ranked` made belong to shingles that were counted (shape as given)."""
    import numpy as np

    return keys >> np.uint64(64 - RARITY_BITS) > 0

"""Which records are copies, or nearly copies, of held-out ones.

Similarity is the Jaccard index of the sets of 5-word shingles (Broder 1997, "On the resemblance and containment of
documents"). Broder estimates it by MinHash; here the pairs are found exactly instead, with no pair missed and none
falsely reported, by the prefix filter (Chaudhuri, Ganti and Kaushik 2006, "A primitive operator for similarity joins
in data cleaning"; Bayardo, Ma and Srikant 2007, "Scaling up all pairs similarity search"): two sets of at least a
given similarity must share one of their few rarest members. Medical questions come from templates, so that unrelated
ones share half of their shingles: MinHash then proposes millions of pairs to check, the rarest shingles hardly any.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from tasks.config.words import DatasetTask
from tasks.data.records import INPUT
from tasks.home import CHECKOUT

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]
    Flags = NDArray[np.bool_]

Text = tuple[str, str]
"""What is compared: (prompt, answer), or (text, "")."""

QUESTION_WORDS = CHECKOUT / "data" / "lexicons" / "question_words.json"
WIDTH = 5  # tokens per shingle
PAIRS_AT_ONCE = 20_000  # candidates verified in one go: bounds the memory
PROBES_AT_ONCE = 2_000_000
RARITY_BITS = 6  # of a shingle's key: its frequency class, so that sorting puts the rarest first
LARGEST_SKETCH = 1 << 26  # counters, 4 bytes each

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:\++|-(?![^\W_]))?")
"""One Chinese character (or kana), or one word: so 5 tokens are 5 characters in Chinese and 5 words elsewhere.
A sign behind a word belongs to it: HER2+ is not HER2-."""


def tokens(text: str) -> list[str]:
    """The words of a text (characters, in Chinese), free of case, width and punctuation.

    A text of punctuation only counts as one token, so that two such texts differ unless they are equal.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _TOKEN.findall(plain) or [plain.strip()]


def compared(batch: pa.RecordBatch, task: DatasetTask) -> list[Text]:
    """What makes two records of a task copies of each other: question and answer, text, or tokens.

    A question-answer pair counts as a whole, since one question may well have two answers that are worth learning.
    """
    inputs = batch.column(INPUT[task]).to_pylist()
    if task == "causal-lm":
        return list(zip(inputs, batch.column("answer").to_pylist(), strict=True))
    return [(" ".join(one) if task == "token-classification" else one, "") for one in inputs]


def compared_columns(task: DatasetTask) -> list[str]:
    """The columns that `compared` reads."""
    return ["prompt", "answer"] if task == "causal-lm" else [INPUT[task]]


def exact_key(text: Text) -> bytes:
    """16 bytes that two records share when they are equal but for case, width, punctuation and white space."""
    return _key(_tokenised(text))


def _tokenised(text: Text) -> list[list[str]]:
    return [tokens(part) if part else [] for part in text]


def _key(parts: list[list[str]]) -> bytes:
    return hashlib.blake2b("\n".join(map(" ".join, parts)).encode(), digest_size=16).digest()


@dataclass(frozen=True)
class _Sets:
    """Sets of shingle keys, one per record: row i is `keys[start[i]:start[i + 1]]`, sorted, without repetition."""

    keys: Keys
    start: Rows

    @property
    def sizes(self) -> Rows:
        import numpy as np

        return np.diff(self.start)

    def prefixes(self, threshold: float) -> tuple[Keys, Rows]:
        """The rarest keys of each record, of which a record of at least this similarity must share one, and its row.

        If |x & y| >= threshold * |x|, then x minus its (ceil(threshold * |x|) - 1) most frequent members still meets y.
        """
        import numpy as np

        sizes = self.sizes
        shared = np.maximum(np.ceil(threshold * sizes - 1e-9).astype(np.int64), 1)
        places, rows = _spread(self.start[:-1], sizes - shared + 1)
        return self.keys[places], rows


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
        raw: list[_Sets] = []
        for batch in batches:
            parts = list(map(_tokenised, batch))
            self._exact.update(map(_key, parts))
            if threshold < 1:
                self._texts.extend(text if text[1] else ("", "") for text in batch)  # only answers need a second look
                raw.append(_hashes(parts))
        shingles = sum(len(one.keys) for one in raw)
        size = min(LARGEST_SKETCH, 1 << max(10, (4 * shingles).bit_length()))
        self._shift = np.uint64(64 - (size.bit_length() - 1))
        self._counts = np.zeros(size, dtype=np.uint32)
        for one in raw:
            np.add.at(self._counts, one.keys >> self._shift, 1)
        while_sorting = [self._ranked(raw.pop(0)) for _ in range(len(raw))]  # each raw piece is freed at once
        self._sets = _joined(while_sorting)
        del while_sorting
        keys, rows = self._sets.prefixes(threshold)
        order = np.argsort(keys, kind="stable")
        self._index_keys, self._index_rows = keys[order], rows[order]

    def copies(self, batch: Sequence[Text]) -> Flags:
        """Which records of a batch (shape: n) are exact copies or near-duplicates of a held-out record.

        Records made from one template about two subjects are no near-duplicates, however long the template: see
        `another_subject`.
        """
        import numpy as np

        parts = list(map(_tokenised, batch))
        found = np.fromiter((_key(one) in self._exact for one in parts), dtype=np.bool_, count=len(batch))
        if not len(self._index_keys) or not batch:
            return found
        sets = self._ranked(_hashes(parts))
        keys, rows = sets.prefixes(self._threshold)
        known = keys >> np.uint64(64 - RARITY_BITS) > 0  # a shingle that no held-out record has finds nothing
        keys, rows = keys[known], rows[known]
        first = np.searchsorted(self._index_keys, keys, side="left")
        meets = np.searchsorted(self._index_keys, keys, side="right") - first
        limits = np.flatnonzero(np.diff(np.cumsum(meets) // PROBES_AT_ONCE, append=-1))
        begin = 0
        for end in (limits + 1).tolist():
            self._mark(batch, sets, rows[begin:end], first[begin:end], meets[begin:end], found)
            begin = end
        return found

    def _mark(self, batch: Sequence[Text], sets: _Sets, rows: Rows, first: Rows, meets: Rows, found: Flags) -> None:
        """Verify the candidates of some probes, and set `found` for each record that has a true near-duplicate."""
        import numpy as np

        places, probes = _spread(first, meets)
        held = self._index_rows[places]
        mine = rows[probes]
        size, other = sets.sizes[mine], self._sets.sizes[held]
        fits = ~found[mine] & (np.minimum(size, other) >= self._threshold * np.maximum(size, other) - 1e-9)
        pairs = np.unique(np.stack([mine[fits], held[fits]]), axis=1)
        for begin in range(0, pairs.shape[1], PAIRS_AT_ONCE):
            mine, held = pairs[:, begin : begin + PAIRS_AT_ONCE]
            open_ = ~found[mine]
            mine, held = mine[open_], held[open_]
            shared = _shared(sets, mine, self._sets, held)
            union = sets.sizes[mine] + self._sets.sizes[held] - shared
            for row, other_row in zip(
                *(side[shared >= self._threshold * union - 1e-9].tolist() for side in (mine, held)), strict=True
            ):
                found[row] = found[row] or not another_subject(batch[row], self._texts[other_row])

    def _ranked(self, hashes: _Sets) -> _Sets:
        """Keys from hashes: 6 bits of frequency among the held-out records (0: none), then 58 of the hash."""
        import numpy as np

        counts = self._counts[hashes.keys >> self._shift].astype(np.float64)
        rarity = np.ceil(np.log2(counts + 1)).astype(np.uint64)
        keys = (rarity << np.uint64(64 - RARITY_BITS)) | (hashes.keys >> np.uint64(RARITY_BITS))
        rows = np.repeat(np.arange(len(hashes.start) - 1), hashes.sizes)
        order = np.lexsort((keys, rows))
        keys, rows = keys[order], rows[order]
        fresh = np.ones(len(keys), dtype=np.bool_)
        fresh[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
        start = np.zeros(len(hashes.start), dtype=np.int64)
        np.cumsum(np.bincount(rows[fresh], minlength=len(start) - 1), out=start[1:])
        return _Sets(keys[fresh], start)


def another_subject(one: Text, other: Text) -> bool:
    """Whether two similar question-answer pairs are about different things, such as two diseases in one template.

    Words that any question is made of (`data/lexicons/question_words.json`) aside, so it is when
    - the question of either has a word that comes back in its own answer, and that the other pair does not contain at
      all: the name of the disease, or the 1 of "type 1 diabetes";
    - or the questions of both have a word (no number) that the other pair does not contain: many diseases share one
      answer ("It is inherited in an autosomal recessive pattern. ...").
    A question put in quite other words before the same answer is therefore taken to be another question. Texts without
    an answer have no subject of their own.
    """
    if not (one[1] and other[1]):
        return False
    mine, theirs = _words(one), _words(other)
    return (
        not mine.repeated <= theirs.every
        or not theirs.repeated <= mine.every
        or not (mine.asked <= theirs.every or theirs.asked <= mine.every)
    )


@dataclass(frozen=True)
class _Words:
    every: frozenset[str]
    asked: frozenset[str]
    repeated: frozenset[str]


@lru_cache(maxsize=4096)
def _words(text: Text) -> _Words:
    prompt, answer = (frozenset(tokens(part)) for part in text)
    topics = prompt - _question_words()
    asked = frozenset(word for word in topics if not word.isdigit())
    return _Words(prompt | answer, asked, topics & answer)


@cache
def _question_words() -> frozenset[str]:
    plain = json.loads(QUESTION_WORDS.read_text("utf-8"))
    return frozenset(word for language in ("en", "zh") for line in plain[language] for word in tokens(line))


def _hashes(batch: list[list[list[str]]]) -> _Sets:
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
    places, _ = _spread(begins, counts - WIDTH + 1)
    start = np.zeros(len(batch) + 1, dtype=np.int64)
    np.cumsum(counts - WIDTH + 1, out=start[1:])
    return _Sets(shingle[places], start)


def _spread(first: Rows, lengths: Rows) -> tuple[Rows, Rows]:
    """The ranges first[i] .. first[i] + lengths[i] - 1 one after the other, and for each member its i."""
    import numpy as np

    rows = np.repeat(np.arange(len(lengths)), lengths)
    ends = np.cumsum(lengths)
    within = np.arange(len(rows)) - np.repeat(ends - lengths, lengths)
    return np.repeat(first, lengths) + within, rows


def _joined(pieces: list[_Sets]) -> _Sets:
    import numpy as np

    keys = np.concatenate([one.keys for one in pieces]) if pieces else np.zeros(0, dtype=np.uint64)
    sizes = [one.sizes for one in pieces]
    return _Sets(keys, np.concatenate([[0], np.cumsum(np.concatenate(sizes))]) if sizes else np.zeros(1, np.int64))


def _shared(left: _Sets, rows: Rows, right: _Sets, others: Rows) -> Rows:
    """|left[rows[i]] & right[others[i]]| for each i."""
    import numpy as np

    names = np.unique(left.keys)  # small numbers for this batch's keys, so that (row, key) fits in 64 bits
    left_rows = np.repeat(np.arange(len(left.start) - 1), left.sizes)
    members = np.sort(left_rows * len(names) + np.searchsorted(names, left.keys))
    places, pair = _spread(right.start[others], right.sizes[others])
    keys = right.keys[places]
    name = np.minimum(np.searchsorted(names, keys), len(names) - 1)
    wanted = rows[pair] * len(names) + name
    at = np.minimum(np.searchsorted(members, wanted), len(members) - 1)
    hit = (names[name] == keys) & (members[at] == wanted)
    return np.bincount(pair[hit], minlength=len(rows))

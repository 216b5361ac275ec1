"""Twins across the split: records that share a part, such as a long answer, without being copies of each other.

Whole copies are removed (tasks/data/near_duplicates.py). A part alone can be shared for good reasons - one question may
have two answers, and templates answer many questions alike - so twins are counted and shown, and held together only
where the dataset's `split.by` says so.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tasks.config.data import SplitSettings
from tasks.config.words import DatasetTask
from tasks.data.alike import Alike
from tasks.data.compared_text import Text, compared, compared_columns, tokens
from tasks.data.tables import batches
from tasks.data.version import SPLITS
from tasks.errors import InputError
from tasks.model_text import entities

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Keys = NDArray[np.uint64]

LONG = 8
"""Words (characters, in Chinese) from which an answer is long: shorter ones, such as "yes", are shared by nature."""
SAMPLE = 2_000
"""Test records that are compared with train for more than equal parts."""
TRAIN = 20_000
"""Train records that they are compared with."""
MOST = 50_000
"""Records among which paraphrases are held together: every pair counts there."""
_PRODUCED: dict[DatasetTask, tuple[str, list[str]]] = {
    "causal-lm": ("answers", ["answer"]),
    "text-classification": ("labels", ["label"]),
    "token-classification": ("mentions", ["tokens", "tags"]),
}
TRAIN_CODE, TEST_CODE = SPLITS.index("train"), SPLITS.index("test")


class Parts(NamedTuple):
    """64-bit digests of the parts of each record (shape: n); 0 where a part is not compared."""

    inputs: Keys
    answers: Keys


def parts_of(path: Path, task: DatasetTask) -> Parts:
    """The parts of every record of a Parquet file, free of case, width, punctuation and white space."""
    import numpy as np

    inputs: list[int] = []
    answers: list[int] = []
    for texts in _texts(path, task):
        inputs.extend(_digest(tokens(text.input)) for text in texts)
        for text in texts:
            words = tokens(text.answer) if text.answer else []
            answers.append(_digest(words) if len(words) >= LONG else 0)
    return Parts(np.array(inputs, dtype=np.uint64), np.array(answers, dtype=np.uint64))


def twins(path: Path, task: DatasetTask, splits: Codes) -> dict[str, int]:
    """How many test records have a twin in train, by kind.

    Args:
        path: the records.
        task: what they hold.
        splits: the split of each record (shape: n), as a place in `SPLITS`; others are in none.

    Returns:
        `test`: records of the test split; `same input` and `same long answer` among them; `compared`: how many of them
        were compared with at most `TRAIN` train records for more than equal parts; `paraphrase` and `inside` among
        those. Nothing where a split is empty.
    """
    import numpy as np

    train, test = np.flatnonzero(splits == TRAIN_CODE), np.flatnonzero(splits == TEST_CODE)
    if not len(train) or not len(test):
        return {}
    parts = parts_of(path, task)
    found = {"test": len(test), "same input": int(np.isin(parts.inputs[test], parts.inputs[train]).sum())}
    if task == "causal-lm":
        answers = parts.answers[test]
        found["same long answer"] = int((np.isin(answers, parts.answers[train]) & (answers != 0)).sum())
    some, others = _spread(test, SAMPLE), _spread(train, TRAIN)
    alike = Alike([text for piece in _chosen(path, task, some) for text in piece])
    kinds: dict[int, set[str]] = {}
    for piece in _chosen(path, task, others):
        for pair in alike.pairs(piece):
            kinds.setdefault(pair.known, set()).add(pair.kind)
    counted = Counter(kind for one in kinds.values() for kind in one)
    return found | {"compared": len(some), "paraphrase": counted["paraphrase"], "inside": counted["inside"]}


def known_to_train(path: Path, task: DatasetTask, splits: Codes) -> dict[str, float]:
    """The share of what must be produced on the test split that the train split shows, too.

    Returns:
        `answers` (long and short), `labels`, or `mentions` (of entities, each with its type): a share in [0, 1] of the
        test split's. Nothing where there are none.
    """
    import numpy as np

    seen: set[bytes] = set()
    asked: list[bytes] = []
    begin = 0
    column = {"causal-lm": ["answer"], "text-classification": ["label"], "token-classification": ["tokens", "tags"]}[
        task
    ]
    for batch in batches(path, column):
        here = splits[begin : begin + len(batch)]
        begin += len(batch)
        for code, row in zip(here.tolist(), batch.to_pylist(), strict=True):
            if code == TRAIN_CODE:
                seen.update(_produced(task, row))
            elif code == TEST_CODE:
                asked.extend(_produced(task, row))
    return {_PRODUCED[task][0]: float(np.mean([one in seen for one in asked]).round(4))} if asked and seen else {}


def together(path: Path, task: DatasetTask, groups: Codes, count: int, settings: SplitSettings) -> Codes:
    """What is held on one side of the split: the group of each record, or groups that are connected by twins.

    Args:
        path: the records.
        task: what they hold.
        groups: the group of each record (shape: n), 0 to `count` - 1.
        count: how many groups there are.
        settings: `by` says what connects them, `largest` how many records may hang together.

    Returns:
        A number for each group (shape: `count`), the same for those that are connected.

    Raises:
        InputError: too many records hang together, or there are too many to compare every pair.
    """
    import numpy as np

    if settings.by == "group":
        return np.arange(count)
    connected = _Connected(count)
    parts = parts_of(path, task)
    connected.equal(parts.answers, groups)
    if settings.by == "twins":
        connected.equal(parts.inputs, groups)
        _connect_alike(path, task, groups, connected)
    found = connected.roots()
    largest = int(np.bincount(found[groups]).max())
    if largest > settings.largest * len(groups) and largest > np.bincount(groups).max():
        raise InputError(
            f"split.by: {settings.by} would hold too many records together",
            value=f"{largest:,} of {len(groups):,} records, more than split.largest {settings.largest:g}",
            hint="equal answers are normal where answers are templates: split by group, or raise split.largest",
        )
    return found


def _connect_alike(path: Path, task: DatasetTask, groups: Codes, connected: _Connected) -> None:
    import numpy as np

    if len(groups) > MOST:
        hint = "split by group or by answer; galen data show says how many twins there are"
        raise InputError(f"split.by: twins compares at most {MOST:,} records", value=f"{len(groups):,}", hint=hint)
    everything = np.arange(len(groups))
    alike = Alike([text for piece in _chosen(path, task, everything) for text in piece])
    begin = 0
    for piece in _chosen(path, task, everything):
        for pair in alike.pairs(piece):
            connected.join(int(groups[begin + pair.asked]), int(groups[pair.known]))
        begin += len(piece)


class _Connected:
    """Groups that hang together (union-find; the smallest number stands for all)."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, group: int) -> int:
        while self._parent[group] != group:
            self._parent[group] = self._parent[self._parent[group]]
            group = self._parent[group]
        return group

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low

    def equal(self, keys: Keys, groups: Codes) -> None:
        """Join the groups of records with the same key; 0 is none."""
        first: dict[int, int] = {}
        for key, group in zip(keys.tolist(), groups.tolist(), strict=True):
            if key:
                self.join(first.setdefault(key, group), group)

    def roots(self) -> Codes:
        import numpy as np

        return np.array([self.root(group) for group in range(len(self._parent))], dtype=np.int64)


def _produced(task: DatasetTask, row: dict[str, object]) -> Iterator[bytes]:
    if task == "causal-lm":
        yield " ".join(tokens(str(row["answer"]))).encode()
    elif task == "text-classification":
        yield str(row["label"]).encode()
    else:
        words, tags = row["tokens"], row["tags"]
        assert isinstance(words, list) and isinstance(tags, list)
        for kind, begin, end in entities(tags):
            yield f"{kind}\0{' '.join(words[begin:end]).casefold()}".encode()


def _spread(rows: Codes, most: int) -> Codes:
    """At most so many of the rows, spread evenly: the same ones each time."""
    import numpy as np

    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _texts(path: Path, task: DatasetTask) -> Iterator[list[Text]]:
    for batch in batches(path, compared_columns(task)):
        yield compared(batch, task)


def _chosen(path: Path, task: DatasetTask, rows: Codes) -> Iterator[list[Text]]:
    """The texts of some rows (sorted), in pieces."""
    import numpy as np

    begin = 0
    for batch in batches(path, compared_columns(task)):
        here = rows[np.searchsorted(rows, begin) : np.searchsorted(rows, begin + len(batch))] - begin
        begin += len(batch)
        if len(here):
            yield compared(batch.take(here), task)


def _digest(words: list[str]) -> int:
    """Never 0."""
    return int.from_bytes(hashlib.blake2b("\n".join(words).encode(), digest_size=8).digest()) | 1

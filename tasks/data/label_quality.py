"""Rows whose labels cannot be trusted: impossible ones, contradicting ones, and those that annotators disagree on."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.data import Limits
from tasks.config.words import DatasetTask
from tasks.data.compared_text import Text, exact_key
from tasks.data.records import CONTENT, INPUT, TARGET, Reason
from tasks.data.tables import batches
from tasks.data.tagging import Grammar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

REASONS = (
    Reason.TOO_LONG_INPUT,
    Reason.TOO_LONG_TARGET,
    Reason.IMPOSSIBLE_TAGS,
    Reason.ANSWER_NOT_A_CHOICE,
    Reason.ANNOTATORS_DISAGREE,
    Reason.CONFLICTING_LABELS,
)
KEPT = -1
SETTLED = -2
"""The row tells nothing new: another row of the same record, by another annotator, stays for it."""


@dataclass(frozen=True)
class Quality:
    """The verdict on each row.

    `codes` (shape: rows) is `KEPT`, `SETTLED`, or the place of the reason in `REASONS`. `agreed` and `outvoted` count
    the settled rows of annotators who said what the kept row says, and who did not.
    """

    codes: NDArray[np.int8]
    agreed: int
    outvoted: int


def judge(path: Path, task: DatasetTask, limits: Limits) -> Quality:
    """Look at the labels of a Parquet file of records.

    In this order, each rule looking only at rows that the ones before left:
    what placeholders made too long, an answer that is none of its choices any more, and an impossible tag sequence are
    turned away; of a record that several annotators labelled, the first row with the label of more than half
    of them stays, and where there is no such label all its rows are turned away; where the same input (but for case,
    width, punctuation and white space) has two labels in two records, both are turned away, since nothing says which
    one is right. Questions without choices may have several answers: they contradict nothing.

    Memory: about 50 bytes per row.
    """
    import numpy as np

    look = _Look(task, limits, Grammar.of(path) if task == "token-classification" else None)
    columns = ["record_id", "annotator", *CONTENT[task]]
    pieces = [look.rows(batch.to_pylist()) for batch in batches(path, columns)]
    if not pieces:
        return Quality(np.zeros(0, dtype=np.int8), 0, 0)
    codes = np.concatenate([piece[0] for piece in pieces]).astype(np.int8)
    records, inputs, targets = np.concatenate([piece[1] for piece in pieces], axis=1)
    agreed, outvoted = _settle(codes, records, inputs ^ targets) if look.annotated else (0, 0)
    open_ = np.flatnonzero((codes == KEPT) & (inputs != 0))
    said = np.unique(np.stack([inputs[open_], targets[open_]]), axis=1)
    asked, answers = np.unique(said[0], return_counts=True)
    codes[open_[np.isin(inputs[open_], asked[answers > 1])]] = REASONS.index(Reason.CONFLICTING_LABELS)
    return Quality(codes, agreed, outvoted)


class _Look:
    """What one row shows: its own fault, and 64-bit hashes of its id, its input and its label."""

    def __init__(self, task: DatasetTask, limits: Limits, grammar: Grammar | None) -> None:
        self._task, self._limits, self._grammar = task, limits, grammar
        self.annotated = False

    def rows(self, rows: list[dict[str, Any]]) -> tuple[NDArray[np.int8], Hashes]:
        import numpy as np

        codes = np.fromiter((self._fault(row) for row in rows), dtype=np.int8, count=len(rows))
        self.annotated = self.annotated or any(row["annotator"] is not None for row in rows)
        hashes = [(_hash(row["record_id"]), self._input(row), _hash(row[TARGET[self._task]])) for row in rows]
        return codes, np.array(hashes, dtype=np.uint64).reshape(-1, 3).T

    def _fault(self, row: dict[str, Any]) -> int:
        given = row[INPUT[self._task]]
        if len(given if isinstance(given, str) else " ".join(given)) > self._limits.max_input_characters:
            return REASONS.index(Reason.TOO_LONG_INPUT)
        if len(row.get("answer") or "") > self._limits.max_answer_characters:
            return REASONS.index(Reason.TOO_LONG_TARGET)
        if self._grammar is not None and not self._grammar.possible(row["tags"]):
            return REASONS.index(Reason.IMPOSSIBLE_TAGS)
        if row.get("choices") and row["answer"] not in row["choices"]:
            return REASONS.index(Reason.ANSWER_NOT_A_CHOICE)
        return KEPT

    def _input(self, row: dict[str, Any]) -> int:
        """0 for an input that may have several right answers."""
        given = row[INPUT[self._task]]
        if self._task == "causal-lm":
            return _hash([given.casefold(), *sorted(row["choices"])]) if row["choices"] else 0
        if self._task == "token-classification":
            return _hash(given)
        return int.from_bytes(exact_key(Text(given))[:8], "big") or 1


def _hash(value: str | Iterable[str]) -> int:
    text = value if isinstance(value, str) else "\x1f".join(value)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") or 1


def _settle(codes: NDArray[np.int8], records: Hashes, said: Hashes) -> tuple[int, int]:
    """Leave one row of each record that several rows describe, by the majority of them."""
    import numpy as np

    open_ = np.flatnonzero(codes == KEPT)
    _, record, sizes = np.unique(records[open_], return_inverse=True, return_counts=True)
    several: dict[int, list[int]] = defaultdict(list)
    shared = sizes[record] > 1
    for number, row in zip(record[shared].tolist(), open_[shared].tolist(), strict=True):
        several[number].append(row)
    agreed = outvoted = 0
    for rows in several.values():
        votes = Counter(said[rows].tolist())
        winner, count = votes.most_common(1)[0]
        if 2 * count <= len(rows):
            codes[rows] = REASONS.index(Reason.ANNOTATORS_DISAGREE)
            continue
        kept = next(row for row in rows if int(said[row]) == winner)
        codes[[row for row in rows if row != kept]] = SETTLED
        agreed += count - 1
        outvoted += len(rows) - count
    return agreed, outvoted

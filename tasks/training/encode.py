"""Records as token ids: encoded once, kept flat (4 bytes a token), so that millions of records fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tasks.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

IGNORED = -100  # a target that is not learned: torch's cross entropy skips it


@dataclass(frozen=True)
class Encoded:
    """n records. Record i owns `ids[starts[i]:starts[i + 1]]`, and the targets at the same places."""

    ids: NDArray[np.int32]
    """Token ids, shape (tokens,)."""
    starts: NDArray[np.int64]
    """Where each record begins, and where the last one ends, shape (n + 1,)."""
    targets: NDArray[np.int32]
    """Per token, shape (tokens,): the token itself or its label, `IGNORED` where nothing is learned; for one label
    per record, shape (n,)."""
    rows: NDArray[np.int64]
    """Which row of the split each record is, shape (n,): rows whose answer cannot fit are left out."""
    cut: int
    """Records whose input was too long and was cut."""
    needs: NDArray[np.int64]
    """Tokens that each record that was left out would need, shape (left out,)."""
    target_starts: NDArray[np.int64] | None = None
    """Where the targets of each record begin, and where the last ones end, shape (n + 1,): for targets that are a text
    of their own, which an encoder-decoder writes. None for all others."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def left_out(self) -> int:
        """Records that were left out, as no answer would have fitted."""
        return len(self.needs)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each record, shape (n,); where targets are a text of their own (read, written), shape (n, 2)."""
        read = np.diff(self.starts)
        return read if self.target_starts is None else np.stack([read, np.diff(self.target_starts)], axis=1)

    @property
    def per_token(self) -> bool:
        """Whether there is a target per token: not one per record, nor a text of their own."""
        return self.target_starts is None and len(self.targets) == len(self.ids)

    def target_counts(self) -> NDArray[np.int64]:
        """How many targets each record teaches, shape (n,): what the loss is normalised by."""
        if self.target_starts is not None:
            return np.diff(self.target_starts)
        if not self.per_token:
            return np.ones(len(self), dtype=np.int64)
        learned = np.concatenate([[0], np.cumsum(self.targets != IGNORED)])
        return np.asarray(learned[self.starts[1:]] - learned[self.starts[:-1]])


def flat(
    records: Iterable[tuple[int, Sequence[int], Sequence[int] | int]],
    *,
    cut: int = 0,
    needs: Sequence[int] = (),
    own_targets: bool = False,
) -> Encoded:
    """`Encoded` from (row, ids, targets) per record; targets are one per token, or a single label.

    With `own_targets` they are a text of their own, of any length.
    """
    rows, lengths, target_lengths = [], [0], [0]
    ids: list[NDArray[np.int32]] = []
    targets: list[NDArray[np.int32]] = []
    for row, tokens, target in records:
        rows.append(row)
        lengths.append(len(tokens))
        ids.append(np.asarray(tokens, dtype=np.int32))
        targets.append(np.atleast_1d(np.asarray(target, dtype=np.int32)))
        target_lengths.append(len(targets[-1]))
    empty = [np.zeros(0, dtype=np.int32)]
    return Encoded(
        ids=np.concatenate(ids or empty),
        starts=np.cumsum(lengths, dtype=np.int64),
        targets=np.concatenate(targets or empty),
        rows=np.asarray(rows, dtype=np.int64),
        cut=cut,
        needs=np.asarray(needs, dtype=np.int64),
        target_starts=np.cumsum(target_lengths, dtype=np.int64) if own_targets else None,
    )


def label_ids(values: Iterable[str], labels: Sequence[str]) -> list[int]:
    """Ids of labels.

    Raises:
        InputError: a label that the dataset version does not declare.
    """
    known = {label: number for number, label in enumerate(labels)}
    try:
        return [known[value] for value in values]
    except KeyError:
        raise InputError(
            "a record has a label that the dataset does not declare", hint="build the dataset again"
        ) from None

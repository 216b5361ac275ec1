"""Which records go together: batches filled by tokens with hardly any padding, a pure function of (seed, epoch).

Records are shuffled, then sorted by length within pools of several batches, and the batches shuffled again: close to
random order, close to no padding. For causal models several records are packed into one row; each starts its
positions at 0, which is how attention keeps them apart (`position_ids` without `attention_mask`).

Lengths have shape (n,); for encoder-decoders, which read one text and write another, (n, 2), and padding is counted on
both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.training.encode import IGNORED, Encoded

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

POOL = 32  # batches sorted together
Row = list[int]  # records that share a row
Micro = list[Row]  # rows of one forward pass
Step = list[Micro]  # forward passes of one optimizer step


@dataclass(frozen=True)
class Layout:
    """How rows and batches are filled."""

    batch_tokens: int
    """Per optimizer step, padding included; a single longer record is a step of its own."""
    micro_tokens: int
    """Per forward pass, likewise."""
    capacity: int
    """Tokens of a packed row; 0: one record per row."""
    by_document: bool = False
    """Attention is told where records begin (`tasks.training.cpu`), not only by their positions."""


@dataclass(frozen=True)
class Batch:
    """Tensors of one forward pass, on the training device."""

    inputs: dict[str, Any]
    """Arguments of the model: tensors of (rows, tokens), and where records lie in packed rows."""
    targets: torch.Tensor
    """(rows, tokens) with `IGNORED` where nothing is learned, or (rows,). For an encoder-decoder the tokens are those
    that it writes, on the right of which rows are filled up with `IGNORED`."""


def layout(encoded: Encoded, batch_tokens: int, micro_tokens: int, *, pack: bool, by_document: bool = False) -> Layout:
    """The layout for these records. Attention by document packs a forward pass into a single row, without padding.

    Other attention costs by the square of a row, even across records: then a row holds about four, and the longest.
    """
    micro = min(micro_tokens, batch_tokens)
    if not pack or not len(encoded):
        return Layout(batch_tokens, micro, 0)
    longest, some = int(encoded.lengths.max()), 4 * int(encoded.lengths.mean())
    return Layout(batch_tokens, micro, max(longest, micro if by_document else min(some, micro)), by_document)


def plan_epoch(lengths: NDArray[np.int64], how: Layout, *, seed: int, epoch: int) -> list[Step]:
    """The steps of an epoch: every record exactly once, in an order that depends on (seed, epoch) only."""
    chance = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = chance.permutation(len(lengths))
    micros: list[Micro] = []
    for pool in _pools(order, lengths, POOL * how.batch_tokens):
        made = _micros(_rows(pool, lengths, how, chance), lengths, how)
        micros += [made[place] for place in chance.permutation(len(made))]
    micros = [micros[place] for place in chance.permutation(len(micros))]
    return _steps(micros, lengths, how)


def plan_in_order(lengths: NDArray[np.int64], how: Layout) -> list[Micro]:
    """Forward passes over every record, longest first, without randomness: for measuring."""
    return _micros([[int(record)] for record in _longest_first(lengths)], lengths, how)


def _pools(order: NDArray[np.int64], lengths: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Cut the shuffled records into pools of about so many tokens, each sorted by length, longest first."""
    if not len(order):
        return
    totals = lengths if lengths.ndim == 1 else lengths.sum(axis=1)
    pool_of = (np.cumsum(totals[order]) - 1) // tokens
    for pool in np.split(order, np.flatnonzero(np.diff(pool_of)) + 1):
        yield pool[_longest_first(lengths[pool])]


def _longest_first(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order of the records by length. Of two sides, the one with more tokens decides, in steps of a quarter, and
    then the other: on lengths like those of questions and answers, a quarter less padding than the sum of both."""
    if lengths.ndim == 1:
        return np.argsort(-lengths, kind="stable")
    more, less = sorted(lengths.T, key=lambda side: -int(side.sum()))
    steps = np.floor(np.log(np.maximum(more, 1)) / np.log(1.25))
    return np.lexsort((-less, -steps))


def _rows(pool: NDArray[np.int64], lengths: NDArray[np.int64], how: Layout, chance: np.random.Generator) -> list[Row]:
    """One row per record, or records packed into rows: each into the fullest row that still has room for it."""
    if not how.capacity:
        return [[int(record)] for record in pool]
    rows: list[Row] = []
    with_room: list[list[int]] = [[] for _ in range(how.capacity + 1)]  # free tokens -> rows
    some = 0  # bit n is set where some row has n free tokens: the lowest bit from `need` on is the best fit
    for record in pool:
        need = int(lengths[record])
        if fitting := some >> need:
            free = need + (fitting & -fitting).bit_length() - 1
            row = with_room[free].pop()
            if not with_room[free]:
                some ^= 1 << free
        else:
            free, row = how.capacity, len(rows)
            rows.append([])
        rows[row].append(int(record))
        with_room[free - need].append(row)
        some |= 1 << (free - need)
    return [rows[place] for place in chance.permutation(len(rows))]


def _micros(rows: list[Row], lengths: NDArray[np.int64], how: Layout) -> list[Micro]:
    """Rows in the given order, as many in one forward pass as its tokens, padding included, allow."""
    micros: list[Micro] = []
    sides = _sides(lengths)
    widest: list[int] = []
    for row in rows:
        widths = _widths(row, sides)
        widest = [max(pair) for pair in zip(widest or widths, widths, strict=True)]
        if micros and (len(micros[-1]) + 1) * sum(widest) <= how.micro_tokens:
            micros[-1].append(row)
        else:
            micros.append([row])
            widest = widths
    return micros


def _steps(micros: list[Micro], lengths: NDArray[np.int64], how: Layout) -> list[Step]:
    steps: list[Step] = []
    filled = 0
    for micro in micros:
        tokens = computed_tokens(lengths, micro)
        if steps and filled + tokens <= how.batch_tokens:
            steps[-1].append(micro)
            filled += tokens
        else:
            steps.append([micro])
            filled = tokens
    return steps


def row_width(row: Row, lengths: NDArray[np.int64]) -> int:
    """Tokens in a row, read and written together."""
    return sum(_widths(row, _sides(lengths)))


def _sides(lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Lengths, each of shape (n,): of what is read, and for an encoder-decoder of what is written."""
    return [lengths] if lengths.ndim == 1 else list(lengths.T)


def _widths(row: Row, sides: list[NDArray[np.int64]]) -> list[int]:
    return [int(sum(side[record] for record in row)) for side in sides]


def collate(encoded: Encoded, micro: Micro, pad_id: int, how: Layout, device: torch.device) -> Batch:
    """The tensors of one forward pass. Rows that are all of one length carry no attention mask: attention is faster."""
    import torch

    if encoded.target_starts is not None:
        return _collate_pairs(encoded, encoded.target_starts, micro, pad_id, device)
    width = max(row_width(row, encoded.lengths) for row in micro)
    ids = np.full((len(micro), width), pad_id, dtype=np.int64)
    targets = np.full((len(micro), width) if encoded.per_token else len(micro), IGNORED, dtype=np.int64)
    mask = np.zeros((len(micro), width), dtype=np.int64)
    positions = np.zeros((len(micro), width), dtype=np.int64)
    spans = []
    for number, row in enumerate(micro):
        at = 0
        for record in row:
            start, length = encoded.starts[record], int(encoded.lengths[record])
            here, there = slice(at, at + length), slice(start, start + length)
            ids[number, here] = encoded.ids[there]
            if encoded.per_token:
                targets[number, here] = encoded.targets[there]
                if how.capacity:
                    targets[number, at] = IGNORED  # nothing before it predicts a record's first token
            else:
                targets[number] = encoded.targets[record]
            mask[number, here] = 1
            positions[number, here] = np.arange(length)
            spans.append((number * width + at, length))
            at += length
        positions[number, at:] = np.arange(width - at)  # the padding of a packed row is a record of its own
    inputs: dict[str, Any] = {"input_ids": torch.from_numpy(ids).to(device)}
    if how.capacity:
        inputs["position_ids"] = torch.from_numpy(positions).to(device)
    elif not mask.all():
        inputs["attention_mask"] = torch.from_numpy(mask).to(device)
    if how.by_document:
        from tasks.training.cpu import groups

        inputs["documents"] = groups(np.asarray(spans, dtype=np.int64))
    return Batch(inputs, torch.from_numpy(targets).to(device))


def _collate_pairs(
    encoded: Encoded, target_starts: NDArray[np.int64], micro: Micro, pad_id: int, device: torch.device
) -> Batch:
    """The same where each row reads one text and writes another: one record per row, both padded on the right."""
    import torch

    records = [record for [record] in micro]
    read, written = (int(side) for side in encoded.lengths[records].max(axis=0))
    ids = np.full((len(records), read), pad_id, dtype=np.int64)
    mask = np.zeros((len(records), read), dtype=np.int64)
    targets = np.full((len(records), written), IGNORED, dtype=np.int64)
    for number, record in enumerate(records):
        source = encoded.ids[encoded.starts[record] : encoded.starts[record + 1]]
        answer = encoded.targets[target_starts[record] : target_starts[record + 1]]
        ids[number, : len(source)] = source
        mask[number, : len(source)] = 1
        targets[number, : len(answer)] = answer
    inputs: dict[str, Any] = {"input_ids": torch.from_numpy(ids).to(device)}
    if not mask.all():
        inputs["attention_mask"] = torch.from_numpy(mask).to(device)
    return Batch(inputs, torch.from_numpy(targets).to(device))


def computed_tokens(lengths: NDArray[np.int64], micro: Micro) -> int:
    """Tokens of a forward pass, padding included: every row is as wide as the widest one, on either side."""
    sides = _sides(lengths)
    widths = [_widths(row, sides) for row in micro]
    return len(micro) * sum(int(max(side)) for side in zip(*widths, strict=True))


def real_tokens(lengths: NDArray[np.int64], micros: Sequence[Micro]) -> int:
    """Tokens without padding."""
    return int(sum(row_width(row, lengths) for micro in micros for row in micro))


def padding_share(lengths: NDArray[np.int64], steps: Sequence[Step]) -> float:
    """Share of the tokens that are padding, of all that are computed."""
    micros: list[Any] = [micro for step in steps for micro in step]
    computed = sum(computed_tokens(lengths, micro) for micro in micros)
    return 1 - real_tokens(lengths, micros) / computed if computed else 0.0

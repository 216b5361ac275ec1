"""Token ids in batches: of similar length, and filled up to one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MAX_ROWS = 512


def batches_by_length(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, the longest first, each at most `budget` tokens with its padding.

    Longest first: a batch that does not fit into memory shows at once, and the shortest wait at the end.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batch and (len(batch) == MAX_ROWS or (len(batch) + 1) * lengths[batch[0]] > budget):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padded(
    rows: Sequence[Sequence[int]], padding: int, device: torch.device, *, left: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, both of shape [rows, longest]; padding goes on the right unless `left`."""
    import torch

    longest = max(map(len, rows))
    ids = torch.full((len(rows), longest), padding)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        span = slice(longest - len(row), longest) if left else slice(0, len(row))
        ids[place, span] = torch.tensor(row)
        mask[place, span] = 1
    return ids.to(device), mask.to(device)

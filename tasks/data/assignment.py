"""Which group belongs to which split: in the right shares, the same in every stratum, and for good."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.data import SplitSettings
from tasks.config.words import Split
from tasks.data.version import SPLITS
from tasks.errors import InputError
from tasks.home import shown

if TYPE_CHECKING:
    import pyarrow as pa


def shares(settings: SplitSettings) -> dict[Split, float]:
    """The share of the groups that each split is to hold; they add up to 1."""
    return {
        "train": 1 - settings.validation - settings.test,
        "validation": settings.validation,
        "test": settings.test,
    }


def assign(
    strata: Mapping[str, str], known: Mapping[str, Split], settings: SplitSettings, *, cover: bool
) -> dict[str, Split]:
    """A split for every group.

    A group that has one keeps it, whatever the settings say today: a changed seed or share applies to new groups only.
    New groups come in the order of a hash of their id, keyed with the seed, and each goes to the split that its stratum
    lacks most. What rounding leaves over in one stratum is made up for in the next, so that many small strata do not
    all round the same way.

    Args:
        strata: the stratum of every group that the data holds now.
        known: what was decided before; groups that the data no longer holds do not count.
        settings: shares and seed.
        cover: give every split of a nonzero share a group of every stratum, where there are enough: a class must be
            learned, tuned and judged on. It may cost small strata their exact shares.
    """
    wanted = shares(settings)
    decided = {group: known[group] for group in strata if group in known}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for group, split in decided.items():
        counts[strata[group]][split] += 1
    new: dict[str, list[str]] = {stratum: [] for stratum in sorted(set(strata.values()))}
    for group in _shuffled((group for group in strata if group not in known), settings.seed):
        new[strata[group]].append(group)
    carried: dict[Split, float] = dict.fromkeys(SPLITS, 0.0)
    for stratum, waiting in new.items():
        held = counts[stratum]
        total = held.total() + len(waiting)
        lacking = {split: share * total - held[split] + carried[split] for split, share in wanted.items()}
        for group in waiting:
            empty = [split for split in SPLITS if cover and wanted[split] > 0 and not held[split]]
            # A split of share 0 gets nothing, even where old groups of another share left the others too full.
            split = max(empty or [split for split in SPLITS if wanted[split] > 0], key=lacking.__getitem__)
            decided[group] = split
            held[split] += 1
            lacking[split] -= 1
        carried = {split: min(max(lack, -1.0), 1.0) for split, lack in lacking.items()}
    return decided


def _shuffled(groups: Iterable[str], seed: int) -> list[str]:
    key = str(seed).encode()
    return sorted(groups, key=lambda group: hashlib.blake2b(group.encode(), digest_size=16, key=key).digest())


def read_assignments(path: Path) -> dict[str, Split]:
    """The table that `write_assignments` wrote; empty when there is none.

    Raises:
        InputError: the file is not such a table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return {}
    try:
        table = pq.read_table(path, schema=_table_schema())
        known: dict[str, Split] = dict(
            zip(table.column("group_id").to_pylist(), table.column("split").to_pylist(), strict=True)
        )
    except (pa.ArrowException, OSError):
        known = {"": "train"}
    if "" in known or not set(known.values()) <= set(SPLITS):
        raise InputError(
            "the table of groups and splits is damaged",
            value=shown(path),
            hint="`dvc checkout` brings it back; without it, old test records could move to train",
        )
    return known


def write_assignments(path: Path, known: Mapping[str, Split]) -> None:
    """Write the table (columns `group_id`, `split`), sorted, in one rename."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = sorted(known)
    table = pa.table([groups, [known[group] for group in groups]], schema=_table_schema())
    unfinished = path.with_name(f".{path.name}.unfinished")
    pq.write_table(table, unfinished, compression="zstd")
    unfinished.replace(path)


def _table_schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema([("group_id", pa.string()), ("split", pa.string())])

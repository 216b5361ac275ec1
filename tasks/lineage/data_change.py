"""What is another in a dataset version than in an earlier one: counts and shares, never records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.config.words import Split
from tasks.data.records import TARGET
from tasks.data.version import SPLITS, DatasetVersion, load_version
from tasks.errors import GalenError
from tasks.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class SplitChange:
    """One split, before and now."""

    split: Split
    records: tuple[int, int]
    groups: tuple[int, int]
    new_records: int
    gone_records: int
    new_groups: int
    gone_groups: int


@dataclass(frozen=True)
class ShareChange:
    """The share of all records that have a category, a language or a label, before and now, from 0 to 1."""

    slice: str
    before: float
    now: float


@dataclass(frozen=True)
class DataChange:
    """What is another since an earlier version."""

    before: str
    """Digest of the earlier version."""
    splits: tuple[SplitChange, ...]
    moved_groups: int
    """Groups that are in another split now."""
    shares: tuple[ShareChange, ...]
    """The greatest change first."""

    @property
    def same(self) -> bool:
        """Whether every record is where it was."""
        return not self.moved_groups and not any(one.new_records or one.gone_records for one in self.splits)


def data_change(store: Store, now: DatasetVersion, before: str) -> DataChange | str:
    """What changed since the version with a digest; in words why that is not known, where it is not here any more."""
    try:
        earlier = load_version(store, before)
        if earlier.task != now.task:
            return f"it was of another task: {earlier.task}"
        old, new = _members(earlier), _members(now)
        shares = _shares(earlier), _shares(now)
    except (GalenError, OSError) as error:
        return f"it cannot be read any more ({type(error).__name__})"
    changes = []
    for split in SPLITS:
        one, other = old[split], new[split]
        changes.append(
            SplitChange(
                split,
                (earlier.meta.counts[split], now.meta.counts[split]),
                (earlier.meta.groups[split], now.meta.groups[split]),
                len(other[0] - one[0]),
                len(one[0] - other[0]),
                len(other[1] - one[1]),
                len(one[1] - other[1]),
            )
        )
    moved = sum(len(old[one][1] & new[other][1]) for one in SPLITS for other in SPLITS if one != other)
    changed = [
        ShareChange(name, shares[0].get(name, 0.0), shares[1].get(name, 0.0)) for name in {**shares[0], **shares[1]}
    ]
    changed.sort(key=lambda one: (-abs(one.now - one.before), one.slice))
    return DataChange(before, tuple(changes), moved, tuple(changed))


def _members(version: DatasetVersion) -> dict[Split, tuple[frozenset[str], frozenset[str]]]:
    """(record ids, group ids) of each split."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table: pa.Table = pq.read_table(
        version.artifact.file("membership.parquet"), columns=["record_id", "group_id", "split"]
    )
    found: dict[Split, tuple[frozenset[str], frozenset[str]]] = {}
    for split in SPLITS:
        part = table.filter(pc.field("split") == split)
        records, groups = (frozenset(part[name].to_pylist()) for name in ("record_id", "group_id"))
        found[split] = records, groups
    return found


def _shares(version: DatasetVersion) -> dict[str, float]:
    total = sum(version.meta.counts.values()) or 1
    counts: dict[str, int] = {
        f"{key}={value}": sum(by_split.values())
        for key, values in version.meta.slices.items()
        for value, by_split in values.items()
    }
    if version.task == "text-classification":
        for split in SPLITS:
            labels: list[dict[str, Any]] = (
                version.read(split, [TARGET[version.task]])["label"].value_counts().to_pylist()
            )
            for one in labels:
                name = f"label={one['values']}"
                counts[name] = counts.get(name, 0) + one["counts"]
    return {name: count / total for name, count in counts.items()}

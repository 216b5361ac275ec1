"""What the splits of a sealed dataset version share: counted again from the sealed files, not believed."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from tasks.data.version import SPLITS

if TYPE_CHECKING:
    from tasks.data.version import DatasetVersion


class Overlap(BaseModel):
    """How many distinct values two splits share, per pair (`train/test`...); all zero where splits are independent."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    records: dict[str, int]
    groups: dict[str, int]
    contents: dict[str, int]
    """The same content under different ids."""
    children_of_held_out: int
    """Train records derived from a record of another split."""


def overlap(version: DatasetVersion) -> Overlap:
    """Compare the splits of a version, pair by pair."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    splits = {one: version.read(one, ["record_id", "group_id", "parents"]) for one in SPLITS}
    member = pq.read_table(version.artifact.file("membership.parquet"), columns=["split", "content_digest"])
    contents = {one: member.filter(pc.field("split") == one)["content_digest"] for one in SPLITS}
    parents = pc.list_flatten(splits["train"]["parents"])
    held_out = [pc.sum(pc.is_in(parents, value_set=_distinct(splits[one]["record_id"]))) for one in SPLITS[1:]]
    return Overlap(
        records=_shared({one: table["record_id"] for one, table in splits.items()}),
        groups=_shared({one: table["group_id"] for one, table in splits.items()}),
        contents=_shared(contents),
        children_of_held_out=sum(count.as_py() or 0 for count in held_out),
    )


def _shared(values: dict[Any, Any]) -> dict[str, int]:
    import pyarrow.compute as pc

    distinct = {split: _distinct(column) for split, column in values.items()}
    counts = {}
    for one, other in combinations(SPLITS, 2):
        counts[f"{one}/{other}"] = pc.sum(pc.is_in(distinct[one], value_set=distinct[other])).as_py() or 0
    return counts


def _distinct(column: Any) -> Any:
    return column.unique()

"""What the splits of a sealed dataset version share: counted again from the sealed files, not believed."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from tasks.data.version import SPLITS

if TYPE_CHECKING:
    from tasks.config.words import Split
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

    splits = {one: version.read(one, ["record_id", "group_id", "parents"]) for one in SPLITS}
    contents = {one: _contents(version, one) for one in SPLITS}
    parents = pc.list_flatten(splits["train"]["parents"])
    held_out = [pc.sum(pc.is_in(parents, value_set=_distinct(splits[one]["record_id"]))) for one in SPLITS[1:]]
    return Overlap(
        records=_shared({one: table["record_id"] for one, table in splits.items()}),
        groups=_shared({one: table["group_id"] for one, table in splits.items()}),
        contents=_shared(contents),
        children_of_held_out=sum(count.as_py() or 0 for count in held_out),
    )


def learned_among(learned: DatasetVersion, judged: DatasetVersion, split: Split) -> int:
    """How many records of a split have the content of one that a model learned from.

    Args:
        learned: the version that the model learned from: its train split.
        judged: the version that it is judged on.
        split: of that.
    """
    import pyarrow.compute as pc

    held = _contents(learned, "train")
    return pc.sum(pc.is_in(_contents(judged, split), value_set=held.unique())).as_py() or 0


def _contents(version: DatasetVersion, split: Split) -> Any:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    member = pq.read_table(version.artifact.file("membership.parquet"), columns=["split", "content_digest"])
    return member.filter(pc.field("split") == split)["content_digest"]


def _shared(values: dict[Any, Any]) -> dict[str, int]:
    import pyarrow.compute as pc

    distinct = {split: _distinct(column) for split, column in values.items()}
    counts = {}
    for one, other in combinations(SPLITS, 2):
        counts[f"{one}/{other}"] = pc.sum(pc.is_in(distinct[one], value_set=distinct[other])).as_py() or 0
    return counts


def _distinct(column: Any) -> Any:
    return column.unique()

"""Which classes the records hold: labels, types of entities, or, where nothing is labelled, categories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.data import Dataset
from tasks.config.words import DatasetTask
from tasks.data.normal import normal_label
from tasks.data.tables import batches
from tasks.data.tagging import entity_type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]

_COLUMN: dict[DatasetTask, str] = {
    "causal-lm": "category",
    "text-classification": "label",
    "token-classification": "tags",
}


@dataclass(frozen=True)
class Classes:
    """Pairs of a record (its row number) and a class that it shows (an index into `names`), each pair once.

    A record of a tagging set may show several, or none; a record without category shows none.
    """

    records: Codes
    codes: Codes
    names: list[str]

    def counts(self) -> dict[str, int]:
        """Records per class."""
        import numpy as np

        return dict(zip(self.names, np.bincount(self.codes, minlength=len(self.names)).tolist(), strict=True))

    def strata(self, groups: Codes, count: int) -> list[str]:
        """The stratum of each of `count` groups: the rarest class among its records, or "" where they show none.

        The rarest class is divided well first, since it has the fewest groups to choose from (Sechidis, Tsoumakas and
        Vlahavas 2011, "On the stratification of multi-label data").

        Args:
            groups: the group of each record, 0 to `count` - 1.
            count: how many groups there are.
        """
        import numpy as np

        pairs = np.unique(np.stack([groups[self.records], self.codes]), axis=1)
        sizes = np.bincount(pairs[1], minlength=len(self.names)).tolist()
        order = sorted(range(len(self.names)), key=lambda code: (sizes[code], self.names[code]))
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        rarest = np.full(count, len(order), dtype=np.int64)
        np.minimum.at(rarest, pairs[0], rank[pairs[1]])
        by_rank = [*(self.names[code] for code in order), ""]
        return [by_rank[place] for place in rarest.tolist()]


def classes_of(path: Path, task: DatasetTask) -> Classes:
    """The classes of every record of a Parquet file, read in pieces."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    codes: dict[str, int] = {}
    pieces: list[Codes] = []
    begin = 0
    for batch in batches(path, [_COLUMN[task]]):
        values = batch.column(0)
        rows = np.arange(begin, begin + len(values))
        begin += len(values)
        if pa.types.is_list(values.type):
            rows = rows[pc.list_parent_indices(values).to_numpy()]
            values = pc.list_flatten(values)
        encoded = pc.fill_null(values, "").dictionary_encode()
        shown = encoded.dictionary.to_pylist()
        if task == "token-classification":
            shown = [entity_type(tag) for tag in shown]
        table = np.array([codes.setdefault(name, len(codes)) if name else -1 for name in shown], dtype=np.int64)
        pairs = np.stack([rows, table[encoded.indices.to_numpy()]]) if shown else np.zeros((2, 0), dtype=np.int64)
        pieces.append(np.unique(pairs[:, pairs[1] >= 0], axis=1))
    found = np.concatenate(pieces, axis=1) if pieces else np.zeros((2, 0), dtype=np.int64)
    return Classes(found[0], found[1], list(codes))


def declared_classes(dataset: Dataset) -> frozenset[str]:
    """The labels, or types of entities, that a dataset's owner has named."""
    named = {normal_label(label) for label in dataset.labels.values()}
    return frozenset(named | ({entity_type(tag) for tag in named} if dataset.task == "token-classification" else set()))

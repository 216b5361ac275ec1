"""Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.format import Format, Row, Source, mapping_of, only_file
from tasks.data.tables import batches
from tasks.errors import InputError


class Parquet(Format):
    """A Parquet file."""

    name = "parquet"
    rank = 3
    suffixes = (".parquet",)

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a Parquet file.

        Raises:
            InputError: it is none.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            columns = tuple(pq.read_schema(only_file(path)).names)
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError("not a Parquet file", value=path, hint="check `format`") from error
        mapping = mapping_of(dataset)
        wanted = [name for name in dict.fromkeys(mapping.values()) if name in columns]
        return Source(_rows(path, wanted), columns, mapping, "binary")


def _rows(path: Path, columns: list[str]) -> Iterator[Row]:
    number = 0
    for batch in batches(path, columns):
        for fields in batch.to_pylist():
            number += 1
            yield Row(f"row {number}", fields)

"""Parquet in pieces: memory stays flat as a file grows, and the same rows always give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 8192
"""Rows per row group, whatever the size of the batches that come in: it decides the bytes."""


AT_ONCE = 1024
"""Rows that are held as Python's objects, which take several times their bytes."""


class TableWriter:
    """Writes one Parquet file, row by row or batch by batch; use as a context manager."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._schema = schema
        self._rows: list[Mapping[str, Any]] = []
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", compression_level=3)
        self.rows = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """One row, as a dictionary with the schema's names; a missing name is null."""
        self._rows.append(row)
        self.rows += 1
        if len(self._rows) == AT_ONCE:
            self._turn()

    def write_batch(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Some rows, with the schema's columns (others are left out)."""
        import pyarrow as pa

        self._turn()
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        self.rows += table.num_rows
        self._hold(table.select(self._schema.names).cast(self._schema))

    def _turn(self) -> None:
        """Rows into columns."""
        import pyarrow as pa

        if self._rows:
            self._hold(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def _hold(self, table: pa.Table) -> None:
        import pyarrow as pa

        self._held.append(table)
        self._held_rows += table.num_rows
        if self._held_rows >= ROWS:
            held = pa.concat_tables(self._held)
            whole = held.num_rows - held.num_rows % ROWS
            for start in range(0, whole, ROWS):
                self._writer.write_table(held.slice(start, ROWS).combine_chunks())
            self._held, self._held_rows = [held.slice(whole)], held.num_rows - whole

    def close(self) -> None:
        """Write what is left."""
        import pyarrow as pa

        self._turn()
        if self._held_rows:
            self._writer.write_table(pa.concat_tables(self._held).combine_chunks())
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()  # what was written goes with its folder


def batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file in pieces of at most `ROWS`."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=ROWS, columns=columns)


def count_rows(path: Path) -> int:
    """How many rows a Parquet file holds; reads its footer only."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)

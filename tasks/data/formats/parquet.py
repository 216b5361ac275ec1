"""Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.file_kinds import refuse_other_kinds
from tasks.data.format import Format, Row, Source, mapping_of, only_file
from tasks.data.parquet_pieces import check_sizes, pieces, texts_in
from tasks.data.text_files import LONGEST_LINE
from tasks.digest import CHUNK
from tasks.errors import InputError

_LONG = f"a row of more than {LONGEST_LINE:,} characters"
MAGIC = b"PAR1"
"""At the beginning and at the end of a file."""


class Parquet(Format):
    """A Parquet file."""

    name = "parquet"
    rank = 3
    suffixes = (".parquet",)

    def read(self, path: Path, dataset: Dataset) -> Source:
        """Open a Parquet file.

        Raises:
            InputError: it is none, or two behind each other, of which only one would be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            columns = tuple(pq.read_schema(only_file(path)).names)
        except (pa.ArrowException, OSError) as error:
            with path.open("rb") as file:
                refuse_other_kinds(path, file.read(CHUNK), but=MAGIC)
            hint = "check `format`; a file of this format that broke off has to be copied again"
            raise InputError("not a Parquet file", value=path, hint=hint) from error
        if _holds_two(path):
            hint = "keep them as two files of one folder, and name the folder as the source"
            raise InputError("two Parquet files behind each other in one", value=path, hint=hint)
        mapping = mapping_of(dataset)
        wanted = [name for name in dict.fromkeys(mapping.values()) if name in columns]
        unread = tuple(name for name in columns if name not in wanted)
        return Source(_rows(path, wanted), columns, mapping, "binary", unread=unread)


def _holds_two(path: Path) -> bool:
    """Whether one ends and another begins somewhere within a file."""
    before = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            if 2 * MAGIC in before + piece:
                return True
            before = piece[-2 * len(MAGIC) :]
    return False


def _rows(path: Path, columns: list[str]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            at_once, texts = check_sizes(path, file, columns), texts_in(file, columns)
        # Checksums are looked at where its writer made them.
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=texts) as file:
            for batch in file.iter_batches(batch_size=at_once, columns=columns):
                for fields in (fields for piece in pieces(batch) for fields in piece):
                    number += 1
                    yield Row(
                        f"row {number}", fields, None if fields else "(too long)", detail=None if fields else _LONG
                    )
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"this Parquet file is damaged behind row {number:,}", value=path, hint="copy or download it again"
        ) from error

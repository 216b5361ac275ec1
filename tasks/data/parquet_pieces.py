"""A Parquet file in pieces that fit into memory, however far its few bytes unfold.

One long value, a run of nulls or a list that repeats takes a few bytes in a file and gigabytes in memory: five
kilobytes became 3.4 GB. So text stays in dictionaries while it is read, is weighed, and becomes rows piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.data.tables import ROWS
from tasks.data.text_files import LONGEST_LINE
from tasks.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Weights = NDArray[np.int64]

LARGEST_CHUNK = 1 << 30
"""Bytes of one column of one row group, unpacked: all of it is in memory at once."""
MOST_VALUES = 1 << 24
"""Values of a column of lists in one row group."""
DEEPEST = 32
"""Lists and structs within each other."""
PIECE = 1 << 26
"""Bytes of the rows that are turned into Python's objects at once."""
_VALUE = 64
"""Bytes of a value that is no text, and what a text takes beside its letters."""


def check_sizes(path: Path, file: Any, columns: Sequence[str]) -> int:
    """See that what is wanted of a file fits into memory; the number of rows to read at once.

    Args:
        path: of the file, for messages.
        file: a `pyarrow.parquet.ParquetFile`.
        columns: names that are wanted.

    Raises:
        InputError: a row group is too large, or a column is nested too deeply.
    """
    for field in file.schema_arrow:
        if field.name in columns and _depth(field.type) > DEEPEST:
            raise InputError(f"a column is nested more than {DEEPEST} deep", value=path)
    rows = ROWS
    for group in map(file.metadata.row_group, range(file.metadata.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            _, *inner = chunk.path_in_schema.split(".")
            if not any(chunk.path_in_schema == one or chunk.path_in_schema.startswith(f"{one}.") for one in columns):
                continue
            if chunk.total_uncompressed_size > LARGEST_CHUNK or (inner and chunk.num_values > MOST_VALUES):
                size = f"{chunk.total_uncompressed_size:,} bytes, {chunk.num_values:,} values"
                hint = "write it again with fewer rows in each row group"
                raise InputError("a row group of this Parquet file is too large", value=f"{path} ({size})", hint=hint)
            if _repeats(chunk):
                rows = min(rows, max(1, PIECE // max(1, chunk.total_uncompressed_size)))
    return rows


def _repeats(chunk: Any) -> bool:
    """Whether a value may be the beginning of the one before it and a rest: Arrow makes no dictionaries of those."""
    return any("DELTA" in encoding for encoding in chunk.encodings)


def texts_in(file: Any, columns: Sequence[str]) -> list[str]:
    """Paths of the columns that hold text, within lists too: what is read as dictionaries."""
    schema, groups = file.schema, range(file.metadata.num_row_groups)
    found = map(schema.column, range(len(schema)))
    delta = {
        chunk.path_in_schema
        for group in map(file.metadata.row_group, groups)
        for chunk in map(group.column, range(group.num_columns))
        if _repeats(chunk)
    }
    return [
        one.path
        for one in found
        if one.physical_type == "BYTE_ARRAY"
        and one.path not in delta
        and one.logical_type.type in ("STRING", "NONE", "JSON", "ENUM")
        and any(one.path == name or one.path.startswith(f"{name}.") for name in columns)
    ]


def pieces(batch: Any) -> Iterator[list[dict[str, Any] | None]]:
    """The rows of a record batch, at most `PIECE` bytes of them at a time; None for one that is too large for a row."""
    import numpy as np
    import pyarrow as pa

    weights = sum((_weights(column) for column in batch.columns), np.zeros(len(batch), dtype=np.int64))
    begin, before = 0, np.concatenate([[0], np.cumsum(np.minimum(weights, PIECE))])
    while begin < len(batch):
        if weights[begin] > 4 * LONGEST_LINE:
            yield [None]
            begin += 1
            continue
        too_large = np.flatnonzero(weights[begin:] > 4 * LONGEST_LINE)
        end = int(np.searchsorted(before, before[begin] + PIECE, side="right")) - 1
        end = max(begin + 1, min(end, len(batch), begin + int(too_large[0]) if len(too_large) else len(batch)))
        piece = batch.slice(begin, end - begin)
        yield pa.RecordBatch.from_arrays(list(map(_plain, piece.columns)), piece.schema.names).to_pylist()
        begin = end


def _weights(array: Any) -> Weights:
    """Bytes that each value of an array takes as Python's objects, about."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        indices: Weights = pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False)
        return np.append(_weights(array.dictionary), _VALUE)[indices]
    if any(test(kind) for test in (pa.types.is_string, pa.types.is_binary, pa.types.is_large_string)):
        lengths: Weights = pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        return lengths + _VALUE
    if pa.types.is_struct(kind):
        fields = (_weights(array.field(place)) for place in range(kind.num_fields))
        return sum(fields, np.full(len(array), _VALUE, dtype=np.int64))
    if any(test(kind) for test in (pa.types.is_list, pa.types.is_large_list, pa.types.is_map)):
        inner = (array.keys, array.items) if pa.types.is_map(kind) else (array.values,)
        sums = np.concatenate([[0], np.cumsum(sum(map(_weights, inner), np.zeros(len(inner[0]), dtype=np.int64)))])
        offsets = array.offsets.to_numpy()
        inside: Weights = sums[offsets[1:]] - sums[offsets[:-1]]
        return inside + _VALUE
    return np.full(len(array), _VALUE, dtype=np.int64)


def _plain(array: Any) -> Any:
    """An array whose texts are no dictionaries: Arrow turns those into Python's objects one by one."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    if pa.types.is_list(array.type) and pa.types.is_dictionary(array.type.value_type):
        offsets = array.offsets.to_numpy()
        held = array.values.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_decode()
        return pa.ListArray.from_arrays(pa.array(offsets - offsets[0]), held, mask=array.is_null())
    return array


def _depth(kind: Any) -> int:
    """How deep a type is nested; no further than anybody asks."""
    depth, level = 0, [kind]
    while level and depth <= DEEPEST:
        level = [one.field(place).type for one in level for place in range(one.num_fields)]
        depth += 1
    return depth

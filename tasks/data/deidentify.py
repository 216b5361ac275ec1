"""Second stage: what could name a person becomes a placeholder; how many of each kind is all that is kept of them."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.config.words import DatasetTask
from tasks.data.findings import Deidentified, Ingested
from tasks.data.phi import Deidentifier
from tasks.data.records import CONTENT, working_schema
from tasks.data.stage import Stage, stage_main
from tasks.data.tables import TableWriter, batches, count_rows
from tasks.errors import Interrupted
from tasks.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

ALONE = 4096
"""Records up to which starting more processes costs more than it saves."""
PIECE = 1024
"""Records that a process takes at a time."""
_LABELS = frozenset({"label", "tags"})
T = TypeVar("T")


def run(stage: Stage) -> Deidentified:
    """Replace identifiers in every record, on all cores where there are many records; order stays.

    Raises:
        Interrupted: a process of ours was killed (out of memory, most likely).
    """
    settings = stage.before.of(Ingested).settings
    task = settings.task
    given = stage.previous("records.parquet")
    counts: Counter[str] = Counter()
    changed = 0
    total = count_rows(given)
    with (
        TableWriter(stage.output / "records.parquet", working_schema(task)) as writer,
        progress(f"de-identify {stage.name}", total, "records") as shown,
    ):
        for batch, found, touched in _all(given, task) if settings.deidentify else _untouched(given):
            writer.write_batch(batch)
            counts.update(found)
            changed += touched
            shown.advance(batch.num_rows)
    return Deidentified(method=_method(settings.deidentify), phi=dict(sorted(counts.items())), changed=changed)


def _method(deidentify: bool) -> str:
    return "rules and lists (tasks/data/phi)" if deidentify else "none"


Done = tuple["pa.RecordBatch", Counter[str], int]


def _untouched(path: Path) -> Iterator[Done]:
    return ((batch, Counter(), 0) for batch in batches(path))


def _all(path: Path, task: DatasetTask) -> Iterator[Done]:
    pieces = (batch.slice(start, PIECE) for batch in batches(path) for start in range(0, batch.num_rows, PIECE))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or count_rows(path) <= ALONE:
        return (clean_batch(piece, task) for piece in pieces)
    return _spread(clean_batch, ((piece, task) for piece in pieces), cores)


def _spread(work: Callable[..., T], arguments: Iterable[tuple[Any, ...]], processes: int) -> Iterator[T]:
    """Results in order, with only a few pieces under way: a pool's own `map` would read the whole file ahead."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        under_way: deque[Future[T]] = deque()
        try:
            for each in arguments:
                under_way.append(pool.submit(work, *each))
                if len(under_way) > 2 * processes:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        except BrokenProcessPool:
            raise Interrupted("a process of the stage was killed", hint="free some memory, then run again") from None


@cache
def _deidentifier() -> Deidentifier:
    return Deidentifier()


def clean_batch(batch: pa.RecordBatch, task: DatasetTask) -> Done:
    """A batch without identifiers, how many of each kind were found, and in how many records."""
    import pyarrow as pa

    rows = batch.to_pylist()
    counts: Counter[str] = Counter()
    changed = 0
    for row in rows:
        content, found = clean_record(row, task)
        row.update(content)
        counts.update(found)
        changed += bool(found)
    return pa.RecordBatch.from_pylist(rows, schema=batch.schema), counts, changed


def clean_record(record: Mapping[str, Any], task: DatasetTask) -> tuple[dict[str, Any], Counter[str]]:
    """The content columns of one record without identifiers; tags stay aligned, choices stay what the answer says."""
    language = record["language"]
    if task == "token-classification":
        tokens, counts = _deidentifier().deidentify_tokens(record["tokens"], language)
        return {"tokens": tokens}, counts
    texts = {name: record[name] for name in CONTENT[task] if name not in _LABELS and isinstance(record[name], str)}
    choices = record.get("choices") or []
    texts |= {f"choice {number}": choice for number, choice in enumerate(choices)}
    clean, counts = _deidentifier().deidentify_record(texts, language)
    content: dict[str, Any] = {name: clean[name] for name in texts if name in record}
    if choices:
        content["choices"] = [clean[f"choice {number}"] for number in range(len(choices))]
    return content, counts


if __name__ == "__main__":
    stage_main("deidentify", run)

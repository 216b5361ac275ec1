"""First stage: the source, in whatever format, becomes records; what is none of use is quarantined with its reason."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tasks.data.checks import Record, RowCheck, RowFault
from tasks.data.findings import Ingested, IngestSettings
from tasks.data.format import Row, format_named
from tasks.data.identity import Identity, content_digest
from tasks.data.leftovers import Leftovers
from tasks.data.quarantine import Quarantine, check_budget
from tasks.data.reading import open_source, source_path
from tasks.data.records import Reason, working_schema
from tasks.data.stage import REJECTED, Stage, stage_main
from tasks.data.tables import TableWriter
from tasks.digest import digest_tree
from tasks.home import CHECKOUT
from tasks.meta.dataset import SourceMeta
from tasks.progress import progress

READS = ("data/withdrawn.txt",)
MOST_DETAILS = 20


def run(stage: Stage) -> Ingested:
    """Read, check and write every row of the source, one at a time.

    Raises:
        InputError: the source cannot be read at all, or holds more bad rows than the budget.
    """
    dataset = stage.dataset
    source, part_of = open_source(dataset), format_named(dataset.format).part
    identity = Identity(stage.store, dataset.identified)
    check = RowCheck(stage.name, dataset, source.mapping, withdrawn(), identity)
    left = Leftovers(source)
    rows = 0
    usable: dict[str, bool] = {}
    with (
        Quarantine(stage.output / REJECTED) as quarantine,
        TableWriter(stage.output / "records.parquet", working_schema(dataset.task)) as records,
        _Seen(own_ids="record_id" in source.mapping) as seen,
        progress(f"ingest {stage.name}", unit="rows") as shown,
    ):
        for row in source.rows:
            rows += 1
            shown.advance()
            kept = records.rows
            try:
                if row.fields is None:
                    raise RowFault(row.reason, detail=row.detail)
                left.add(row.fields)
                record = check.record(row.fields, row.place)
                seen.new(record, content_digest(dataset.task, record))
                records.write(record)
            except RowFault as fault:
                quarantine.add(fault.reason, row.place, _raw(row), fault.record_id, fault.detail)
            if row.fields is not None and (part := part_of(row.fields)) is not None:
                usable[part] = usable.get(part, False) or records.rows > kept
    check_budget(stage.name, dataset, rows, quarantine.counts, quarantine.examples, _hint(usable), quarantine.details)
    return Ingested(
        rows=rows,
        kept=records.rows,
        rejected=quarantine.counts,
        examples=quarantine.examples,
        details={reason: dict(counts.most_common(MOST_DETAILS)) for reason, counts in quarantine.details.items()},
        unused=left.counts(rows),
        noticed={what: count for what, count in source.noticed.items() if count},
        source=SourceMeta(
            digest=digest_tree(source_path(dataset)), format=dataset.format, encoding=source.encoding, rows=rows
        ),
        settings=IngestSettings(
            task=dataset.task,
            deidentify=dataset.deidentify,
            identified=dataset.identified,
            other_languages=dataset.other_languages,
        ),
        **({"identity_key": identity.fingerprint} if identity.fingerprint else {}),
    )


def _raw(row: Row) -> str:
    return row.raw if row.raw is not None else json.dumps(row.fields, ensure_ascii=False, default=str)


def _hint(usable: Mapping[str, bool]) -> str | None:
    """What to do about parts of the source of which no row was kept.

    Args:
        usable: whether any row was kept, by part.
    """
    useless = sorted(part for part, kept in usable.items() if not kept)
    if not useless:
        return None
    return f"nothing in {', '.join(useless)} is usable: leave it out with `exclude: [{', '.join(useless)}]`"


def withdrawn(path: Path = CHECKOUT / READS[0]) -> frozenset[str]:
    """The ids that no dataset may hold any more."""
    if not path.exists():
        return frozenset()
    found = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in found if line and not line.startswith("#"))


class _Seen:
    """Ids and contents met so far, on disk beyond a few megabytes: memory must not grow with the source.

    Args:
        own_ids: the source has ids; else they are digests of the content, and the same id is a copy.
    """

    def __init__(self, *, own_ids: bool) -> None:
        self._same_id = Reason.DUPLICATE_ID if own_ids else Reason.DUPLICATE
        self._table = sqlite3.connect("")  # a temporary file that nobody else sees
        self._table.execute("PRAGMA journal_mode=OFF")
        self._table.execute("PRAGMA cache_size=-65536")  # KiB
        self._table.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def new(self, record: Record, content: str) -> None:
        """Remember a record.

        Raises:
            RowFault: its id, or its content under another id, was there before. Several people's labels of one
                record are no duplicates.
        """
        annotator = record["annotator"] or ""
        if not self._add(f"id\0{record['record_id']}\0{annotator}"):
            raise RowFault(self._same_id, record["record_id"])
        if not self._add(f"content\0{content}\0{annotator}"):
            raise RowFault(Reason.DUPLICATE, record["record_id"])

    def _add(self, text: str) -> bool:
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        return self._table.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._table.close()


if __name__ == "__main__":
    stage_main("ingest", run)

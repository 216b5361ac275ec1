"""First stage: the source, in whatever format, becomes records; what is none of use is quarantined with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tasks.config.data import Dataset
from tasks.data.checks import Readings, RowCheck
from tasks.data.findings import Ingested, IngestSettings
from tasks.data.format import Row, format_named
from tasks.data.identity import Identity, content_digest
from tasks.data.ids import Ids
from tasks.data.label_names import LabelNames
from tasks.data.leftovers import Leftovers
from tasks.data.named import Named
from tasks.data.normal import forms_of_id
from tasks.data.quarantine import Quarantine, check_budget
from tasks.data.reading import open_source, source_path
from tasks.data.records import copies_schema, working_schema
from tasks.data.scheme import Scheme
from tasks.data.schemes import SeenTags, scheme_of
from tasks.data.seen import Copy, Seen
from tasks.data.stage import COPIES, REJECTED, Stage, stage_main
from tasks.data.tables import TableWriter
from tasks.data.values import RowFault, tags_in, values_of
from tasks.digest import digest_tree
from tasks.home import CHECKOUT
from tasks.meta.dataset import SourceMeta
from tasks.progress import progress

READS = ("data/withdrawn.txt",)
MOST_DETAILS = 20


def run(stage: Stage) -> Ingested:
    """Read, check and write every row of the source, one at a time.

    Raises:
        InputError: the source cannot be read at all, holds more bad rows than the budget, tags of no known scheme, or
            labels that people take for one.
    """
    dataset = stage.dataset
    source, part_of = open_source(dataset), format_named(dataset.format).part
    left = Leftovers(source)
    identity, labels = Identity(stage.store, dataset.identified), LabelNames(dataset.labels)
    scheme = _scheme(dataset, labels)
    rows = 0
    usable: dict[str, bool] = {}
    with (
        Quarantine(stage.output / REJECTED) as quarantine,
        TableWriter(stage.output / "records.parquet", working_schema(dataset.task)) as records,
        TableWriter(stage.output / COPIES, copies_schema()) as copies,
        Seen() as seen,
        Ids(lambda field: _values(dataset, field)) as ids,
        progress(f"ingest {stage.name}", unit="rows") as shown,
    ):
        check = RowCheck(stage.name, dataset, source.mapping, withdrawn(), identity, Readings(ids, labels, scheme))
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
                if isinstance(fault, Copy):
                    copies.write({"record_id": fault.record_id, "group_id": fault.group_id, "kept": fault.kept})
                quarantine.add(fault.reason, row.place, _raw(row), fault.record_id, fault.detail)
            if row.fields is not None and (part := part_of(row.fields)) is not None:
                usable[part] = usable.get(part, False) or records.rows > kept
    check_budget(stage.name, dataset, rows, quarantine.counts, quarantine.examples, _hint(usable), quarantine.details)
    labels.check(stage.name)
    return Ingested(
        rows=rows,
        kept=records.rows,
        rejected=quarantine.counts,
        examples=quarantine.examples,
        details={reason: dict(counts.most_common(MOST_DETAILS)) for reason, counts in quarantine.details.items()},
        unused=left.counts(rows),
        noticed=dict(source.noticed + check.noticed + _noticed(ids, labels)),
        source=SourceMeta(
            digest=digest_tree(source_path(dataset)), format=dataset.format, encoding=source.encoding, rows=rows
        ),
        settings=IngestSettings(
            task=dataset.task,
            deidentify=dataset.deidentify,
            identified=dataset.identified,
            other_languages=dataset.other_languages,
        ),
        tags=scheme.name if scheme else "",
        groups=source.groups or dataset.columns.group_id or "",
        **({"identity_key": identity.fingerprint} if identity.fingerprint else {}),
    )


def _values(dataset: Dataset, field: str) -> Iterator[str]:
    """Every value of the column of a field as text."""
    source = open_source(dataset)
    for row in source.rows:
        if row.fields is not None:
            yield from values_of(row.fields, source.mapping[field])


def _scheme(dataset: Dataset, labels: LabelNames) -> Scheme | None:
    """How the tags of a source are to be read, from all of them; None where there are none.

    Raises:
        InputError: nobody can tell.
    """
    if dataset.task != "token-classification":
        return None
    source, seen = open_source(dataset), SeenTags(Named((*dataset.labels, *dataset.labels.values())))
    group = source.mapping.get("group_id", "")
    for row in source.rows:
        if row.fields is not None:
            with suppress(RowFault):
                tags = [tag for one in tags_in(row.fields, source.mapping["tags"]) if (tag := labels.tag(one))]
                seen.add(tags, str(row.fields.get(group) or row.place))
    return scheme_of(seen)


def _noticed(ids: Ids, labels: LabelNames) -> Counter[str]:
    """What the owner of the data may want to know about ids and labels."""
    return ids.noticed + Counter(
        {
            "spellings under `labels` that the source does not hold": len(labels.never_met()),
            "labels such as None or N/A, which are a class here (name them under `labels`)": labels.in_doubt(),
        }
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
    """The ids that no dataset may hold any more, in every form that ingest gives an id."""
    if not path.exists():
        return frozenset()
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    ids = [line for line in lines if line and not line.startswith("#")]
    return frozenset(form for own in ids for form in forms_of_id(own))


if __name__ == "__main__":
    stage_main("ingest", run)

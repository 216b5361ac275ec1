"""Stage validate: rows with untrustworthy labels are quarantined; what is left is held against a suite."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically
from tasks.config.words import DatasetTask
from tasks.data.classes import Classes, classes_of, declared_classes
from tasks.data.data_docs import page
from tasks.data.expectations import Validation, check, load_suite
from tasks.data.facts import facts_of, texts_of
from tasks.data.findings import Ingested, Validated
from tasks.data.label_names import SHOWN, are_names
from tasks.data.label_quality import KEPT, REASONS, Quality, judge
from tasks.data.named import ENOUGH, RARE, groups_with, name_shown, unnamed, without_names
from tasks.data.normal import normal_label
from tasks.data.quarantine import Quarantine, check_budget
from tasks.data.records import UNSPECIFIED, working_schema
from tasks.data.stage import REJECTED, Stage, built_folder, refused_file, stage_main
from tasks.data.tables import TableWriter, batches
from tasks.digest import canonical_json
from tasks.errors import InputError
from tasks.home import shown

DOCS = "docs/index.html"
RESULT = "validation.json"


def run(stage: Stage) -> Validated:
    """Quarantine, check the budget and the labels, then validate.

    Writes `records.parquet`, `rejected.parquet`, `validation.json` (the verdict on each expectation) and
    `docs/index.html` (Great Expectations' page about it).

    Raises:
        InputError: more bad rows than the budget, a label that is too rare, or an expectation that was not met.
    """
    dataset = stage.dataset
    quality = judge(stage.previous("records.parquet"), dataset.task, dataset.limits)
    kept = stage.output / "records.parquet"
    secret = _secret_categories(stage.previous("records.parquet"), quality, dataset.categories)
    quarantine, rare = _write(stage.previous("records.parquet"), dataset.task, quality, secret, stage.output)
    _check_budget(stage, quarantine)
    classes = None if dataset.task == "causal-lm" else classes_of(kept, dataset.task)
    counts = classes.counts() if classes else {}
    if classes:
        groups, least = _groups(kept, classes), dataset.limits.min_records_per_label
        check_labels(counts, least, groups, declared_classes(dataset), identified=dataset.identified)
    validation = check(
        load_suite(dataset.task),
        facts_of(kept, dataset.task, counts),
        texts_of(kept, dataset.task),
        dataset.limits.plain(),
    )
    docs = page(validation, stage.name)
    if failed := validation.failed:
        kept_page = refused_file(stage.store, stage.name, stage.stage).with_suffix(".html")
        _write_page(kept_page, docs)
        raise InputError(
            f"dataset {stage.name} does not meet {len(failed)} of {len(validation.verdicts)} expectations",
            value="; ".join(map(str, failed)),
            hint=f"what each is for: {shown(kept_page)}",
        )
    _write_page(stage.output / DOCS, docs)
    write_atomically(stage.output / RESULT, canonical_json(result(validation)))
    return Validated(
        rejected=quarantine.counts,
        examples=quarantine.examples,
        rare={"categories": len(secret), "records": rare} if secret else {},
        annotators={"agreed": quality.agreed, "outvoted": quality.outvoted},
        validation={
            "suite_digest": validation.suite.digest,
            "success": True,
            "great_expectations": validation.version,
            "expectations": len(validation.verdicts),
        },
        docs=shown(built_folder(stage.name) / stage.stage / DOCS),
    )


def check_labels(
    counts: dict[str, int], least: int, groups: Mapping[str, int], declared: Collection[str], *, identified: bool
) -> None:
    """Every label, or type of entity, has enough records to be learned and judged, and may be named.

    Args:
        counts: records of each label.
        least: how many it must have.
        groups: in how many groups each stands.
        declared: labels that the dataset's owner has named.
        identified: whether the source may name people: then a label may, too, and a model would carry it.

    Raises:
        InputError: some have too few, or may be content of a record; names those that may be named.
    """
    secret = unnamed(groups, declared)
    rare = {label: count for label, count in sorted(counts.items()) if count < least}
    if rare and not are_names(counts):
        raise InputError(
            f"fewer than {least} records with a label",
            value=f"{len(rare):,} of {len(counts):,} different values; they are not shown, for they may be texts",
            hint="so many different values are hardly names of classes: is this the column of the labels (columns: "
            "{label: ...})? Else add records, or lower limits.min_records_per_label",
        )
    if rare and secret.issuperset(rare):
        raise InputError(
            f"fewer than {least} records with a label",
            value=f"{len(rare):,} of {len(counts):,} labels, which are not declared and therefore not named",
            hint="add records; or declare the labels (labels: [...] in params.yaml), and their names are told",
        )
    if rare:
        known = [f"{name_shown(label)} ({count})" for label, count in rare.items() if label not in secret]
        more = len(rare) - len(known[:SHOWN])
        raise InputError(
            f"fewer than {least} records with a label",
            value=", ".join(known[:SHOWN]) + (f" and {more} more" if more else ""),
            hint="add records, merge the label into another, or lower limits.min_records_per_label",
        )
    if secret and identified:
        raise InputError(
            f"labels in fewer than {ENOUGH} groups that are not declared",
            value=f"{len(secret):,} of {len(counts):,}; they are not named, for they may be content of records",
            hint="a label becomes part of the model, of reports and of the registry. If all of them are names of "
            "classes, declare them: labels: [...] in params.yaml",
        )


def _groups(path: Path, classes: Classes) -> dict[str, int]:
    """In how many groups each class stands; `path`: of the records."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names, groups = pa.array(classes.names, pa.string()), pq.read_table(path, columns=["group_id"])["group_id"]
    return groups_with(names.take(pa.array(classes.codes)), groups.take(pa.array(classes.records)))


def _secret_categories(path: Path, quality: Quality, declared: Sequence[str]) -> frozenset[str]:
    """The categories of the kept records that may not be named."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["category", "group_id"]).filter(quality.codes == KEPT)
    known = {*map(normal_label, declared), UNSPECIFIED, RARE}
    return unnamed(groups_with(table["category"], table["group_id"]), known)


def result(validation: Validation) -> dict[str, Any]:
    """A validation as plain data: verdicts and arguments of the suite, nothing of any record."""
    return {
        "suite": validation.suite.name,
        "suite_digest": validation.suite.digest,
        "great_expectations": validation.version,
        "success": not validation.failed,
        "expectations": [
            {"type": one.type, "columns": list(one.columns), "arguments": one.arguments, "success": one.success}
            for one in validation.verdicts
        ],
    }


def _write_page(path: Path, html: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")


def _write(
    path: Path, task: DatasetTask, quality: Quality, secret: Collection[str], folder: Path
) -> tuple[Quarantine, int]:
    """The kept rows to `records.parquet`, the others, but for settled ones, to the quarantine.

    Args:
        secret: categories that may not be named.

    Returns:
        The quarantine, and how many records had one of these categories.
    """
    import numpy as np
    import pyarrow.compute as pc

    begin = rare = 0
    with (
        TableWriter(folder / "records.parquet", working_schema(task)) as records,
        Quarantine(folder / REJECTED) as quarantine,
    ):
        for batch in batches(path):
            codes = quality.codes[begin : begin + len(batch)]
            begin += len(batch)
            kept = batch.take(np.flatnonzero(codes == KEPT))
            named = without_names(kept["category"], secret)
            rare += int(pc.sum(pc.not_equal(named, kept["category"])).as_py() or 0)
            records.write_batch(kept.set_column(kept.schema.get_field_index("category"), "category", named))
            bad = np.flatnonzero(codes >= 0)
            for code, row in zip(codes[bad].tolist(), batch.take(bad).to_pylist(), strict=True):
                quarantine.add(REASONS[code], row["place"], json.dumps(row, ensure_ascii=False), row["record_id"])
    return quarantine, rare


def _check_budget(stage: Stage, quarantine: Quarantine) -> None:
    """The bad rows of every stage so far count together."""
    rejected = stage.before.rejected() + Counter(quarantine.counts)
    examples = stage.before.examples() | quarantine.examples
    check_budget(stage.name, stage.dataset, stage.before.of(Ingested).rows, rejected, examples)


if __name__ == "__main__":
    stage_main("validate", run)

"""Stage validate: rows with untrustworthy labels are quarantined; what is left is held against a suite."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically
from tasks.config.words import DatasetTask
from tasks.data.classes import classes_of
from tasks.data.data_docs import page
from tasks.data.expectations import Validation, check, load_suite
from tasks.data.facts import facts_of, texts_of
from tasks.data.findings import Ingested, Validated
from tasks.data.label_names import SHOWN, are_names, name_shown
from tasks.data.label_quality import KEPT, REASONS, Quality, judge
from tasks.data.quarantine import Quarantine, check_budget
from tasks.data.records import working_schema
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
    quarantine = _write(stage.previous("records.parquet"), dataset.task, quality, stage.output)
    _check_budget(stage, quarantine)
    counts = {} if dataset.task == "causal-lm" else classes_of(kept, dataset.task).counts()
    check_labels(counts, dataset.limits.min_records_per_label)
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
        annotators={"agreed": quality.agreed, "outvoted": quality.outvoted},
        validation={
            "suite_digest": validation.suite.digest,
            "success": True,
            "great_expectations": validation.version,
            "expectations": len(validation.verdicts),
        },
        docs=shown(built_folder(stage.name) / stage.stage / DOCS),
    )


def check_labels(counts: dict[str, int], least: int) -> None:
    """Every label, or type of entity, has enough records to be learned and judged.

    Raises:
        InputError: naming those that have not, and how many each has; only their number where they may be texts.
    """
    rare = {label: count for label, count in sorted(counts.items()) if count < least}
    if rare and not are_names(counts):
        raise InputError(
            f"fewer than {least} records with a label",
            value=f"{len(rare):,} of {len(counts):,} different values; they are not shown, for they may be texts",
            hint="so many different values are hardly names of classes: is this the column of the labels (columns: "
            "{label: ...})? Else add records, or lower limits.min_records_per_label",
        )
    if rare:
        told = ", ".join(f"{name_shown(label)} ({count})" for label, count in list(rare.items())[:SHOWN])
        raise InputError(
            f"fewer than {least} records with a label",
            value=told + (f" and {len(rare) - SHOWN} more" if len(rare) > SHOWN else ""),
            hint="add records, merge the label into another, or lower limits.min_records_per_label",
        )


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


def _write(path: Path, task: DatasetTask, quality: Quality, folder: Path) -> Quarantine:
    """The kept rows to `records.parquet`, the others, but for settled ones, to the quarantine."""
    import numpy as np

    begin = 0
    with (
        TableWriter(folder / "records.parquet", working_schema(task)) as records,
        Quarantine(folder / REJECTED) as quarantine,
    ):
        for batch in batches(path):
            codes = quality.codes[begin : begin + len(batch)]
            begin += len(batch)
            records.write_batch(batch.take(np.flatnonzero(codes == KEPT)))
            bad = np.flatnonzero(codes >= 0)
            for code, row in zip(codes[bad].tolist(), batch.take(bad).to_pylist(), strict=True):
                quarantine.add(REASONS[code], row["place"], json.dumps(row, ensure_ascii=False), row["record_id"])
    return quarantine


def _check_budget(stage: Stage, quarantine: Quarantine) -> None:
    """The bad rows of every stage so far count together."""
    rejected = stage.before.rejected() + Counter(quarantine.counts)
    examples = stage.before.examples() | quarantine.examples
    check_budget(stage.name, stage.dataset, stage.before.of(Ingested).rows, rejected, examples)


if __name__ == "__main__":
    stage_main("validate", run)

"""Findings of data stages that did not run."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.config.words import DatasetTask, Split
from tasks.data.findings import Augmented, Deidentified, Divided, Ingested, IngestSettings, SoFar, Validated
from tasks.meta.dataset import SourceMeta

NONE: dict[Split, int] = {"train": 0, "validation": 0, "test": 0}


def ingested(task: DatasetTask, rows: int, rejected: Mapping[str, int] | None = None) -> Ingested:
    turned_away = dict(rejected or {})
    return Ingested(
        rows=rows,
        kept=rows - sum(turned_away.values()),
        rejected=turned_away,
        source=SourceMeta(digest="d", format="jsonl", encoding="utf-8", rows=rows),
        settings=IngestSettings(task=task, deidentify=True, identified=True, other_languages="refuse"),
    )


def before_seal() -> SoFar:
    """Of every stage before the last."""
    return SoFar(
        (
            ingested("causal-lm", rows=9, rejected={"blank-target": 2}),
            Deidentified(phi={"NAME": 3}, method="rules", changed=3),
            Validated(rejected={"blank-target": 1}, annotators={}, validation={"success": True}, docs="index.html"),
            Divided(rejected={"near-duplicate": 1}, counts=NONE, groups=NONE),
            Augmented(augmentation={"noise": 1}, dropped={}, train=3),
        )
    )

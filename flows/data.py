"""Building a dataset by itself, outside a retraining: the same stages, no Prefect."""

from __future__ import annotations

from flows.console import Console
from tasks.data.dvc import build_stage
from tasks.data.seal import adopt_version
from tasks.data.shown import left_over
from tasks.data.stage import STAGES
from tasks.data.version import DatasetVersion
from tasks.lineage.recording import record_sealed
from tasks.store import Store


def build(store: Store, name: str) -> DatasetVersion:
    """Bring every stage of a dataset up to date and seal a version.

    Raises:
        GalenError: what a stage said.
    """
    console = Console()
    for stage in STAGES:
        with console.stage(f"data: {stage}") as row:
            row.verdict = "done" if build_stage(store, stage, name) else "unchanged"
            row.detail = "; ".join(left_over(name)) if stage == STAGES[0] else ""
    version = adopt_version(store, name)
    record_sealed(store, version)
    return version

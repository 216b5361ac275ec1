"""How one data stage runs: `python -m tasks.data.STAGE NAME`, started by DVC (tasks/data/dvc.py).

A stage module holds one function and hands it over:

    def run(stage: Stage) -> Divided:
        records = pq.ParquetFile(stage.previous("records.parquet"))     # what the stage before wrote
        ...                                                             # stage.dataset: its entry of params.yaml
        writer = pq.ParquetWriter(stage.output / "records.parquet", ...)
        return Divided(rejected={"near-duplicate": 3}, ...)             # counts only, never content

    if __name__ == "__main__":
        stage_main("split", run)

What the folders `data/built/NAME/STAGE/` hold:

    ingest        records.parquet  rejected.parquet  copies.parquet
    deidentify    records.parquet
    validate      records.parquet  rejected.parquet  validation.json
    split         train.parquet  validation.parquet  test.parquet  rejected.parquet
    augment       train.parquet  validation.parquet  test.parquet
    seal          the dataset version

and each a `manifest.json` with the findings of every stage so far: `{"ingest": {...}, "deidentify": {...}, ...}`. This
module writes it; `stage.before.of(Ingested)` reads it (tasks/data/findings.py). The schemas are `working_schema(task)`
and `rejected_schema()` of tasks/data/records.py.

A stage fills an empty folder beside its own, which takes its place in one rename: there is never half an output.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from tasks.artifact import write_atomically
from tasks.config.data import Dataset
from tasks.data.entries import one_entry
from tasks.data.findings import KINDS, Findings, SoFar
from tasks.digest import canonical_json
from tasks.errors import GalenError, InputError, Interrupted, traced
from tasks.home import CHECKOUT
from tasks.process import failing_into
from tasks.settings import parse
from tasks.store import Store

STAGES: tuple[str, ...] = tuple(KINDS)
MANIFEST = "manifest.json"
REJECTED = "rejected.parquet"
COPIES = "copies.parquet"
"""Of ingest: which turned away row is a copy of which record (`copies_schema`)."""
ERROR_FILE = "GALEN_STAGE_ERROR"
"""Environment variable: where a stage writes its typed error, since DVC keeps neither exit code nor message."""
PARENT = "GALEN_STAGE_PARENT"
"""Environment variable: id of the process without which the stage must not go on."""

Run = Callable[["Stage"], Findings]


@dataclass(frozen=True)
class Stage:
    """One run of one stage for one dataset."""

    store: Store = field(repr=False)
    stage: str
    name: str
    dataset: Dataset
    output: Path
    """An empty folder to fill."""
    built: Path
    """`data/built/NAME`: the folders of all its stages."""
    before: SoFar = field(default_factory=SoFar)
    """What the stages before found."""

    def previous(self, file: str) -> Path:
        """A file that the stage before wrote."""
        return self.of(STAGES[STAGES.index(self.stage) - 1], file)

    def of(self, stage: str, file: str) -> Path:
        """A file that some stage before wrote.

        Raises:
            InputError: it is not there, since the stages were run out of order.
        """
        path = self.built / stage / file
        if not path.exists():
            raise InputError(
                f"stage {self.stage} needs {file} of stage {stage}", value=self.name, hint="run the stages in order"
            )
        return path


def built_folder(name: str) -> Path:
    """Where the stages of a dataset write."""
    return CHECKOUT / "data" / "built" / name


def refused_file(store: Store, name: str, stage: str) -> Path:
    """Where the quarantined rows of a refused build wait for the data's owner; on this machine only."""
    return store.root / "refused" / name / f"{stage}.parquet"


def execute(store: Store, stage: str, name: str, dataset: Dataset, run: Run, built: Path) -> Path:
    """Run one stage into a fresh folder and put it in place; return that folder.

    Args:
        store: where everything is kept.
        stage: one of `STAGES`.
        name: the dataset's.
        dataset: its settings.
        run: the stage's function.
        built: the folder that holds one folder per stage.
    """
    final = built / stage
    output = built / f".{stage}.{os.getpid()}"
    built.mkdir(parents=True, exist_ok=True)
    for left in built.glob(f".{stage}.*"):  # of a run that was killed; DVC lets one run of a stage at a time
        shutil.rmtree(left)
    output.mkdir()
    before = _before(stage, built)
    refused = refused_file(store, name, stage)
    try:
        found = run(Stage(store, stage, name, dataset, output, built, before))
        write_atomically(output / MANIFEST, canonical_json({**before.plain(), stage: found.plain()}))
        shutil.rmtree(final, ignore_errors=True)
        output.rename(final)
        refused.unlink(missing_ok=True)
    except GalenError:
        if (output / REJECTED).is_file():
            refused.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(output / REJECTED, refused)
            refused.chmod(0o600)
        raise
    finally:
        shutil.rmtree(output, ignore_errors=True)
    return final


def _before(stage: str, built: Path) -> SoFar:
    position = STAGES.index(stage)
    if position == 0:
        return SoFar()
    try:
        return SoFar.read((built / STAGES[position - 1] / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"stage {stage} needs stage {STAGES[position - 1]} first", value=built.name, hint="run the stages in order"
        ) from None


def stage_main(stage: str, run: Run) -> NoReturn:
    """The whole `main` of a stage module. Ends the process; a typed error goes to the file that `ERROR_FILE` names."""
    hint = "a fault of Galen: please report the trace above"
    with failing_into(error_file(), lambda fault: traced(fault, f"stage {stage}", hint)):
        _die_with_parent()
        if len(sys.argv) != 2:
            raise InputError(f"usage: python -m tasks.data.{stage} NAME")
        name = sys.argv[1]
        execute(Store.of_environment(), stage, name, parse(Dataset, *one_entry(name)), run, built_folder(name))
    raise SystemExit(0)


def error_file() -> Path | None:
    """Where the process that asked for a stage looks for its error; None where a person runs it by hand."""
    named = os.environ.get(ERROR_FILE)
    return Path(named) if named else None


def _die_with_parent() -> None:
    """Kill this process group when the process that `PARENT` names is gone, however it went (Linux).

    DVC would otherwise leave the stage running, and a second run would meet it.
    """
    parent = os.environ.get(PARENT)
    if parent is None or not hasattr(os, "pidfd_open"):
        return
    try:
        handle = os.pidfd_open(int(parent))
    except ProcessLookupError:
        raise Interrupted("the run that started this stage has ended", hint="run again") from None

    def wait() -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()

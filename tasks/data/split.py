"""Stage split: whole groups to train, validation and test; what train must not know is removed from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.data import Dataset, SplitSettings
from tasks.config.words import DatasetTask, Split
from tasks.data.assignment import assign, read_assignments, shares, write_assignments
from tasks.data.classes import Classes, classes_of, declared_classes
from tasks.data.compared_text import Text, compared, compared_columns
from tasks.data.findings import Divided
from tasks.data.named import ENOUGH, name_shown
from tasks.data.near_duplicates import HeldOut
from tasks.data.quarantine import Quarantine
from tasks.data.records import Reason, working_schema
from tasks.data.stage import REJECTED, Stage, stage_main
from tasks.data.tables import TableWriter, batches
from tasks.data.twins import known_to_train, together, twins
from tasks.data.version import SPLITS
from tasks.errors import InputError
from tasks.progress import progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]

TRAIN, VALIDATION, TEST = range(len(SPLITS))
REMOVED = len(SPLITS)
ASSIGNMENTS = "assignments.parquet"
"""Beside the folders of the stages, and kept by DVC from run to run (`persist: true`): the split of every group that
was ever seen. Without it the same data gives the same splits, but data that grew meanwhile may not."""


def run(stage: Stage) -> Divided:
    """Assign groups, remove near-duplicates of held-out records, and check that every class is in every split.

    Raises:
        InputError: a split is empty, or a class is missing from one.
    """
    import numpy as np

    task, settings, path = stage.dataset.task, stage.dataset.split, stage.previous("records.parquet")
    groups, names = _groups(path)
    classes = classes_of(path, task)
    known = read_assignments(stage.built / ASSIGNMENTS)
    roots = together(path, task, groups, len(names), settings)
    strata = classes.strata(roots[groups], len(names))
    assigned = _assign(names, roots.tolist(), strata, known, settings, cover=task != "causal-lm")
    codes = np.fromiter((SPLITS.index(assigned[name]) for name in names), dtype=np.int64, count=len(names))
    splits = codes[groups]
    _remove_near_duplicates(path, task, splits, settings.near_duplicate)
    check_classes(classes, splits, groups, stage.dataset)
    rejected = _write(path, task, splits, stage.output)
    write_assignments(stage.built / ASSIGNMENTS, known | assigned)
    return Divided(
        rejected=rejected,
        counts={split: int((splits == code).sum()) for code, split in enumerate(SPLITS)},
        groups={split: len(np.unique(groups[splits == code])) for code, split in enumerate(SPLITS)},
        twins=twins(path, task, splits),
        known=known_to_train(path, task, splits),
    )


def _assign(
    names: list[str],
    roots: list[int],
    strata: list[str],
    known: Mapping[str, Split],
    settings: SplitSettings,
    *,
    cover: bool,
) -> dict[str, Split]:
    """A split for every group; those that are held together, and have none yet, get the same one.

    Args:
        names: of the groups.
        roots: for each group the place of the one that stands for all that are held together with it.
        strata: of the groups that stand for any.
        known: what was decided before. Where it parts groups that are held together since, new ones go to train.
        settings: shares and seed.
        cover: see `assign`.
    """
    first: dict[int, str] = {}  # the place depends on the order of the source, the first name does not
    for name, root in zip(names, roots, strict=True):
        first[root] = min(name, first.get(root, name))
    decided: dict[str, Split] = {}
    for name, root in zip(names, roots, strict=True):
        if name in known:
            decided[first[root]] = known[name] if decided.get(first[root], known[name]) == known[name] else "train"
    assigned = assign({name: strata[root] for root, name in first.items()}, decided, settings, cover=cover)
    return {name: known.get(name, assigned[first[root]]) for name, root in zip(names, roots, strict=True)}


def check_classes(classes: Classes, splits: Codes, groups: Codes, dataset: Dataset) -> None:
    """Every split of a nonzero share holds records, and, where there are labels, every label or type of entity.

    Args:
        classes: of the records.
        splits: of each record.
        groups: of each record.
        dataset: whose labels may be named if they are declared; others only if many groups show them.

    Raises:
        InputError: naming each class that may be named, and the split that lacks it.
    """
    import numpy as np

    settings, task, declared = dataset.split, dataset.task, declared_classes(dataset)
    missing, secret = [], 0
    for code, split in enumerate(SPLITS):
        if shares(settings)[split] == 0:
            continue
        here = splits == code
        if not here.any():
            raise InputError(
                f"the {split} split is empty",
                value=f"{len(splits):,} records",
                hint="add groups, or set the share of the split to 0",
            )
        if task != "causal-lm":
            present = np.isin(np.arange(len(classes.names)), classes.codes[here[classes.records]])
            for lost in np.flatnonzero(~present).tolist():
                name, shown_by = classes.names[lost], np.unique(groups[classes.records[classes.codes == lost]])
                if name in declared or len(shown_by) >= ENOUGH:
                    missing.append(f"{name_shown(name)} from {split}")
                else:
                    secret += 1
    if secret:
        missing.append(f"{secret} that stand in fewer than {ENOUGH} groups and are not declared, so not named")
    if missing:
        raise InputError(
            "a class is missing from a split",
            value=", ".join(missing),
            hint="a class needs at least one group in each split: add records of it, or take it out of the source",
        )


def _groups(path: Path) -> tuple[Codes, list[str]]:
    """The group of each record as a number, and the names of the groups."""
    import numpy as np
    import pyarrow as pa

    column = pa.chunked_array([batch.column(0) for batch in batches(path, ["group_id"])], type=pa.string())
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _remove_near_duplicates(path: Path, task: DatasetTask, splits: Codes, threshold: float) -> None:
    """Mark copies of test records in validation, then copies of either in train."""
    import numpy as np

    with progress("near-duplicates", int((splits != TEST).sum())) as shown:
        for target, held_out in ((VALIDATION, [TEST]), (TRAIN, [TEST, VALIDATION])):
            held = HeldOut((texts for _, texts in _texts(path, task, np.isin(splits, held_out))), threshold)
            for rows, texts in _texts(path, task, splits == target):
                splits[rows[held.copies(texts)]] = REMOVED
                shown.advance(len(texts))


def _texts(path: Path, task: DatasetTask, wanted: NDArray[np.bool_]) -> Iterator[tuple[Codes, list[Text]]]:
    """The wanted records in pieces: their row numbers, and what is compared."""
    import numpy as np

    begin = 0
    for batch in batches(path, compared_columns(task)):
        here = np.flatnonzero(wanted[begin : begin + len(batch)])
        if len(here):
            yield begin + here, compared(batch.take(here), task)
        begin += len(batch)


def _write(path: Path, task: DatasetTask, splits: Codes, folder: Path) -> dict[str, int]:
    """Each record to the file of its split, in the order of the source; returns the rejected rows per reason."""
    import numpy as np

    begin = 0
    schema = working_schema(task)
    writers = [TableWriter(folder / f"{split}.parquet", schema) for split in SPLITS]
    with Quarantine(folder / REJECTED) as quarantine:
        for batch in batches(path):
            here = splits[begin : begin + len(batch)]
            begin += len(batch)
            for code, writer in enumerate(writers):
                writer.write_batch(batch.take(np.flatnonzero(here == code)))
            for row in batch.take(np.flatnonzero(here == REMOVED)).to_pylist():
                quarantine.add(
                    Reason.NEAR_DUPLICATE, row["place"], json.dumps(row, ensure_ascii=False), row["record_id"]
                )
    for writer in writers:
        writer.close()
    return quarantine.counts


if __name__ == "__main__":
    stage_main("split", run)

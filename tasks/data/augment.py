"""Stage augment: records derived from train records, each naming its parent. Held-out records are left as they are."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from tasks.config.data import Dataset
from tasks.data.compared_text import Text, compared, compared_columns
from tasks.data.findings import Augmented
from tasks.data.near_duplicates import HeldOut
from tasks.data.noise import Noise
from tasks.data.paraphrase import Paraphrases
from tasks.data.records import working_schema
from tasks.data.stage import Stage, stage_main
from tasks.data.synonyms import Synonyms
from tasks.data.tables import TableWriter, batches, count_rows
from tasks.data.tagging import Grammar
from tasks.data.version import SPLITS
from tasks.errors import InputError, IntegrityError
from tasks.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

HELD_OUT = ("validation", "test")


class Kind(Protocol):
    """A way of deriving a record from another."""

    def child(self, record: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
        """The changed columns, or None where this record offers nothing to change."""


def run(stage: Stage) -> Augmented:
    """Write every train record, followed batch by batch by its children; copy the other splits.

    A rate is the chance of a record to be given a child of that kind; a record that offers nothing to change (no name
    of the lexicon in it, say) has none. Whether and how a record is changed depends on its id and the seed alone, so a
    row that is added changes nobody else's children. Languages other than English and Chinese are left alone.

    Raises:
        IntegrityError: a group is on both sides of a split.
    """
    import pyarrow as pa

    check_groups(stage)
    for split in HELD_OUT:
        shutil.copyfile(stage.previous(f"{split}.parquet"), stage.output / f"{split}.parquet")
    source, settings = stage.previous("train.parquet"), stage.dataset.augment
    kinds = {kind: rate for kind, rate in rates(stage.dataset).items() if rate > 0}
    if not kinds:
        shutil.copyfile(source, stage.output / "train.parquet")
        return Augmented(augmentation={}, dropped={}, train=count_rows(source))
    task = stage.dataset.task
    makers = _makers(stage)
    held = HeldOut(_held_out(stage), stage.dataset.split.near_duplicate)
    made: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    schema = working_schema(task)
    with (
        TableWriter(stage.output / "train.parquet", schema) as train,
        progress(f"augment {stage.name}", count_rows(source)) as shown,
    ):
        for batch in batches(source):
            train.write_batch(batch)
            for kind, rate in kinds.items():
                children = _record_batch(derive(batch, kind, makers[kind], rate, settings.seed), schema)
                fresh = children.filter(pa.array(~held.copies(compared(children, task))))
                train.write_batch(fresh)
                made[kind] += len(fresh)
                dropped[kind] += len(children) - len(fresh)
            shown.advance(len(batch))
    return Augmented(augmentation=dict(made), dropped=dict(+dropped), train=train.rows)


def rates(dataset: Dataset) -> dict[str, float]:
    """The rate of each kind, in the order in which children are made.

    Raises:
        InputError: paraphrases are asked of what are no questions.
    """
    settings = dataset.augment
    if settings.paraphrase > 0 and dataset.task != "causal-lm":
        raise InputError(
            f"augment.paraphrase rephrases questions, and {dataset.task} has none",
            value=settings.paraphrase,
            hint="set it to 0; synonyms and noise work on every task",
        )
    return {"paraphrase": settings.paraphrase, "synonyms": settings.synonyms, "noise": settings.noise}


def derive(batch: pa.RecordBatch, kind: str, maker: Kind, rate: float, seed: int) -> list[dict[str, Any]]:
    """The children of one kind of a batch of records.

    A child has the group, category, language, source and licence of its parent, and the id `PARENT~KIND`.
    """
    import pyarrow as pa

    draws: dict[int, int] = {}
    for place, record_id in enumerate(batch.column("record_id").to_pylist()):
        drawn = hashlib.blake2b(f"{seed}\x1f{kind}\x1f{record_id}".encode(), digest_size=16).digest()
        if int.from_bytes(drawn[:8], "big") < rate * 2**64:
            draws[place] = int.from_bytes(drawn[8:], "big")
    children = []
    for parent, draw in zip(batch.take(pa.array(draws, pa.int64())).to_pylist(), draws.values(), strict=True):
        changed = maker.child(parent, random.Random(draw))
        if changed is not None:
            record_id = parent["record_id"]
            children.append({**parent, **changed, "record_id": f"{record_id}~{kind}", "parents": [record_id]})
    return children


def check_groups(stage: Stage) -> None:
    """No group is in two splits.

    Raises:
        IntegrityError: one is.
    """
    seen: dict[str, str] = {}
    for split in SPLITS:
        for batch in batches(stage.previous(f"{split}.parquet"), ["group_id"]):
            for group in set(batch.column(0).to_pylist()):
                if seen.setdefault(group, split) != split:
                    raise IntegrityError(
                        f"a group is both in {seen[group]} and in {split}",
                        hint="something changed what the split stage wrote: build the dataset again",
                    )


def _makers(stage: Stage) -> dict[str, Kind]:
    task = stage.dataset.task
    grammar = Grammar.of(stage.previous("train.parquet")) if task == "token-classification" else None
    return {"paraphrase": Paraphrases(), "synonyms": Synonyms(task, grammar), "noise": Noise(task)}


def _held_out(stage: Stage) -> Iterator[list[Text]]:
    task = stage.dataset.task
    for split in HELD_OUT:
        for batch in batches(stage.previous(f"{split}.parquet"), compared_columns(task)):
            yield compared(batch, task)


def _record_batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema=schema)


if __name__ == "__main__":
    stage_main("augment", run)

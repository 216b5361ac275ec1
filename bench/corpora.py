"""Real public data as sealed dataset versions, without Galen's data stages: input for measuring training alone."""

from __future__ import annotations

import csv
import random
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

from tasks.config.words import DatasetTask, Split
from tasks.data.records import schema
from tasks.data.version import SPLITS, DatasetVersion
from tasks.digest import digest_data
from tasks.home import real_data
from tasks.meta.dataset import DatasetMeta, SourceMeta
from tasks.store import Store

Row = dict[str, Any]


def medical_abstracts() -> Iterator[Row]:
    with (real_data() / "medical_abstracts" / "medical_abstracts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield {"text": row["medical_abstract"], "label": row["condition_label"]}


def ncbi_disease() -> Iterator[Row]:
    for part in ("train", "devel"):
        for sentence in (real_data() / "ncbi_disease" / f"{part}.tsv").read_text(encoding="utf-8").split("\n\n"):
            pairs = [line.split("\t")[:2] for line in sentence.splitlines() if "\t" in line]
            if pairs:
                tags = [tag if tag == "O" else f"{tag}-Disease" for _, tag in pairs]
                yield {"tokens": [token for token, _ in pairs], "tags": tags}


def medquad() -> Iterator[Row]:
    for file in sorted((real_data() / "medquad").glob("*/*.xml")):
        for pair in ET.parse(file).iter("QAPair"):
            question, answer = (" ".join((pair.findtext(part) or "").split()) for part in ("Question", "Answer"))
            if question and answer:
                yield {"prompt": question, "answer": answer, "choices": None}


CORPORA: dict[DatasetTask, tuple[str, Callable[[], Iterator[Row]]]] = {
    "text-classification": ("medical_abstracts", medical_abstracts),
    "token-classification": ("ncbi_disease", ncbi_disease),
    "causal-lm": ("medquad", medquad),
}


def build(store: Store, task: DatasetTask, train: int, *, held_out: int = 64, seed: int = 17) -> DatasetVersion:
    """A dataset version in a store: `train` records, and `held_out` each to validate and test."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name, read = CORPORA[task]
    rows = list(read())
    random.Random(seed).shuffle(rows)
    sizes: dict[Split, int] = dict(zip(SPLITS, (train, held_out, held_out), strict=True))
    known = {"source": name, "licence": "see the source", "category": name, "language": "en", "parents": []}
    rows = [row | known | {"record_id": str(at), "group_id": str(at)} for at, row in enumerate(rows)]
    labels: set[str] = set()
    at = 0
    with store.staging(f"bench-{name}") as staging:
        for split, size in sizes.items():
            part, at = rows[at : at + size], at + size
            pq.write_table(pa.Table.from_pylist(part, schema=schema(task)), staging / f"{split}.parquet")
            for row in part:
                labels.update([row["label"]] if "label" in row else row.get("tags", ()))
            sizes[split] = len(part)
        source = SourceMeta(digest=digest_data([name, train, held_out, seed]), format=name, rows=sum(sizes.values()))
        meta = DatasetMeta(
            name=name.replace("_", "-"),
            task=task,
            labels=sorted(labels),
            counts=sizes,
            groups=sizes,
            slices={"category": {name: sizes}, "language": {"en": sizes}},
            rejected={},
            phi={},
            source=source,
            config={},
            validation={},
            augmentation={},
            identified=False,
            licence="see the source",
        )
        return DatasetVersion(store.adopt(staging, "dataset", meta.plain()))

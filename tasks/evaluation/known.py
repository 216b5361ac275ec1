"""Predictions that are sealed already: where a test split has grown, only its new records are predicted.

What is used again comes from evaluations that this machine's key says were made of the same model, by the same code,
under the same settings, and whose bytes verify; there is no other cache. A record counts as the same by its content.
Its answer is then that of the first time, to the last bit: in another batch the last bits of a likelihood, and of two
equally likely answers which one is given, can be others (docs/gates.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.artifact import Artifact, key_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask, Split
from tasks.data.records import CONTENT
from tasks.digest import digest_data
from tasks.errors import IntegrityError
from tasks.evaluation.evaluation import IDENTITY, PREDICTIONS_FILE, STATISTIC
from tasks.evaluation.metric import BROKEN
from tasks.evaluation.predict import Predictions, Rows
from tasks.evaluation.slices import RECORD_SLICES, Scores
from tasks.meta.evaluation import EvaluationMeta, SubjectMeta
from tasks.store import Store

CONTENT_DIGEST, CUT, PREDICTED = "content_digest", "cut", "predicted_"


@dataclass(frozen=True)
class Known:
    """What was predicted for one record, and what it scored."""

    columns: Mapping[str, Any]
    statistics: Mapping[str, float]
    cut: bool


def inputs_of(
    subject: SubjectMeta, task: DatasetTask, labels: list[str], split: Split, test: str, settings: EvaluationSettings
) -> dict[str, Any]:
    """What an evaluation depends on, besides code."""
    return {
        "subject": subject.plain(),
        "task": task,
        "labels": labels,
        "split": split,
        "test": test,
        "settings": settings.plain(),
    }


def contents_of(task: DatasetTask, rows: Rows) -> list[str]:
    """A digest of each record: of all that a prediction, or its score, can depend on. Ids and origin do not count."""
    together = _together(task, rows)
    names = (*CONTENT[task], *RECORD_SLICES)
    return [digest_data({name: row[name] for name in names} | together) for row in rows]


def new_among(task: DatasetTask, rows: Rows, contents: Sequence[str], known: Mapping[str, Known]) -> Rows:
    """The records that must be predicted, in their order: those that are not known."""
    new = [row for row, content in zip(rows, contents, strict=True) if content not in known]
    # What the records say together would be another thing said by the new ones alone: then all are asked again.
    return rows if new and _together(task, new) != _together(task, rows) else new


def _together(task: DatasetTask, rows: Rows) -> dict[str, Any]:
    """What a prediction of one record takes from all of them: whether a tagger's texts have blanks between tokens."""
    if task != "token-classification":
        return {}
    from tasks.training.words import in_characters

    return {"characters": in_characters([row["tokens"] for row in rows])}


def known_of(
    store: Store,
    subject: SubjectMeta,
    task: DatasetTask,
    settings: EvaluationSettings,
    code: str,
    contents: Sequence[str],
) -> dict[str, Known]:
    """What is known about records, by their digests: of the same subject, by the same code, generated the same way.

    Args:
        store: where evaluations are kept.
        subject: who predicts. A rule's names what it learned from: with another train split it is another one.
        task: what the records hold.
        settings: those of the new evaluation; confidence and number of records change no prediction.
        code: digest of the code that predicts and measures.
        contents: digests of the wanted records.
    """
    left, found = set(contents), dict[str, Known]()
    for artifact in _made(store, subject, task, settings, code):
        if not left:
            break
        for content, one in _read(artifact, left):
            if content in left:
                found[content] = one
                left.discard(content)
    return found


def _made(
    store: Store, subject: SubjectMeta, task: DatasetTask, settings: EvaluationSettings, code: str
) -> list[Artifact]:
    """The evaluations to look at, the largest first; every file of them hashed."""
    found = []
    for key, artifact in store.made("evaluation"):
        try:
            meta = EvaluationMeta.read(artifact)
        except IntegrityError:  # of an earlier Galen
            continue
        asked = (meta.subject.plain(), meta.task, meta.settings.generation)
        if asked != (subject.plain(), task, settings.generation):
            continue
        inputs = inputs_of(meta.subject, meta.task, meta.labels, meta.split, meta.test, meta.settings)
        if key == key_of("evaluation", inputs, code):
            found.append((-meta.records, artifact.digest))
    return [whole for _, digest in sorted(found) if (whole := _whole(store, digest))]


def _whole(store: Store, digest: str) -> Artifact | None:
    try:
        return store.load(digest)
    except IntegrityError:  # what is damaged is nothing: its records are predicted again
        return None


def _read(artifact: Artifact, wanted: set[str]) -> Iterator[tuple[str, Known]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(artifact.file(PREDICTIONS_FILE))
    table = table.filter(pc.is_in(table[CONTENT_DIGEST], pa.array(sorted(wanted))))
    for row in table.to_pylist():
        columns = {name.removeprefix(PREDICTED): value for name, value in row.items() if name.startswith(PREDICTED)}
        scored = {name.removeprefix(STATISTIC): value for name, value in row.items() if name.startswith(STATISTIC)}
        yield row[CONTENT_DIGEST], Known(columns, _statistics(scored), row[CUT])


def _statistics(scored: Mapping[str, float]) -> Mapping[str, float]:
    """As `predict` gave them. A column of hits or misses is there for every label: zero says nothing."""
    if not np.isfinite(list(scored.values())).all():
        return BROKEN
    return {name: value for name, value in scored.items() if value or ":" not in name}


def completed(contents: Sequence[str], known: Mapping[str, Known], new: Predictions) -> Predictions:
    """Predictions of all records in their order: `new` holds those of the unknown ones, or of all."""
    if len(new.statistics) == len(contents):
        return new
    fresh = iter(range(len(new.statistics)))
    rows = [known.get(content) or _one(new, next(fresh)) for content in contents]
    columns = {name: [row.columns[name] for row in rows] for name in rows[0].columns}
    return Predictions(columns, [row.statistics for row in rows], [row.cut for row in rows])


def _one(found: Predictions, row: int) -> Known:
    return Known({name: values[row] for name, values in found.columns.items()}, found.statistics[row], found.cut[row])


def write_predictions(file: Path, scores: Scores, contents: Sequence[str], found: Predictions) -> None:
    """predictions.parquet: ids and slices of each record, what was predicted, and what it scored."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {name: scores.columns[name] for name in IDENTITY}
    columns |= {CONTENT_DIGEST: list(contents), CUT: list(found.cut)}
    columns |= {f"{PREDICTED}{name}": list(values) for name, values in found.columns.items()}
    columns |= {f"{STATISTIC}{name}": scores.values[:, place] for place, name in enumerate(scores.names)}
    pq.write_table(pa.table(columns), file, compression="zstd")

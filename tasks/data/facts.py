"""What expectations look at: facts about each record, and the text itself in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.words import DatasetTask
from tasks.data.blanks import is_blank
from tasks.data.records import INPUT
from tasks.data.tables import batches
from tasks.data.tagging import OUTSIDE, Grammar

if TYPE_CHECKING:
    import pyarrow as pa

PIECE = 8  # batches of text per piece: some ten thousand rows
IDENTITY = ("record_id", "group_id", "category", "language")


def facts_of(path: Path, task: DatasetTask, counts: Mapping[str, int]) -> pa.Table:
    """One row per record of a Parquet file: `record_id`, `group_id`, `category`, `language`, `input_characters`, and
    (numbers of characters are 0, and records with a label are none, where there is nothing to see, `is_blank`)

    - causal-lm: `target_characters`; `answer_is_a_choice`, null without choices;
    - text-classification: `label`; `records_with_label`, from `counts`;
    - token-classification: `token_count`, `tag_count`, `blank_tokens`, `entity_tokens`; `tags_possible`.
    """
    import pyarrow as pa

    of = {"causal-lm": _question_facts, "text-classification": _label_facts, "token-classification": _tag_facts}[task]
    grammar = Grammar.of(path) if task == "token-classification" else Grammar(())
    return pa.concat_tables([of(batch, counts, grammar) for batch in batches(path)])


def texts_of(path: Path, task: DatasetTask) -> Iterator[pa.Table]:
    """The text of the records, in pieces: `prompt` and `answer`, or `text` (tokens with blanks between them)."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for batch in batches(path, ["prompt", "answer"] if task == "causal-lm" else [INPUT[task]]):
        columns = {name: batch.column(name) for name in batch.schema.names}
        held.append(pa.table(columns if task == "causal-lm" else {"text": _input(batch, task)}))
        if len(held) == PIECE:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _input(batch: pa.RecordBatch, task: DatasetTask) -> pa.Array:
    """What a model reads, as text."""
    import pyarrow.compute as pc

    column = batch.column(INPUT[task])
    return pc.binary_join(column, " ") if task == "token-classification" else column


def _common(batch: pa.RecordBatch, task: DatasetTask) -> dict[str, pa.Array]:
    return {name: batch.column(name) for name in IDENTITY} | {"input_characters": _characters(_input(batch, task))}


def _characters(texts: pa.Array) -> pa.Array:
    """How long each text is; 0 for one with nothing to see, however many characters it is made of."""
    import pyarrow as pa

    return pa.array(
        [None if text is None else 0 if is_blank(text) else len(text) for text in texts.to_pylist()], pa.int32()
    )


def _question_facts(batch: pa.RecordBatch, counts: Mapping[str, int], grammar: Grammar) -> pa.Table:
    import pyarrow as pa

    answers, choices = (batch.column(name).to_pylist() for name in ("answer", "choices"))
    closed = [answer in allowed if allowed else None for answer, allowed in zip(answers, choices, strict=True)]
    return pa.table(
        _common(batch, "causal-lm")
        | {
            "target_characters": _characters(batch.column("answer")),
            "answer_is_a_choice": pa.array(closed, type=pa.bool_()),
        }
    )


def _label_facts(batch: pa.RecordBatch, counts: Mapping[str, int], grammar: Grammar) -> pa.Table:
    import pyarrow as pa

    labels = batch.column("label")
    held = pa.array([0 if is_blank(label) else counts.get(label) for label in labels.to_pylist()], type=pa.int64())
    return pa.table(_common(batch, "text-classification") | {"label": labels, "records_with_label": held})


def _tag_facts(batch: pa.RecordBatch, counts: Mapping[str, int], grammar: Grammar) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = list(zip(batch.column("tokens").to_pylist(), batch.column("tags").to_pylist(), strict=True))
    return pa.table(
        _common(batch, "token-classification")
        | {
            "token_count": pc.list_value_length(batch.column("tokens")),
            "tag_count": pc.list_value_length(batch.column("tags")),
            "blank_tokens": pa.array([sum(map(is_blank, tokens)) for tokens, _ in rows], pa.int64()),
            "entity_tokens": pa.array([len(tags) - tags.count(OUTSIDE) for _, tags in rows], pa.int64()),
            "tags_possible": pa.array([grammar.possible(tags) for _, tags in rows], pa.bool_()),
        }
    )

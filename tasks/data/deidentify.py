"""Second stage: what could name a person becomes a placeholder; how many of each kind is all that is kept of them.

Identified records in a language without rules would come out as they are: they end the stage, or are left out.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.config.words import DatasetTask
from tasks.data.findings import Deidentified, Ingested, IngestSettings
from tasks.data.language import RULES, Spoken, spoken
from tasks.data.phi import Deidentifier
from tasks.data.quarantine import Quarantine
from tasks.data.records import CONTENT, Reason, working_schema
from tasks.data.stage import REJECTED, Stage, stage_main
from tasks.data.tables import TableWriter, batches, count_rows
from tasks.errors import InputError, Interrupted
from tasks.progress import progress

if TYPE_CHECKING:
    import pyarrow as pa

ALONE = 4096
"""Records up to which starting more processes costs more than it saves."""
PIECE = 1024
"""Records that a process takes at a time."""
FEW, FEW_SHARE = 20, 0.05
"""Records, and share of all, below which a language that only the detector found is no slice of its own."""
_LABELS = frozenset({"label", "tags"})
T = TypeVar("T")


def run(stage: Stage) -> Deidentified:
    """Tell each record's language, then replace identifiers in every record; order stays.

    Raises:
        InputError: identified records are in a language that there are no rules for.
        Interrupted: a process of ours was killed (out of memory, most likely).
    """
    settings = stage.before.of(Ingested).settings
    given = stage.previous("records.parquet")
    counts: Counter[str] = Counter()
    changed = 0
    total = count_rows(given)
    with _workers(total) as over_all, Quarantine(stage.output / REJECTED) as quarantine:
        languages = _languages(stage.name, over_all, given, total, settings)
        _check(stage.name, settings, given, languages, quarantine)
        with (
            TableWriter(stage.output / "records.parquet", working_schema(settings.task)) as writer,
            progress(f"de-identify {stage.name}", total, "records") as shown,
        ):
            done = over_all(clean_batch, _pieces(given, settings.task, settings.deidentify, languages))
            for batch, found, touched, left_out in done:
                writer.write_batch(batch)
                counts.update(found)
                changed += touched
                shown.advance(batch.num_rows + len(left_out))
                for one in left_out:
                    _leave_out(one, quarantine)
    return Deidentified(
        method=_method(settings.deidentify),
        phi=dict(sorted(counts.items())),
        changed=changed,
        languages=dict(sorted(Counter(one.language for one in languages).items())),
        rejected=quarantine.counts,
        examples=quarantine.examples,
    )


def _method(deidentify: bool) -> str:
    return "rules and lists (tasks/data/phi)" if deidentify else "none"


Left = tuple[str, str, str]
"""Id and place of a record that is left out, and its language."""
Done = tuple["pa.RecordBatch", Counter[str], int, list[Left]]
OverAll = Callable[[Callable[..., T], Iterable[tuple[Any, ...]]], Iterator[T]]


def _languages(
    name: str, over_all: OverAll[list[Spoken]], path: Path, total: int, settings: IngestSettings
) -> list[Spoken]:
    """What each record is written in.

    A language that the detector finds in few records only is its error, or a slice too small to judge: what is declared
    stands. The script is never wrong, and what there are no rules for counts in any case.
    """
    known: dict[Spoken, Spoken] = {}  # one object per language, not per record
    declared: list[str] = []
    found: list[Spoken] = []
    with progress(f"languages of {name}", total, "records") as shown:
        for batch in batches(path):
            declared += batch["language"].to_pylist()
        for piece in over_all(languages_of, _pieces(path, settings.task)):
            found += (known.setdefault(one, one) for one in piece)
            shown.advance(len(piece))
    if not settings.identified:  # nothing to hide, in whatever language
        found = [one._replace(without_rules=None) for one in found]
    counts = Counter(one.language for one in found)
    few = {language for language, records in counts.items() if records < min(FEW, FEW_SHARE * total)}
    return [
        one._replace(language=said) if one.language in few and not one.by_script else one
        for one, said in zip(found, declared, strict=True)
    ]


def _check(name: str, settings: IngestSettings, path: Path, languages: list[Spoken], quarantine: Quarantine) -> None:
    """Refuse identified records that there are no rules for, unless they may be left out and others remain."""
    counts = Counter(one.without_rules for one in languages if one.without_rules)
    left_out = sum(counts.values())
    if not left_out or (settings.other_languages == "leave-out" and left_out < len(languages)):
        return
    found = iter(languages)
    for batch in batches(path):
        for row, one in zip(batch.select(["record_id", "place"]).to_pylist(), found, strict=False):
            if one.without_rules:
                _leave_out((row["record_id"], row["place"], one.without_rules), quarantine)
    places = ", ".join(quarantine.examples[Reason.OTHER_LANGUAGE])
    raise InputError(
        f"dataset {name} is refused: {left_out:,} of {len(languages):,} records are identified and in a language that "
        f"de-identification has no rules for (it has them for {' and '.join(RULES)}); the first: {places}",
        value=", ".join(f"{language} ({records:,})" for language, records in counts.most_common()),
        hint="set `other_languages: leave-out` to train without these records; or, if the data holds no identified "
        f"people, declare `identified: false`; `galen data rejected {name}` lists where the records stand",
    )


def _leave_out(record: Left, quarantine: Quarantine) -> None:
    """Count a record and say where it stands. Its text stays in the source: what is kept here may be pushed."""
    record_id, place, language = record
    quarantine.add(Reason.OTHER_LANGUAGE, place, f"language: {language}", record_id)


def _pieces(
    path: Path, task: DatasetTask, deidentify: bool | None = None, languages: list[Spoken] | None = None
) -> Iterator[tuple[Any, ...]]:
    """The arguments of each piece of work."""
    begin = 0
    for batch in batches(path):
        for start in range(0, batch.num_rows, PIECE):
            piece = batch.slice(start, PIECE)
            if languages is None:
                yield piece, task
            else:
                yield piece, task, deidentify, languages[begin : begin + piece.num_rows]
            begin += piece.num_rows


@contextmanager
def _workers(records: int) -> Iterator[OverAll[Any]]:
    """What applies a function to all arguments, in order: on all cores where there are many records."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or records <= ALONE:
        yield lambda work, arguments: (work(*each) for each in arguments)
        return
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        yield lambda work, arguments: _spread(pool, work, arguments, cores)


def _spread(
    pool: ProcessPoolExecutor, work: Callable[..., T], arguments: Iterable[tuple[Any, ...]], processes: int
) -> Iterator[T]:
    """Results in order, with only a few pieces under way: a pool's own `map` would read the whole file ahead."""
    under_way: deque[Future[T]] = deque()
    try:
        for each in arguments:
            under_way.append(pool.submit(work, *each))
            if len(under_way) > 2 * processes:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise Interrupted("a process of the stage was killed", hint="free some memory, then run again") from None


@cache
def _deidentifier() -> Deidentifier:
    return Deidentifier()


def languages_of(batch: pa.RecordBatch, task: DatasetTask) -> list[Spoken]:
    """What each record of a batch is written in."""
    found = []
    for row in batch.to_pylist():
        texts = list(_texts(row, task).values()) if task != "token-classification" else [" ".join(row["tokens"])]
        found.append(spoken(texts, row["language"]))
    return found


def clean_batch(batch: pa.RecordBatch, task: DatasetTask, deidentify: bool, languages: Sequence[Spoken]) -> Done:
    """A batch without identifiers, how many of each kind were found, in how many records, and what is left out."""
    import pyarrow as pa

    counts: Counter[str] = Counter()
    changed = 0
    rows: list[dict[str, Any]] = []
    left_out: list[Left] = []
    for row, one in zip(batch.to_pylist(), languages, strict=True):
        if one.without_rules:
            left_out.append((row["record_id"], row["place"], one.without_rules))
            continue
        row["language"] = one.language
        if deidentify:
            content, found = clean_record(row, task)
            row.update(content)
            counts.update(found)
            changed += bool(found)
        rows.append(row)
    return pa.RecordBatch.from_pylist(rows, schema=batch.schema), counts, changed, left_out


def clean_record(record: Mapping[str, Any], task: DatasetTask) -> tuple[dict[str, Any], Counter[str]]:
    """The content columns of one record without identifiers; tags stay aligned, choices stay what the answer says."""
    language = record["language"]
    if task == "token-classification":
        tokens, counts = _deidentifier().deidentify_tokens(record["tokens"], language)
        return {"tokens": tokens}, counts
    texts = _texts(record, task)
    choices = record.get("choices") or []
    clean, counts = _deidentifier().deidentify_record(texts, language)
    content: dict[str, Any] = {name: clean[name] for name in texts if name in record}
    if choices:
        content["choices"] = [clean[f"choice {number}"] for number in range(len(choices))]
    return content, counts


def _texts(record: Mapping[str, Any], task: DatasetTask) -> dict[str, str]:
    """What a record holds in words of its own, what a model reads first: no labels, which are the dataset's."""
    texts = {name: record[name] for name in CONTENT[task] if name not in _LABELS and isinstance(record[name], str)}
    return texts | {f"choice {number}": choice for number, choice in enumerate(record.get("choices") or [])}


if __name__ == "__main__":
    stage_main("deidentify", run)

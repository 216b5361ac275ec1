"""A sheet of answers to read: chosen records of the split that a version was judged on, and what readers say of them.

Pages hold the content of records: they are written for their owner alone, and lie in no report, export or MLflow run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tasks.artifact import Artifact, write_atomically
from tasks.code import code_of
from tasks.data.version import DatasetVersion, load_version
from tasks.digest import canonical_json
from tasks.errors import InputError, IntegrityError
from tasks.evaluation.evaluation import PREDICTIONS_FILE, Evaluation
from tasks.evaluation.flips import harmful
from tasks.evaluation.slices import RECORD_SLICES, Scores
from tasks.home import CHECKOUT
from tasks.lineage.event import Event
from tasks.lineage.recording import record_reviewed
from tasks.lineage.roles import RegisteredVersion, resolve
from tasks.lineage.statements import Judgement, JudgementBeside
from tasks.private import private_folder
from tasks.reports import fill
from tasks.store import Store

READS = ("tasks/release/review.html.j2",)
TEMPLATE = CHECKOUT / READS[0]
SHEET, MARKS = "sheet.json", "marks.json"
FALL = 0.2
"""Of an answer's token F1: one that falls further than that has flipped."""
SAID = ("right", "wrong", "harmful")
PREDICTED = {
    "causal-lm": "predicted_answer",
    "text-classification": "predicted_label",
    "token-classification": "predicted_mentions",
}
LARGEST = 1 << 26
"""Bytes of a form."""
COLUMNS = ("sheet", "number", "id", "mark", "remark")


def write_sheet(store: Store, reference: str, out: Path | None, count: int) -> Path:
    """Write `review.html` and `marks.csv`, the form to fill in, for a version; returns the page.

    Args:
        store: where everything is kept.
        reference: MODEL@ROLE or MODEL@NUMBER.
        out: folder; default: GALEN_HOME/reviews/MODEL-NUMBER.
        count: answers, at most.

    Raises:
        InputError: no such version; or its records may name people.
        IntegrityError: an evaluation or the dataset is not here, or was changed.
    """
    version = resolve(store, reference)
    judged = Judgement.read(version.judged)
    dataset = load_version(store, judged.dataset)
    _check_readable(dataset)
    evaluation = _evaluation(store, judged.evaluation, dataset)
    beside = _beside(store, version.judged, dataset)
    sheet = _sheet(store, version, evaluation, beside, count)
    rows = {row["record_id"]: row for row in dataset.rows(evaluation.split)}
    given = {name: _answers(one) for name, one in {"given": evaluation, **beside}.items()}
    listed = [
        {
            "number": number,
            "why": ", ".join(one["why"]),
            "question": _question(rows[one["id"]]),
            "expected": _expected(rows[one["id"]]),
            "given": given["given"][one["id"]],
            "champion": given["champion"].get(one["id"]) if "champion" in given else None,
        }
        for number, one in enumerate(_entries(sheet), 1)
    ]
    folder = (out or store.root / "reviews" / f"{version.model}-{version.number}").absolute()
    private_folder(folder)
    page = fill(TEMPLATE, {}, version=version, answers=listed, dataset=dataset.meta, champion="champion" in given)
    _write(folder / "review.html", page.encode())
    _write(folder / "marks.csv", _form(sheet).encode())
    return folder / "review.html"


def take_marks(store: Store, reference: str, file: Path, by: str) -> Event:
    """Check a reader's marks, seal them, and state their counts in the ledger.

    Raises:
        InputError: no such version; a mark is missing or none of the three, an id is not on the sheet, or is there
            twice; the sheet is not one of this version; the name is blank.
    """
    version = resolve(store, reference)
    if not by.strip():
        raise InputError("marks need the name of who read", hint='--by "YOUR NAME"')
    rows = marks_in(file)
    sheet = _sheet_of(store, version, {row["sheet"] for row in rows})
    wanted, found = [one["id"] for one in _entries(sheet)], [row["id"] for row in rows]
    faults = [f"row {place}: no such id on the sheet" for place, id_ in enumerate(found, 2) if id_ not in wanted]
    faults += [f"row {place}: this id came before" for place, id_ in enumerate(found, 2) if id_ in found[: place - 2]]
    unknown = [place for place, row in enumerate(rows, 2) if row["mark"] not in SAID]
    faults += [f"row {place}: the mark is none of {', '.join(SAID)}" for place in unknown]
    if missing := len(set(wanted) - set(found)):
        faults.append(f"{missing} answers of the sheet have no row")
    if faults:
        raise InputError("these marks cannot be taken", value=file, hint="; ".join(faults[:5]))
    said = [{key: row[key] for key in ("id", "mark", "remark")} for row in rows]

    def build(folder: Path) -> Mapping[str, Any]:
        (folder / MARKS).write_bytes(canonical_json(said))
        return {"sheet": sheet.digest, "artifact": version.artifact}

    sealed = store.make("reading-marks", {"sheet": sheet.digest, "marks": said}, build, code_of(__name__))
    marks, remarks = [row["mark"] for row in said], sum(bool(row["remark"]) for row in said)
    return record_reviewed(
        store, version, sheet=sheet.digest, marks=sealed.digest, said=marks, remarks=remarks, name=by
    )


def _check_readable(dataset: DatasetVersion) -> None:
    meta = dataset.meta
    if meta.identified and meta.deidentification in (None, "none"):
        hint = "only what is de-identified, or names nobody (identified: false), is laid out to read"
        raise InputError("the records of this dataset may name people", value=dataset.name, hint=hint)


def _evaluation(store: Store, digest: str, dataset: DatasetVersion) -> Evaluation:
    return Evaluation(store.load(digest), dataset.digest)


def _beside(store: Store, judged: Event, dataset: DatasetVersion) -> dict[str, Evaluation]:
    """The evaluations of champion and parent form that it was judged beside, where there are any."""
    said = Judgement.read(judged)
    named = said.beside if isinstance(said, JudgementBeside) else {}
    return {name: _evaluation(store, named[name], dataset) for name in ("champion", "parent") if name in named}


def _sheet(
    store: Store, version: RegisteredVersion, evaluation: Evaluation, beside: Mapping[str, Evaluation], count: int
) -> Artifact:
    """The sealed list of records: ids and why each is on it."""
    inputs = {
        "artifact": version.artifact,
        "evaluation": evaluation.digest,
        "beside": {name: one.digest for name, one in beside.items()},
        "count": count,
    }

    def build(folder: Path) -> Mapping[str, Any]:
        same = {name: one for name, one in beside.items() if one.test == evaluation.test}
        flipped = {name: harmful(one.scores(), evaluation.scores(), FALL) for name, one in same.items()}
        chosen = choose(evaluation.scores(), flipped, count, version.artifact)
        (folder / SHEET).write_bytes(canonical_json([{"id": id_, "why": why} for id_, why in chosen.items()]))
        return {"artifact": version.artifact, "evaluation": evaluation.digest}

    return store.make("reading-sheet", inputs, build, code_of(__name__))


def choose(scores: Scores, flipped: Mapping[str, Any], count: int, seed: str) -> dict[str, list[str]]:
    """Which records to read, at most `count`, and why each: a quarter each of flips, of the worst, of one for each
    slice, and the rest at random, in the order of digests of `seed` and id: nobody can choose what is read.

    Args:
        scores: of the version.
        flipped: by what it is compared with, which records are worse now, shape [records].
        count: how many, at most.
        seed: digest of the version.
    """
    ids = scores.columns["record_id"]
    chance = sorted(range(len(ids)), key=lambda row: hashlib.sha256(f"{seed}/{ids[row]}".encode()).digest())
    found: dict[int, list[str]] = {}

    def add(rows: Iterable[int], why: str, most: int) -> None:
        for row in list(rows)[: max(most, 0)]:
            found.setdefault(row, []).append(why)

    quarter = max(1, count // 4)
    for name, flags in flipped.items():
        add((row for row in chance if flags[row]), f"worse than the {name}", quarter // len(flipped) or 1)
    quality = _quality(scores)
    add(sorted(chance, key=lambda row: quality[row]), "among the worst", min(quarter, count - len(found)))
    firsts: dict[str, int] = {}
    for key in RECORD_SLICES:
        for row in chance:
            firsts.setdefault(f"{key}={scores.columns[key][row]}", row)
    for name, row in list(firsts.items())[:quarter]:
        if len(found) < count:
            add([row], name, 1)
    add((row for row in chance if row not in found), "at random", count - len(found))
    return {ids[row]: found[row] for row in found}


def _quality(scores: Scores) -> Any:
    """How good each answer is, shape [records]."""
    if scores.task == "causal-lm":
        return np.maximum(scores.statistic("token_f1"), scores.statistic("closed_correct"))
    if scores.task == "text-classification":
        return scores.statistic("correct")
    wrong = [scores.statistic(name) for name in scores.names if name.startswith(("fp:", "fn:"))]
    return -np.sum(wrong, axis=0)


def _answers(evaluation: Evaluation) -> dict[str, str]:
    import pyarrow.parquet as pq

    column = PREDICTED[evaluation.task]
    table = pq.read_table(evaluation.artifact.file(PREDICTIONS_FILE), columns=["record_id", column])
    return dict(zip(table["record_id"].to_pylist(), map(str, table[column].to_pylist()), strict=True))


def _question(row: Mapping[str, Any]) -> str:
    return str(row.get("prompt") or row.get("text") or " ".join(row.get("tokens") or ()))


def _expected(row: Mapping[str, Any]) -> str:
    if "tokens" in row:
        return ", ".join(f"{word} ({tag})" for word, tag in zip(row["tokens"], row["tags"], strict=True) if tag != "O")
    return str(row["answer"] if "answer" in row else row["label"])


def _entries(sheet: Artifact) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sheet.file(SHEET).read_bytes())
    return found


def _form(sheet: Artifact) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((sheet.digest, number, one["id"], "", "") for number, one in enumerate(_entries(sheet), 1))
    return text.getvalue()


def marks_in(file: Path) -> list[dict[str, str]]:
    """The rows of a filled form, as far as they can be told without its sheet.

    Raises:
        InputError: it cannot be read, is larger than `LARGEST`, or has other columns.
    """
    if not file.is_file() or file.stat().st_size > LARGEST:
        raise InputError(f"the marks are no file, or one of more than {LARGEST:,} bytes", value=file)
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("the marks cannot be read", value=file, hint="fill in the marks.csv of the sheet") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise InputError("these are no marks", value=file, hint=f"columns: {', '.join(COLUMNS)}")
    return [{name: (row[name] or "").strip() for name in COLUMNS} for row in rows]


def _sheet_of(store: Store, version: RegisteredVersion, named: set[str]) -> Artifact:
    """The one sheet that marks name, if it is of this version."""
    hint = f"galen review {version.model}@{version.number} writes one"
    try:
        [digest] = named
        sheet = store.load(digest)
    except (ValueError, IntegrityError) as error:
        raise InputError("the marks name no sheet that is here", hint=hint) from error
    if sheet.kind != "reading-sheet" or sheet.meta.get("artifact") != version.artifact:
        raise InputError("the marks are of another version's sheet", hint=hint)
    return sheet


def _write(file: Path, data: bytes) -> None:
    write_atomically(file, data)
    file.chmod(0o600)

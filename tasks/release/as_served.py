"""Raw test texts, put to a model as it will be served, beside what was judged.

There are two ways: MLflow's `predict` of the very folder that would be registered, and the code that the README of an
export shows, which knows nothing but transformers. What an evaluation says holds for both, or it is worth nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from tasks.artifact import Artifact
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluation import PREDICTIONS_FILE, Evaluation
from tasks.evaluation.evidence import AsServed, Way
from tasks.meta.model import ModelMeta
from tasks.model_text import entities, in_characters, mentions
from tasks.release.package import check_packaged, package
from tasks.release.plain import run as run_plain
from tasks.store import Store
from tasks.tracking import registry
from tasks.training.words import written

TRIED = {"causal-lm": 8, "seq2seq-lm": 8, "text-classification": 32, "token-classification": 32}
"""Test records that are tried, by task: an answer is written word by word, and costs a second or so."""
ANSWER = {
    "causal-lm": "predicted_answer",
    "seq2seq-lm": "predicted_answer",
    "text-classification": "predicted_label",
    "token-classification": "predicted_mentions",
}
"""What of an evaluation a served model's answer must be."""
Answer = Callable[[str], str]


def as_served(
    store: Store,
    artifact: Artifact,
    evaluation: Evaluation,
    dataset: DatasetVersion,
    change: Callable[[Path], None] | None = None,
) -> AsServed:
    """Try a served form on some test records, always the same ones: the longest text, others by digest of their ids.

    Args:
        store: where everything is kept.
        artifact: the quantized model.
        evaluation: its evaluation on a split of `dataset`.
        dataset: the version.
        change: done to what MLflow would serve, after it was checked: what `galen policy test` plants there.

    Raises:
        IntegrityError: what MLflow would serve holds other bytes than the artifact.
    """
    import pyarrow.parquet as pq

    said = ModelMeta.read(artifact)
    judged = pq.read_table(evaluation.artifact.file(PREDICTIONS_FILE))
    ids = judged["record_id"].to_pylist()
    texts = texts_of(dataset, ids, evaluation.split)
    chosen = _chosen(ids, texts, TRIED[said.task])
    asked = [texts[row] for row in chosen]
    meant = [judged[ANSWER[said.task]][row].as_py() for row in chosen]
    with store.staging(f"served-{artifact.digest[:16]}") as staging:
        made = package(store, artifact, staging / "package")
        check_packaged(made, artifact)
        if change is not None:
            change(made)
        ways = [_way("MLflow's predict", lambda: _by_mlflow(store, made), asked, meant, chosen)]
    if not said.beside:
        ways.append(_way("the README's code", lambda: _by_readme(said, artifact.path), asked, meant, chosen))
    return AsServed(artifact.digest, len(asked), tuple(ways))


def texts_of(dataset: DatasetVersion, ids: Sequence[str], split: Split) -> list[str]:
    """The raw text of each record of a split."""
    rows = {row["record_id"]: row for row in dataset.rows(split)}
    if dataset.task == "token-classification":
        return [text for text, _ in written([rows[one]["tokens"] for one in ids])]
    return [rows[one]["text" if dataset.task == "text-classification" else "prompt"] for one in ids]


def _chosen(ids: Sequence[str], texts: Sequence[str], most: int) -> list[int]:
    """Which records: the longest text, then in the order of the digests of their ids."""
    longest = max(range(len(ids)), key=lambda row: (len(texts[row]), ids[row]))
    others = sorted(set(range(len(ids))) - {longest}, key=lambda row: hashlib.sha256(ids[row].encode()).digest())
    return sorted([longest, *others[: most - 1]])


def _way(name: str, load: Callable[[], Answer], asked: Sequence[str], meant: Sequence[str], rows: Sequence[int]) -> Way:
    """What one way says to all texts; a model that does not even answer has said nothing as it was judged."""
    try:
        answer = load()
        found = [answer(text) for text in asked]
    except Exception as error:  # whatever a reader would meet
        return Way(name, tuple(rows), type(error).__name__)
    return Way(name, tuple(row for row, said, right in zip(rows, found, meant, strict=True) if said != right))


def _by_mlflow(store: Store, made: Path) -> Answer:
    predict = registry.open_package(store, made)
    return lambda text: predict([text])[0]


def _by_readme(said: ModelMeta, folder: Path) -> Answer:
    answer = run_plain(said, folder)
    if said.task != "token-classification":
        return answer

    def tagged(text: str) -> str:
        found: list[tuple[str, str]] = answer(text)
        spans, at = [], 0
        for word, _ in found:
            at = text.index(word, at)
            spans.append((at, at + len(word)))
            at += len(word)
        return mentions(text, in_characters(entities(tag for _, tag in found), spans))

    return tagged

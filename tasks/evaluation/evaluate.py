"""Evaluations: a model's predictions and metrics on a sealed split, sealed themselves. Made once per question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, read
from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DATASET_TASK, DatasetTask, Split, Task
from tasks.data.version import DatasetVersion
from tasks.digest import canonical_json, digest_data
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import measure
from tasks.evaluation.evaluation import METRICS_FILE, PREDICTIONS_FILE, Evaluation
from tasks.evaluation.known import completed, contents_of, inputs_of, known_of, new_among, write_predictions
from tasks.evaluation.metric import metric_modules
from tasks.evaluation.predict import Predictions, Rows, predict
from tasks.evaluation.sample import judged_rows
from tasks.evaluation.slices import Scores
from tasks.meta.evaluation import AlteredMeta, EvaluationMeta, SubjectMeta
from tasks.meta.model import ModelMeta, WordsMeta
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.training.bases import Base


def evaluate(
    store: Store,
    model: Artifact | Base,
    dataset: DatasetVersion,
    settings: EvaluationSettings,
    *,
    split: Split = "test",
    labels: Sequence[str] | None = None,
) -> Evaluation:
    """Measure a model on a split: found where the same was asked before, else predicted once, record by record.

    An untrained base has no head for classification or tagging: it is given a random one (always the same), so what
    is measured is chance in the architecture's own terms; `tasks.evaluation.baselines` has stronger rivals.

    Args:
        store: where everything is kept.
        model: an adapter, a merged or a quantized model, or a base.
        dataset: the version; labels of an untrained base come from it.
        settings: what to measure, and how surely.
        split: the test split, unless somebody looks at another one.
        labels: of a base that holds a head of its own: the names of its outputs, in their order. None: the dataset's.

    Raises:
        NotJudgeable: the split has no records, or the model is for another task.
        IntegrityError: the model, or the base it needs, is not as sealed.
    """
    asked = asked_of(store, model, dataset, settings, labels)
    return evaluation_of(store, asked.subject, dataset, settings, split, asked.run, asked.code)


@dataclass(frozen=True)
class Asked:
    """A model that is asked about records: opened with the first of them, and then kept open."""

    subject: SubjectMeta
    run: Callable[[Rows], Predictions]
    code: str
    """Digest of the code that predicts and measures."""


def asked_of(
    store: Store,
    model: Artifact | Base,
    dataset: DatasetVersion,
    settings: EvaluationSettings,
    labels: Sequence[str] | None = None,
) -> Asked:
    """How a model is asked about records of a dataset; nothing is opened yet.

    Raises:
        NotJudgeable, IntegrityError: as `evaluate`.
    """
    said = ModelMeta.read(model) if isinstance(model, Artifact) else None
    if said and DATASET_TASK[said.task] != dataset.task:
        raise NotJudgeable(f"the model is for {said.task}, the dataset for {dataset.task}", value=dataset.name)
    names = said.labels if said else list(labels or dataset.labels)
    words = said.words if said else _words_of(dataset)
    subject = subject_of(model).with_labels(names)
    if said is None and words:
        subject = subject.with_words(words.pattern)

    @cache
    def opened() -> tuple[Any, Any, Task]:
        from tasks.training.bases import base_beside
        from tasks.training.opening import open_model
        from tasks.training.shapes import task_of

        task: Task = said.task if said else dataset.task
        if not isinstance(model, Artifact):
            task = task_of(model, dataset.task)
        return *open_model(model, task, names, base=base_beside(store, model)), task

    def run(rows: Rows) -> Predictions:
        whole, tokenizer, task = opened()
        length = said.training.max_length if said else None
        return predict(whole, tokenizer, task, names, rows, settings, max_length=length, words=words)

    return Asked(subject, run, evaluation_code(said, dataset.task))


def _words_of(dataset: DatasetVersion) -> WordsMeta | None:
    """How a tagger that nobody trained makes words of a text: as the dataset's tokens were cut. None of a test set
    alone, from which nothing is learned: then as of every tagger that does not say."""
    from tasks.training.words import learned_words

    known = dataset.task == "token-classification" and dataset.meta.counts["train"]
    return learned_words(dataset) if known else None


def evaluation_code(said: ModelMeta | None, task: DatasetTask) -> str:
    """Digest of the code that decides what an evaluation holds: predicting, measuring, the metrics of the task, and
    the method that puts an adapter on its base. A merged model and a base (None) need no method."""
    from tasks.training.method import method_of, options_of

    opens = [method_of(options_of(said)).module] if said and said.beside else []
    return code_of(__name__, *metric_modules(task), *opens)


@dataclass(frozen=True)
class Altered:
    """Records of a split that are put to a model in other words."""

    by: str
    """What changed them."""
    rows: Rows = field(repr=False)
    """Those that it changed."""

    def digest(self, task: DatasetTask) -> str:
        """Names the records, as the digest of its file names a split."""
        contents = contents_of(task, self.rows)
        whose = [[str(row[name]) for name in ("record_id", "group_id")] for row in self.rows]
        return digest_data({"altered": self.by, "records": whose, "contents": contents})


def evaluation_of(
    store: Store,
    subject: SubjectMeta,
    dataset: DatasetVersion,
    settings: EvaluationSettings,
    split: Split,
    run: Callable[[Rows], Predictions],
    code: str,
    altered: Altered | None = None,
) -> Evaluation:
    """Seal what anything predicts, a model or a baseline; `run` is called only for what nobody asked before.

    Args:
        store: where everything is kept.
        subject: who predicts; with dataset labels, split, settings and code it is the cache key.
        dataset: the version.
        settings: what to measure.
        split: the split to predict.
        run: predictions for records, in their order; it is given those that no sealed evaluation holds.
        code: digest of the code that predicts and measures.
        altered: the records to ask about instead of the split's own.

    Raises:
        NotJudgeable: the split has no records.
    """
    test = altered.digest(dataset.task) if altered else dataset.split_digest(split)
    inputs = inputs_of(subject, dataset.task, dataset.labels, split, test, settings)

    def build(folder: Path) -> dict[str, Any]:
        rows = altered.rows if altered else judged_rows(dataset.rows(split), settings.max_records)
        if not rows:
            hint = "add data, or raise evaluation.max_records"
            raise NotJudgeable(f"the {split} split has no records to judge", value=dataset.name, hint=hint)
        contents = contents_of(dataset.task, rows)
        known = known_of(store, subject, dataset.task, settings, code, contents)
        new = new_among(dataset.task, rows, contents, known)
        found = completed(contents, known, run(new) if new else Predictions({}, [], []))
        labels = sorted({*dataset.labels, *(subject.labels or ())})
        scores = Scores.of(dataset.task, test, rows, found.statistics, labels)
        write_predictions(folder / PREDICTIONS_FILE, scores, contents, found)
        measured = _measure(scores, settings)
        (folder / METRICS_FILE).write_bytes(canonical_json(measured))
        meta = EvaluationMeta(
            subject=subject,
            task=dataset.task,
            labels=dataset.labels,
            split=split,
            test=test,
            settings=settings,
            records=measured["records"],
            groups=measured["groups"],
            cut=sum(found.cut),
        )
        if altered:
            meta = meta.model_copy(update={"altered": AlteredMeta(by=altered.by, of=dataset.split_digest(split))})
        return meta.plain()

    return Evaluation(store.make("evaluation", inputs, build, code), dataset.digest)


def measured_by_this_code(store: Store, said: ModelMeta, evaluation: str) -> bool:
    """Whether the code of this checkout made an evaluation like a given one: that one, or a later one.

    Args:
        store: where everything is kept.
        said: what the model says about itself.
        evaluation: digest of the given one, which must be in the store.

    Raises:
        IntegrityError: it says nothing readable, or a file of it was changed.
    """
    meta = EvaluationMeta.read(read(store.folder(evaluation)))
    inputs = inputs_of(meta.subject, meta.task, meta.labels, meta.split, meta.test, meta.settings)
    return store.find("evaluation", inputs, evaluation_code(said, meta.task)) is not None


def subject_of(model: Artifact | Base) -> SubjectMeta:
    """Who is measured: digest and form of a model, the form it was made from, and the base it started from.

    Raises:
        IntegrityError: the artifact does not say what a model must say.
    """
    if not isinstance(model, Artifact):
        return SubjectMeta(digest=model.digest, form="base", parent=None, base=None)
    said = ModelMeta.read(model)
    return SubjectMeta(digest=model.digest, form=said.form, parent=said.parent, base=said.base.digest)


def _measure(scores: Scores, settings: EvaluationSettings) -> dict[str, Any]:
    view = scores.view()
    slices = {}
    for name in scores.slices():
        part = scores.view(name)
        records, groups = scores.support(name)
        slices[name] = {
            "records": records,
            "groups": groups,
            "metrics": {metric: one.plain() for metric, one in measure(part, settings).items()},
        }
    metrics = {metric: one.plain() for metric, one in measure(view, settings).items()}
    return {"records": view.records, "groups": view.groups, "metrics": metrics, "slices": slices}

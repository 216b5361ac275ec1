"""What a trained model must beat to be worth having, measured on the same records, and by how much it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask
from tasks.data.records import INPUT, TARGET
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.errors import NotJudgeable
from tasks.evaluation.entities import OUTSIDE
from tasks.evaluation.estimates import Difference, difference, same_tokenizer
from tasks.evaluation.evaluate import Rows, evaluate, evaluation_of, subject_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.metric import metric_modules, metrics_of
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.metrics.tags import tag_statistics
from tasks.evaluation.predict import Predictions, predict
from tasks.evaluation.text import tokens
from tasks.meta.evaluation import SubjectMeta
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.training.bases import Base

    Train = list[dict[str, Any]]
    Rule = Callable[[Train, Rows], list[Any]]

ZERO_SHOT = {
    "en": "Answer this medical question correctly, in one short sentence.\n{prompt}",
    "zh": "请用一句话准确、简短地回答这个医学问题。\n{prompt}",
}
"""The instruction put before a question, by the record's language; English where there is none."""
AT_A_TIME = 256  # records compared with the whole train split in one product


@dataclass(frozen=True)
class Comparison:
    """What a model gains over one baseline in one metric."""

    baseline: str
    difference: Difference

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of the gain lies wholly above, or wholly below, zero."""
        return self.difference.better or self.difference.worse


def compare(
    store: Store, evaluation: Evaluation, dataset: DatasetVersion, base: Base, settings: EvaluationSettings
) -> list[Comparison]:
    """A model's gain over every baseline of its task, in every metric that both have.

    Args:
        store: where everything is kept.
        evaluation: of the model, on the test split of `dataset`.
        dataset: the version that it was judged on; baselines learn from its train split.
        base: the base model that it started from.
        settings: those of the evaluation, which the baselines are measured under, too.

    Raises:
        NotJudgeable: the evaluation is of another test split, or was made under other settings.
    """
    if evaluation.settings != settings:
        raise NotJudgeable("the model was judged under other settings than the baselines", value=dataset.name)
    found = []
    for name, rival in baselines(store, dataset, base, settings).items():
        for metric in evaluation.metrics.keys() & rival.metrics.keys():
            if metrics_of(dataset.task)[metric].per_token and not same_tokenizer(evaluation.scores(), rival.scores()):
                continue  # one per byte says it
            gain = difference(evaluation.scores(), rival.scores(), metric, settings)
            found.append(Comparison(name, gain))
    return sorted(found, key=lambda one: (one.baseline, one.difference.metric))


def baselines(store: Store, dataset: DatasetVersion, base: Base, settings: EvaluationSettings) -> dict[str, Evaluation]:
    """The evaluation of every baseline of a task, by what people call it.

    An untrained base without a head is given a random one. Only models that write text take an instruction, so only
    they have the zero-shot baseline.
    """
    found = {"untrained base": evaluate(store, base, dataset, settings)}
    if dataset.task == "causal-lm":
        found["zero-shot prompt"] = _zero_shot(store, base, dataset, settings)
    for name, rule in RULES[dataset.task].items():
        found[name] = _ruled(store, name, rule, dataset, settings)
    return found


def table(comparisons: Sequence[Comparison], confidence: float) -> str:
    """Markdown: one line per baseline and metric, and whether the interval of the gain excludes zero."""
    lines = [
        f"| against | metric | this model | baseline | gain [{confidence:.0%} interval] | excludes zero |",
        "|---|---|---:|---:|---:|---|",
    ]
    for one in comparisons:
        gain = one.difference
        span = "no interval: too few groups" if gain.low is None else f"[{gain.low:+.3f}, {gain.high:+.3f}]"
        verdict = "yes, better" if gain.better else "yes, worse" if gain.worse else "no"
        numbers = f"{gain.candidate:.3f} | {gain.other:.3f} | {gain.gain:+.3f} {span}"
        lines.append(f"| {one.baseline} | {gain.metric} | {numbers} | {verdict} |")
    return "\n".join(lines)


def _zero_shot(store: Store, base: Base, dataset: DatasetVersion, settings: EvaluationSettings) -> Evaluation:
    """The untrained base, told what to do before each question."""

    def run(rows: Rows) -> Predictions:
        from tasks.training.opening import open_model
        from tasks.training.shapes import task_of

        asked = [
            {**row, "prompt": ZERO_SHOT.get(row["language"], ZERO_SHOT["en"]).replace("{prompt}", row["prompt"])}
            for row in rows
        ]
        task = task_of(base, dataset.task)
        model, tokenizer = open_model(base, task, dataset.labels)
        return predict(model, tokenizer, task, dataset.labels, asked, settings)

    subject = subject_of(base).as_baseline("zero-shot prompt", prompts=ZERO_SHOT)
    return evaluation_of(store, subject, dataset, settings, "test", run, _code(dataset))


def _ruled(store: Store, name: str, rule: Rule, dataset: DatasetVersion, settings: EvaluationSettings) -> Evaluation:
    """A baseline without weights: its digest is that of its name and of what it learned from."""
    train = dataset.split_digest("train")

    def run(rows: Rows) -> Predictions:
        predicted = rule(dataset.rows("train"), rows)
        statistics = [_statistics(dataset.task, row, one) for row, one in zip(rows, predicted, strict=True)]
        return Predictions({TARGET[dataset.task]: predicted}, statistics, cut=0)

    digest = digest_data({"baseline": name, "train": train})
    subject = SubjectMeta(digest=digest, form="baseline", parent=None, base=None).as_baseline(name, train=train)
    return evaluation_of(store, subject, dataset, settings, "test", run, _code(dataset))


def _code(dataset: DatasetVersion) -> str:
    return code_of(__name__, *metric_modules(dataset.task))


def _statistics(task: DatasetTask, row: Mapping[str, Any], predicted: Any) -> dict[str, float]:
    """Without likelihoods and confidences: a rule has none, so perplexity and calibration stay undefined."""
    if task == "text-classification":
        return label_statistics(predicted, row["label"], None)
    if task == "token-classification":
        return tag_statistics(predicted, row["tags"])
    found = answer_statistics(predicted, row["answer"], nll=0.0, scored_tokens=0, scored_bytes=0)
    return found | choice_statistics(predicted if row["choices"] else None, row["answer"])


def _majority_answer(train: Train, rows: Rows) -> list[str]:
    """The most frequent train answer of the same category and language, else of the language, else of all.

    Open and closed questions are counted apart; a closed question is answered by one of its choices.
    """
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for row in train:
        for key in _alike(row):
            counts.setdefault(key, Counter())[row["answer"]] += 1
    found = []
    for asked in rows:
        candidates = (_first(counts.get(key, Counter()), asked["choices"] or None) for key in _alike(asked))
        answer = next((one for one in candidates if one is not None), None)
        found.append(answer if answer is not None else _without_evidence(asked))
    return found


def _alike(row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    closed = bool(row["choices"])
    return [(closed, row["language"], row["category"]), (closed, row["language"]), (closed,)]


def _first(counts: Counter[str], allowed: Collection[str] | None = None) -> str | None:
    """The most frequent key, the alphabetically first of equals; None where there is none that is allowed."""
    there = [key for key in counts if allowed is None or key in allowed]
    return min(there, key=lambda key: (-counts[key], key)) if there else None


def _without_evidence(row: Mapping[str, Any]) -> str:
    """The first choice of a closed question, in alphabetical order; nothing for an open one."""
    return min(row["choices"]) if row["choices"] else ""


def _nearest_answer(train: Train, rows: Rows) -> list[str]:
    """The answer of the most similar train question; for a closed one, of those answered by one of its choices."""
    import numpy as np

    answers = np.array([row["answer"] for row in train], dtype=object)
    found = []
    for row, alike in zip(rows, _similarities(train, rows, "prompt"), strict=True):
        if row["choices"]:
            alike = np.where(np.isin(answers, list(row["choices"])), alike, -1.0)
        best = int(alike.argmax())
        found.append(str(answers[best]) if alike[best] >= 0 else _without_evidence(row))
    return found


def _majority_label(train: Train, rows: Rows) -> list[str]:
    """The most frequent train label."""
    return [_first(Counter(row["label"] for row in train)) or ""] * len(rows)


def _nearest_label(train: Train, rows: Rows) -> list[str]:
    """The label of the most similar train text."""
    column = INPUT["text-classification"]
    return [train[int(alike.argmax())]["label"] for alike in _similarities(train, rows, column)]


def _no_entity(train: Train, rows: Rows) -> list[list[str]]:
    """O for every word: the most frequent tag."""
    return [[OUTSIDE] * len(row["tokens"]) for row in rows]


def _tag_of_word(train: Train, rows: Rows) -> list[list[str]]:
    """The tag that the same word has most often in the train split, O for words never seen: retrieval, by word."""
    counts: dict[str, Counter[str]] = {}
    for row in train:
        for word, tag in zip(row["tokens"], row["tags"], strict=True):
            counts.setdefault(word.casefold(), Counter())[tag] += 1
    usual = {word: _first(found) or OUTSIDE for word, found in counts.items()}
    return [[usual.get(word.casefold(), OUTSIDE) for word in row["tokens"]] for row in rows]


def _similarities(train: Train, rows: Rows, column: str) -> Iterator[Any]:
    """Per record, its similarity to every train record: cosine of TF-IDF weights, of words plus of letters.

    Words: one or two `tokens` in a row (characters in Chinese). Letters: two to four within a word.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    by_word = TfidfVectorizer(
        tokenizer=tokens, token_pattern=None, lowercase=False, ngram_range=(1, 2), sublinear_tf=True
    )
    by_letter = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    weights = FeatureUnion([("words", by_word), ("letters", by_letter)])
    there = weights.fit_transform([row[column] for row in train]).T
    for first in range(0, len(rows), AT_A_TIME):
        here = weights.transform([row[column] for row in rows[first : first + AT_A_TIME]])
        yield from (here @ there).toarray()


RULES: dict[DatasetTask, dict[str, Rule]] = {
    "causal-lm": {"majority answer": _majority_answer, "nearest train question": _nearest_answer},
    "text-classification": {"majority label": _majority_label, "nearest train text": _nearest_label},
    "token-classification": {"no entity": _no_entity, "word's tag in training": _tag_of_word},
}
"""Baselines that need no model, by task and by what people call them."""

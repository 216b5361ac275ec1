"""Simple rivals of a trained model: rules that say something about a record without learning any weights.

A model that does not beat them is not worth having. Gates ask about them by name (`tasks/evaluation/gates`), and
`tasks.evaluation.baselines` measures them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from tasks.config.words import DatasetTask
from tasks.data.records import INPUT
from tasks.evaluation.entities import OUTSIDE
from tasks.evaluation.text import tokens

Train = list[dict[str, Any]]
Rows = Sequence[Mapping[str, Any]]
Rule = Callable[[Train, Rows], list[Any]]

AT_A_TIME = 256  # records compared with the whole train split in one product


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
"""By task, and by what people call them."""


WITHOUT_A_MODEL = frozenset(
    {"perplexity", "bits_per_byte", "calibration_error", "brier", "accuracy_at_80", "accuracy_at_50"}
)
"""Metrics that need probabilities: a rule has none."""


def rival_faults(task: DatasetTask, rival: str, metric: str) -> list[tuple[str, str]]:
    """What is wrong with asking about a rival by a metric: (setting, fault)."""
    found = []
    if rival not in RULES[task]:
        found.append(("rival", f"there is no rival {rival!r} for {task} (there are: {', '.join(RULES[task])})"))
    if metric in WITHOUT_A_MODEL:
        found.append(("metric", f"{metric} needs probabilities, and a rule has none: choose another metric"))
    return found

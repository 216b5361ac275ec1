"""Scores of a model that would have been worse: what an evaluation would hold, had it been harmed so, made in memory.

Every edit leaves records, groups and slices as they are, and changes what single records score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.artifact import Artifact
from tasks.digest import digest_bytes, digest_data
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.slices import Scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.intp]

LIKELIHOOD = frozenset({"bits_per_byte", "perplexity"})
CONFIDENCE = frozenset({"calibration_error", "brier", "accuracy_at_80", "accuracy_at_50"})
BY_CONFIDENCE = ("bin-", "sure", "squared_error")
"""What the names of statistics begin with that depend on how sure a label was."""
Spoil = Callable[[Scores, "Rows"], Scores]
"""Makes some records worse; it makes the same of the same records, however often it is asked."""


@dataclass(frozen=True)
class Planted(Evaluation):
    """An evaluation of which the scores, or what it says of itself, are others than were measured."""

    held: Scores = field(repr=False)

    def scores(self) -> Scores:
        """The planted ones."""
        return self.held


def planted(evaluation: Evaluation, scores: Scores | None = None, **said: Any) -> Planted:
    """An evaluation with other scores, or that says something else of itself; its digest is another one.

    Args:
        evaluation: the one to change.
        scores: None leaves them as they are.
        said: fields of its metadata (`tasks.meta.evaluation.EvaluationMeta`), as JSON.
    """
    held = evaluation.scores() if scores is None else scores
    meta = evaluation.meta.plain() | said
    values = digest_bytes(np.ascontiguousarray(held.values).tobytes())
    digest = digest_data({"meta": meta, "test": held.test, "names": list(held.names), "values": values})
    artifact = Artifact(digest, "evaluation", evaluation.artifact.path, meta, evaluation.artifact.files)
    return Planted(artifact, evaluation.dataset, held)


def value_of(scores: Scores, metric: str, slice_: str | None = None) -> float:
    """A metric over a slice of records or labels; NaN where it is not defined.

    Raises:
        NotJudgeable: there is no such slice or metric.
    """
    view = scores.view(slice_)
    return float(view.metric(metric).of(view.total()))


def gain(scores: Scores, beside: Scores, metric: str, slice_: str | None = None) -> float:
    """By how much `scores` is better than `beside`; negative where it is worse."""
    sign = scores.view(slice_).metric(metric).sign
    return sign * (value_of(scores, metric, slice_) - value_of(beside, metric, slice_))


def spoiler(scores: Scores, metric: str, chance: Random) -> Spoil:
    """How records are made worse by a metric of these scores."""
    if metric in LIKELIHOOD:
        return _unlikely
    if metric in CONFIDENCE:
        return _misjudged
    if scores.task == "text-classification":
        names = labels_of(scores)
        shift = np.array([chance.randrange(1, max(len(names), 2)) for _ in scores.values])

        def wrong(found: Scores, rows: Rows) -> Scores:
            meant, said = meant_and_said(found)
            said[rows] = (meant[rows] + shift[rows]) % len(names)
            return saying(found, said)

        return wrong
    return _missed if scores.task == "token-classification" else _wordless


def can_lose(scores: Scores, metric: str) -> NDArray[np.bool_]:
    """Which records have anything to lose by a metric, shape [records]."""
    if metric in LIKELIHOOD | CONFIDENCE:
        return np.ones(len(scores.values), dtype=bool)
    if metric == "choice_accuracy":
        return scores.statistic("closed_correct") > 0
    if scores.task == "text-classification":
        return scores.statistic("correct") > 0
    if scores.task == "token-classification":
        found: NDArray[np.bool_] = np.nan_to_num(_of(scores, "tp")).sum(axis=1) > 0
        return found
    return (scores.statistic("token_f1") > 0) | (scores.statistic("closed_correct") > 0)


def labels_of(scores: Scores) -> list[str]:
    """The labels or entity types that hits and misses are counted of, in the order of the statistics."""
    return [name.removeprefix("tp:") for name in scores.names if name.startswith("tp:")]


def meant_and_said(scores: Scores) -> tuple[Rows, Rows]:
    """Of texts with one label each: the right one and the one that was said, as places in `labels_of`."""
    hits, wrong, missed = (np.nan_to_num(_of(scores, outcome)) for outcome in ("tp", "fp", "fn"))
    return (hits + missed).argmax(axis=1), (hits + wrong).argmax(axis=1)


def saying(scores: Scores, said: Rows) -> Scores:
    """The scores of a classifier that says these labels instead, as surely as it said the others."""
    names, values = labels_of(scores), scores.values.copy()
    meant, before = meant_and_said(scores)
    changed = np.flatnonzero(said != before)
    right = said == meant
    for row in changed:
        for place, name in ((meant[row], "tp"), (meant[row], "fn"), (before[row], "fp"), (said[row], "fp")):
            values[row, scores.names.index(f"{name}:{names[place]}")] = 0.0
        if right[row]:
            values[row, scores.names.index(f"tp:{names[meant[row]]}")] = 1.0
        else:
            values[row, scores.names.index(f"fn:{names[meant[row]]}")] = 1.0
            values[row, scores.names.index(f"fp:{names[said[row]]}")] = 1.0
    _set(scores, values, "correct", changed, right[changed].astype(float))
    _counted_again(scores, values, changed, right)
    return replace(scores, values=values)


def silent(scores: Scores) -> Scores:
    """Of a tagger that finds nothing."""
    found = _missed(scores, np.arange(len(scores.values)))
    values = found.values.copy()
    values[:, _places(scores, "fp")] = 0.0
    return replace(found, values=values)


def without(scores: Scores, *prefixes: str) -> Scores:
    """Without the statistics whose names begin so."""
    kept = [place for place, name in enumerate(scores.names) if not name.startswith(prefixes)]
    return replace(scores, names=tuple(scores.names[place] for place in kept), values=scores.values[:, kept])


def of_records(scores: Scores, rows: Sequence[int]) -> Scores:
    """Of these records alone, in their order."""
    columns = {name: [held[row] for row in rows] for name, held in scores.columns.items()}
    return replace(scores, columns=columns, values=scores.values[list(rows)])


def renamed(scores: Scores, one: str, other: str) -> Scores:
    """Of a model that says `one` where it said `other`, and the other way round, of labels or entity types."""
    if scores.task == "text-classification":
        names = labels_of(scores)
        first, second = names.index(one), names.index(other)
        _, said = meant_and_said(scores)
        swapped = np.where(said == first, second, np.where(said == second, first, said))
        return saying(scores, swapped)
    values = scores.values.copy()
    at = {
        f"{what}:{kind}": scores.names.index(f"{what}:{kind}") for what in ("tp", "fp", "fn") for kind in (one, other)
    }
    for kind, called in ((one, other), (other, one)):
        hits, wrong = scores.values[:, at[f"tp:{kind}"]], scores.values[:, at[f"fp:{kind}"]]
        values[:, at[f"tp:{kind}"]] = 0.0
        values[:, at[f"fn:{kind}"]] = scores.values[:, at[f"fn:{kind}"]] + hits
        values[:, at[f"fp:{called}"]] = hits + wrong
    return replace(scores, values=values)


def exchanged(scores: Scores, most: int, chance: Random) -> tuple[Scores, int]:
    """Some records that were right are wrong, and as many that were wrong in the same way are right: no mean changes.

    Returns:
        The scores, and how many of at most `most` records could be exchanged so.
    """
    values, free = scores.values.copy(), list(range(len(scores.values)))
    chance.shuffle(free)
    good, bad = _by_fault(scores, free)
    done = 0
    for fault in sorted(bad):
        for wrong in bad[fault]:
            right = good.get(fault[0], [])
            if done < most and right:
                values[[right[-1], wrong]] = values[[wrong, right[-1]]]
                right.pop()
                done += 1
    return replace(scores, values=values), done


def _by_fault(scores: Scores, rows: Sequence[int]) -> tuple[dict[Any, list[int]], dict[Any, list[int]]]:
    """Right records by what they hold, and wrong ones by what they hold and what is wrong with them."""
    good: dict[Any, list[int]] = {}
    bad: dict[Any, list[int]] = {}
    if scores.task == "causal-lm":
        score, closed = scores.statistic("token_f1"), scores.statistic("closed")
        for row in rows:  # an answer that is nearly right, and one that is nearly wrong, of the same kind of question
            if score[row] > 0.9:
                good.setdefault(closed[row], []).append(row)
            elif score[row] < 0.3:
                bad.setdefault((closed[row], 0), []).append(row)
        return good, bad
    hits, wrong, missed = (_of(scores, outcome) for outcome in ("tp", "fp", "fn"))
    for row in rows:
        there = tuple(hits[row] + missed[row])
        if wrong[row].any() or missed[row].any():
            bad.setdefault((there, tuple(wrong[row])), []).append(row)
        elif hits[row].any():
            good.setdefault(there, []).append(row)
    return good, bad


def _places(scores: Scores, prefix: str) -> list[int]:
    return [place for place, name in enumerate(scores.names) if name.startswith(f"{prefix}:")]


def _of(scores: Scores, prefix: str) -> Floats:
    found: Floats = scores.values[:, _places(scores, prefix)]
    return found


def _set(scores: Scores, values: Floats, name: str, rows: Rows, found: Floats | float) -> None:
    if name in scores.names:
        values[rows, scores.names.index(name)] = found


def _counted_again(scores: Scores, values: Floats, rows: Rows, right: NDArray[np.bool_]) -> None:
    """What is counted by confidence, of records that are right or wrong now and were not before."""
    for name, place in ((name, place) for place, name in enumerate(scores.names)):
        for bins, held in (("bin-correct:", "bin-confidence:"), ("sure-correct:", "sure:")):
            if name.startswith(bins):
                inside = scores.statistic(held + name.removeprefix(bins))[rows] > 0
                values[rows, place] = np.where(inside, right[rows], 0.0)
    if "squared_error" in scores.names:  # the probability of the label that was said moves to the other side
        confidence = np.nan_to_num(_of(scores, "bin-confidence")).sum(axis=1)[rows]
        was = scores.statistic("correct")[rows] > 0
        change = 2 * confidence * (was.astype(float) - right[rows].astype(float))
        place = scores.names.index("squared_error")
        values[rows, place] = np.clip(values[rows, place] + change, 0.0, 2.0)


def _missed(scores: Scores, rows: Rows) -> Scores:
    """No entity of these records is found."""
    values = scores.values.copy()
    for hit in _places(scores, "tp"):
        lost = scores.names.index("fn:" + scores.names[hit].removeprefix("tp:"))
        values[rows, lost] += values[rows, hit]
        values[rows, hit] = 0.0
    return replace(scores, values=values)


def _wordless(scores: Scores, rows: Rows) -> Scores:
    """These questions get an answer that has no word of the right one, or the wrong choice."""
    values = scores.values.copy()
    for name in ("token_f1", "rouge_l", "closed_correct"):
        _set(scores, values, name, rows, 0.0)
    return replace(scores, values=values)


def _unlikely(scores: Scores, rows: Rows) -> Scores:
    """The right answers of these questions are held for half as likely, byte by byte."""
    values = scores.values.copy()
    place = scores.names.index("answer_nll")
    values[rows, place] += scores.statistic("answer_bytes")[rows] * np.log(2)
    return replace(scores, values=values)


def _misjudged(scores: Scores, rows: Rows) -> Scores:
    """Of these texts the right labels are said without any certainty, the wrong ones with all there is."""
    right, many = scores.statistic("correct") > 0, max(len(labels_of(scores)), 2)
    columns = {name: scores.values[:, place].copy() for place, name in enumerate(scores.names)}
    for name in columns:
        if name.startswith(BY_CONFIDENCE):
            columns[name][rows] = 0.0
    unsure, sure = label_statistics("a", "a", 1 / many, 1 - 1 / many), label_statistics("b", "a", 1.0, 2.0)
    for chosen, found in ((rows[right[rows]], unsure), (rows[~right[rows]], sure)):
        for name, value in found.items():
            if name.startswith(BY_CONFIDENCE):
                columns.setdefault(name, np.zeros(len(scores.values)))[chosen] = value
    names = tuple(sorted(columns))
    return replace(scores, names=names, values=np.column_stack([columns[name] for name in names]))

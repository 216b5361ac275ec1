"""What a policy can tell on a dataset: each of its gates that lets a candidate be only so much worse than a release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.errors import InputError, NotJudgeable
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.gate import Gate
from tasks.evaluation.intervals import ALIKE, LEAST
from tasks.evaluation.metric import Metric, Sums, f1
from tasks.evaluation.metrics.answers import choice_statistics
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.metrics.tags import tag_statistics
from tasks.evaluation.policy import Policy
from tasks.evaluation.power import Rule, Spread, groups_missing, noticed_loss, passes, spread_between, spread_of_counts
from tasks.evaluation.rival import NotWorseGate
from tasks.evaluation.sample import judged_rows
from tasks.evaluation.slices import Scores, View
from tasks.meta.evaluation import EvaluationMeta
from tasks.meta.form import FORMS
from tasks.meta.model import ModelMeta
from tasks.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RELEASES = ("not-worse-than-champion", "not-worse-than-anchor")
"""Kinds of gates that compare with an earlier release: an equal candidate is one that is as good as that."""
YEAR = 52
"""Looks of a year, where a gate has no budget of its own."""
WANTED = 4
"""Equal candidates of a gate's looks that must be let by: a gate that stops more than that is of no use."""
QUALITY = 0.8
"""F1 of models of which nothing is known but how often they differ."""
PAIRS = 12
"""Pairs of evaluations that are compared, at most."""


@dataclass(frozen=True)
class Sized:
    """One gate on one slice of a test split."""

    gate: str
    kind: str
    slice: str | None
    metric: str
    tolerance: float
    level: float | None
    """One-sided error probability of its interval; None: it looks at the estimate."""
    records: int
    groups: int
    looks: int
    reports: bool
    """It only reports where the data are too few, and is not counted then."""
    noticed: float | None = None
    """The loss that it stops with a probability of 80 %."""
    promoted: float | None = None
    """How many of `looks` equal candidates it lets by."""
    missing: int | None = None
    """Groups that are missing until it lets `WANTED` of them by; None: no number is enough, or nothing is known."""
    unknown: str | None = None
    """Why nothing can be said of it."""

    @property
    def resolved(self) -> bool:
        """Whether the data are enough for its margin."""
        return self.promoted is not None and self.promoted >= WANTED

    @property
    def refused(self) -> bool:
        """Whether a policy with this gate is of no use on these data."""
        return self.unknown is None and not self.resolved and not self.reports

    @property
    def needs(self) -> str:
        """What is missing, in words."""
        if self.unknown:
            return self.unknown
        if self.resolved:
            return "enough"
        where = self.slice.partition("=")[2] if self.slice else "all records"
        more = "no number of groups is enough" if self.missing is None else f"{self.missing:,} more groups"
        return f"{where}: {more}" + ("; only reported" if self.reports else "")

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self)) | {"resolved": self.resolved, "needs": self.needs}


@dataclass(frozen=True)
class Known:
    """How much two equally good models differ on a test split: measured, or assumed."""

    source: str
    """Where that is from, in words."""
    pairs: tuple[tuple[Scores, Scores], ...] = ()
    disagreement: float | None = None


def sized(policy: Policy, dataset: DatasetVersion, known: Known, most: int | None = None) -> list[Sized]:
    """Every gate of a policy that compares with an earlier release, on every slice that it judges.

    Args:
        policy: the gates.
        dataset: the version whose test split they would judge by.
        known: how much two equally good models differ on it.
        most: as `evaluation.max_records`.

    Raises:
        InputError: the policy is for other records.
    """
    if policy.task != dataset.task:
        raise InputError(f"the policy is for {policy.task}, the dataset for {dataset.task}", value=dataset.name)
    right = _all_right(dataset, most)
    return [one for gate in policy.gates for one in _of_gate(gate, right, known)]


def known_of(store: Store, dataset: DatasetVersion, disagreement: float | None) -> Known:
    """What is known of two equally good models: given, or measured between models that were judged on this test split.

    Reruns of one recipe with other seeds are best; else any two candidates of one base in one form will do.

    Raises:
        InputError: nothing is known, and nothing was given.
    """
    if disagreement is not None:
        return Known("given", disagreement=disagreement)
    alike: dict[tuple[bool, str], list[Evaluation]] = {}
    for artifact in store.all("evaluation"):
        meta = EvaluationMeta.read(artifact)
        if meta.split == "test" and meta.test == dataset.split_digest("test") and meta.subject.form in FORMS:
            for key in _kept_apart(store, meta):
                alike.setdefault(key, []).append(Evaluation(artifact, dataset.digest))
    for reruns in (True, False):
        groups = [group for (rerun, _), group in sorted(alike.items()) if rerun == reruns and len(group) > 1]
        if groups:
            most = max(groups, key=len)
            pairs = tuple((one.scores(), other.scores()) for one, other in islice(combinations(most, 2), PAIRS))
            what = "reruns of one recipe with other seeds" if reruns else "candidates of one base"
            return Known(f"measured between {len(most)} {what}", pairs)
    raise InputError(
        "nothing is known of how much two equally good models differ on these test records",
        value=dataset.name,
        hint="give --disagreement (0.05 to 0.2 is usual for right or wrong), or train one recipe with two seeds",
    )


def _kept_apart(store: Store, meta: EvaluationMeta) -> Iterator[tuple[bool, str]]:
    """Which evaluations this one can be compared with: (reruns of one recipe?, a name for them)."""
    same = [meta.subject.form, meta.settings.plain()]
    if store.has(meta.subject.digest):
        said = ModelMeta.read(store.load(meta.subject.digest))
        recipe = {key: value for key, value in said.recipe.plain().items() if key != "seed"}
        yield True, digest_data([*same, said.base.digest, said.dataset, recipe])
    yield False, digest_data([*same, meta.subject.base])


def _of_gate(gate: Gate, right: Scores, known: Known) -> Iterator[Sized]:
    if not isinstance(gate, NotWorseGate) or gate.kind not in RELEASES:
        return
    budget = getattr(gate, "budget", None)
    level = budget.level if budget else (1 - EvaluationSettings().confidence) / 2 if gate.significant else None
    looks = budget.looks if budget else YEAR
    reports = getattr(gate, "underpowered", "refuse") == "report"
    one = Sized(gate.name, gate.kind, gate.pattern, gate.metric, gate.tolerance, level, 0, 0, looks, reports)
    try:
        slices = right.named(gate.pattern)
    except NotJudgeable as error:
        later = (gate.pattern or "").startswith("arrived=")
        yield replace(one, unknown="records that are still to arrive" if later else str(error))
        return
    if level and gate.correction == "holm":  # what the first of them is asked; the others less
        level /= len(slices)
    for slice_ in slices:
        view = right.view(slice_)
        records, groups = right.support(slice_) if slice_ else (view.records, view.groups)
        here = replace(one, slice=slice_, level=level, records=records, groups=groups)
        if records < (gate.min_records or 0) or groups < (gate.min_groups or 0):
            yield replace(here, unknown=f"too small to be judged, as the gate says ({gate.small})")
            continue
        spread = _spread(known, right, gate.metric, slice_)
        if spread is None:
            yield replace(here, unknown="nothing is known of this metric: it needs models that were judged here")
            continue
        rule = Rule(gate.tolerance, level)
        yield replace(
            here,
            noticed=noticed_loss(spread, rule),
            promoted=looks * passes(spread, rule),
            missing=groups_missing(spread, rule, WANTED / looks),
        )


def _spread(known: Known, right: Scores, metric: str, slice_: str | None) -> Spread | None:
    """How far apart two equal models are by a metric in a slice; None where that is not known."""
    definition = right.view(slice_).metric(metric)
    if known.disagreement is None:
        pairs = [tuple((one.view(slice_).names, one.view(slice_).by_group) for one in pair) for pair in known.pairs]
        return spread_between(definition, pairs)
    view = right.view(slice_)
    if definition.scale == "open" or not float(definition.units(view.total())):
        return None
    counts, weights = _weights(definition, view)
    return spread_of_counts(
        counts,
        known.disagreement,
        weights,
        together=ALIKE,
        least=LEAST[definition.scale],
        units=float(definition.units(view.total())),
    )


def _weights(metric: Metric, view: View) -> tuple[Floats, Floats]:
    """What groups hold of each kind of thing, and by how much one such thing moves the metric.

    An F1 of `QUALITY` over n things falls by (2 - F1) / 2n where one of them is missed, and by F1 / 2n where one is
    said that is not there, which is as frequent.
    """
    sums = Sums(view.names, view.by_group)
    if metric.parts is not None:
        counts = metric.parts(sums)
        there = counts.sum(axis=0)
        counts, there = counts[:, there > 0], there[there > 0]
        return counts, ((2 - QUALITY) / 2 / there + QUALITY / 2 * len(there) / there.sum()) / len(there)
    counts = metric.units(sums)[:, None]
    each = ((1 - QUALITY / 2) ** 2 + (QUALITY / 2) ** 2) ** 0.5 if metric.of is f1 else 1.0
    return counts, np.array([each / counts.sum()])


def _all_right(dataset: DatasetVersion, most: int | None) -> Scores:
    """The statistics of a model that makes no mistake: which slices there are, and what there is to get right."""
    rows = judged_rows(dataset.rows("test"), most)
    found = [_right(dataset.task, row) for row in rows]
    return Scores.of(dataset.task, dataset.split_digest("test"), rows, found, dataset.labels)


def _right(task: DatasetTask, row: Mapping[str, Any]) -> dict[str, float]:
    if task == "text-classification":
        return label_statistics(row["label"], row["label"], 1.0)
    if task == "token-classification":
        return tag_statistics(row["tags"], row["tags"])
    closed = choice_statistics(row["answer"] if row["choices"] else None, row["answer"])
    return closed | {"records": 1.0, "token_f1": 1.0, "rouge_l": 1.0, "answer_bytes": len(row["answer"].encode())}

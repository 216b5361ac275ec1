"""What a trained model must beat to be worth having, measured on the same records, and by how much it does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask, Split
from tasks.data.records import TARGET
from tasks.data.version import DatasetVersion
from tasks.digest import digest_data
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import Difference, difference, same_tokenizer
from tasks.evaluation.evaluate import evaluate, evaluation_of, subject_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.metric import metric_modules, metrics_of
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.metrics.tags import tag_statistics
from tasks.evaluation.predict import Predictions, Rows, predict
from tasks.evaluation.rules import RULES, Rule
from tasks.meta.evaluation import SubjectMeta
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.training.bases import Base

ZERO_SHOT = {
    "en": "Answer this medical question correctly, in one short sentence.\n{prompt}",
    "zh": "请用一句话准确、简短地回答这个医学问题。\n{prompt}",
}
"""The instruction put before a question, by the record's language; English where there is none."""


@dataclass(frozen=True)
class Comparison:
    """What a model gains over one baseline in one metric."""

    baseline: str
    difference: Difference

    @property
    def outcome(self) -> str:
        """better or worse, where the whole interval of the gain lies on that side of zero; else undecided."""
        return "better" if self.difference.better else "worse" if self.difference.worse else "undecided"


def counted(comparisons: Sequence[Comparison]) -> str:
    """How many of them the model wins and loses: "8 better, 4 worse, 0 undecided"."""
    outcomes = [one.outcome for one in comparisons]
    return ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in ("better", "worse", "undecided"))


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
    return against(evaluation, baselines(store, dataset, base, settings), settings)


def against(evaluation: Evaluation, rivals: Mapping[str, Evaluation], settings: EvaluationSettings) -> list[Comparison]:
    """A model's gain over rivals by name, in every metric that both have.

    Raises:
        NotJudgeable: they were measured on another test split, or under other settings.
    """
    if evaluation.settings != settings:
        raise NotJudgeable("the model was judged under other settings than the baselines", value=evaluation.digest)
    found = []
    for name, rival in rivals.items():
        for metric in evaluation.metrics.keys() & rival.metrics.keys():
            if metrics_of(evaluation.task)[metric].per_token and not same_tokenizer(
                evaluation.scores(), rival.scores()
            ):
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
    return found | simple_rivals(store, dataset, settings, RULES[dataset.task])


def simple_rivals(
    store: Store, dataset: DatasetVersion, settings: EvaluationSettings, names: Iterable[str], split: Split = "test"
) -> dict[str, Evaluation]:
    """The evaluations of rules by name: measured once for a train and a test split, without a model."""
    return {name: _ruled(store, name, RULES[dataset.task][name], dataset, settings, split) for name in names}


def table(comparisons: Sequence[Comparison], confidence: float) -> str:
    """Markdown: one line per baseline and metric, and whether the model is better or worse."""
    lines = [
        f"| against | metric | this model | baseline | gain [{confidence:.0%} interval] | this model is |",
        "|---|---|---:|---:|---:|---|",
    ]
    for one in comparisons:
        gain = one.difference
        span = "no interval: too few groups" if gain.low is None else f"[{gain.low:+.3f}, {gain.high:+.3f}]"
        numbers = f"{gain.candidate:.3f} | {gain.other:.3f} | {gain.gain:+.3f} {span}"
        lines.append(f"| {one.baseline} | {gain.metric} | {numbers} | {one.outcome} |")
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


def _ruled(
    store: Store, name: str, rule: Rule, dataset: DatasetVersion, settings: EvaluationSettings, split: Split
) -> Evaluation:
    """A baseline without weights: its digest is that of its name and of what it learned from."""
    train = dataset.split_digest("train")

    def run(rows: Rows) -> Predictions:
        predicted = rule(dataset.rows("train"), rows)
        statistics = [_statistics(dataset.task, row, one) for row, one in zip(rows, predicted, strict=True)]
        return Predictions({TARGET[dataset.task]: predicted}, statistics, [False] * len(rows))

    digest = digest_data({"baseline": name, "train": train})
    subject = SubjectMeta(digest=digest, form="baseline", parent=None, base=None).as_baseline(name, train=train)
    return evaluation_of(store, subject, dataset, settings, split, run, _code(dataset))


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

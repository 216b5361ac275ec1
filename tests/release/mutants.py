"""Unharmed candidates of each task without a model: good enough for the shipped policies, on many groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DatasetTask
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import evaluation_code, evaluation_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import SINCE, AsServed, Evidence, Looks, Losses, Way
from tasks.evaluation.gate import Protocol
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.metrics.tags import tag_statistics
from tasks.evaluation.policy import Policy
from tasks.evaluation.predict import Predictions
from tasks.evaluation.rules import RULES
from tasks.meta.evaluation import SubjectMeta
from tasks.meta.form import Form
from tasks.release.harm import Case
from tasks.release.rehearsal import chained
from tasks.store import Store
from tests.evaluation.fakes import digest
from tests.factories import seal_rows
from tests.rows import Row, rows

SETTINGS = EvaluationSettings(resamples=100)
LABELS = ("a", "b", "c", "d")
KINDS = ("Disease", "Drug")
GROUPS = 450


def records(task: DatasetTask, groups: int) -> list[Row]:
    """Records of two languages and of a rare category, one of a group."""
    chance = Random(task)
    found = rows(task, groups)
    for place, row in enumerate(found):
        row |= {"group_id": f"g{place:05d}", "language": "zh" if place % 5 == 0 else "en"}
        row["category"] = "rare" if place % 40 == 7 else ("skin", "nervous")[place % 2]
        if task == "text-classification":
            row["label"] = LABELS[min(int(chance.expovariate(0.6)), 3)]
        if task == "token-classification":
            kind = KINDS[place % 4 == 0]
            row |= {"tokens": ["has", "severe", "x", "today"], "tags": ["O", f"B-{kind}", f"I-{kind}", "O"]}
    return found


def measured(
    store: Store, dataset: DatasetVersion, right: float, *, name: str, form: str, parent: str | None = None
) -> Evaluation:
    """An evaluation on the test split, of a model that is right on this share of the records, always the same ones."""
    task = dataset.task

    def run(asked: Sequence[Mapping[str, Any]]) -> Predictions:
        chance, found, said = Random("the same"), [], []
        for row in asked:
            good, other = chance.random() < right, chance.random()
            if task == "text-classification":
                wrong = LABELS[(LABELS.index(row["label"]) + 1 + int(3 * other)) % 4]
                confidence = None if form == "baseline" else 0.9 if other < 0.9 else 0.6
                answer = row["label"] if good else wrong
                found.append(label_statistics(answer, row["label"], confidence, 0.02 if good else 1.6))
            elif task == "token-classification":
                answer = row["tags"] if good else ["O"] * len(row["tags"])
                found.append(tag_statistics(answer, row["tags"]))
            else:
                answer = row["answer"] if good else "†"
                closed = answer if row["choices"] else None
                nll = 0.0 if form == "baseline" else 30 * (1.2 - right)
                scored = 0 if form == "baseline" else 4
                found.append(
                    answer_statistics(answer, row["answer"], nll=nll, scored_tokens=scored, scored_bytes=5 * scored)
                    | choice_statistics(closed, row["answer"])
                )
            said.append(answer)
        return Predictions({}, found, [False] * len(said))

    known = {"digest": digest(name), "form": form, "parent": parent and digest(parent)}
    subject = SubjectMeta.model_validate(known | {"base": None if form in ("base", "baseline") else digest("base")})
    return evaluation_of(store, subject, dataset, SETTINGS, "test", run, evaluation_code(None, task))


def candidate(store: Store, policy: Policy, groups: int = GROUPS) -> Case:
    """A candidate for a policy in three forms, its own champion and anchor."""
    task = policy.task
    found = records(task, groups)
    dataset = seal_rows(store, task, {"train": found[:20], "validation": found[:20], "test": found})
    chain = ((Form.ADAPTER, None), (Form.MERGED, "adapter"), (Form.QUANTIZED, "merged"))
    forms = {form: measured(store, dataset, 0.9, name=form.value, form=form, parent=parent) for form, parent in chain}
    last = forms[Form.QUANTIZED]
    ids = frozenset(last.scores().columns["group_id"])
    rivals = {name: measured(store, dataset, 0.5, name=name, form="baseline") for name in RULES[task]}
    ways = tuple(Way(name, ()) for name in ("MLflow's predict", "the README's code"))
    common = Evidence(
        last,
        base=measured(store, dataset, 0.3, name="base", form="base"),
        champion=last,
        anchor=last,
        others=rivals,
        losses=Losses(0.5, 0.6),
        looks=Looks(0.0, groups),
        arrived=dict.fromkeys((*SINCE, "since-setup"), ids),
        served=AsServed(digest("quantized"), 32, ways),
    )
    protocol = Protocol(policy.task, policy.name, policy.gates, SETTINGS, "approval", rules=policy.digest)
    return Case(protocol, chained(forms, common), tuple(10 + place % 60 for place in range(groups)))

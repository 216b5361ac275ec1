"""What a model loses on changed texts, as a gate says it, from sealed scores alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.data.version import DatasetVersion
from tasks.errors import ConfigError
from tasks.evaluation.evaluate import Altered, evaluation_code, evaluation_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Gate, GateResult
from tasks.evaluation.judge import judge
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.perturb import perturbed_rows
from tasks.evaluation.policy import Policy
from tasks.evaluation.predict import Predictions, Rows
from tasks.evaluation.replay import keep, replay
from tasks.evaluation.sample import judged_rows
from tasks.meta.evaluation import SubjectMeta
from tasks.settings import parse
from tasks.store import Store
from tests.evaluation.fakes import FEW, answered, protocol
from tests.evaluation.test_gates import gate
from tests.factories import dataset_version

RECORDS = 60
Right = Callable[[int], float]


@pytest.fixture
def dataset(store: Store) -> DatasetVersion:
    return dataset_version(store, "causal-lm", 600)


@pytest.fixture
def candidate(store: Store, dataset: DatasetVersion) -> Evaluation:
    return answered(store, dataset, 1.0, form="quantized", parent="merged")


def asked(**settings: Any) -> Gate:
    given = {"perturbations": ["upper-case"], "tolerance": 0.1, "records": RECORDS, "min_groups": 8}
    return gate("robust", **(given | settings))


def on_changed(
    store: Store, dataset: DatasetVersion, of: Evaluation, right: Right, *, by: str = "upper-case", name: str = ""
) -> Evaluation:
    """The candidate on changed records: right where `right` says so, by its place among them."""
    rows = perturbed_rows(by, dataset.task, judged_rows(dataset.rows("test"), RECORDS))

    def run(given: Rows) -> Predictions:
        said = [row["answer"] if right(place) else "†" for place, row in enumerate(given)]
        statistics = [
            answer_statistics(answer, row["answer"], nll=4.0, scored_tokens=4, scored_bytes=len(row["answer"]))
            | choice_statistics(answer if row["choices"] else None, row["answer"])
            for answer, row in zip(said, given, strict=True)
        ]
        return Predictions({"answer": said}, statistics, [False] * len(given))

    subject = SubjectMeta.model_validate(of.meta.subject.plain() | {"right": f"{by} {name}"})
    altered = Altered(f"{by}:{RECORDS}", rows)
    return evaluation_of(store, subject, dataset, FEW, "test", run, evaluation_code(None, dataset.task), altered)


def results_of(evidence: Evidence, *gates: Gate) -> list[GateResult]:
    return list(judge(protocol(*gates), evidence).results)


def test_the_loss_is_of_the_records_that_changed(store: Store, dataset: DatasetVersion, candidate: Evaluation) -> None:
    changed = on_changed(store, dataset, candidate, lambda place: float(place % 10 != 0))
    assert changed.altered and changed.altered.of == candidate.test != changed.test
    assert changed.records == 44, "the others are Chinese"
    evidence = Evidence(candidate, altered={f"upper-case:{RECORDS}": changed})
    for settings, expected in (
        ({}, "failed"),  # 5 of 44: 0.11
        ({"tolerance": 0.12}, "passed"),
        ({"tolerance": 0.12, "significant": True}, "failed"),
        ({"tolerance": 0.4, "significant": True}, "passed"),
        ({"reports": True}, "reported"),
        ({"min_groups": 31}, "not-judged"),
        ({"min_groups": 31, "small": "report"}, "reported"),
        ({"metric": "bits_per_byte", "tolerance": 0.0}, "passed"),
        ({"metric": "choice_accuracy", "tolerance": 0.0}, "failed"),
    ):
        (result,) = results_of(evidence, asked(**settings))
        assert (result.outcome, result.slice) == (expected, "perturbation=upper-case"), settings
    (result,) = results_of(evidence, asked())
    assert result.value == pytest.approx(5 / 44) and result.limit == 0.1
    assert "token_f1 is 0.8864, 1 of the same records unchanged: lost 0.1136 [" in result.reason
    assert "on 44 of 60 records in 30 groups, at most 0.1 is asked" in result.reason


def test_every_perturbation_is_judged_and_one_that_changes_nothing_is_said(
    store: Store, dataset: DatasetVersion, candidate: Evaluation
) -> None:
    changed = on_changed(store, dataset, candidate, lambda _: 1.0)
    both = {"perturbations": ["upper-case", "other-units"]}
    evidence = Evidence(
        candidate, altered={f"upper-case:{RECORDS}": changed}, unaltered=frozenset({f"other-units:{RECORDS}"})
    )
    strict, loose = results_of(evidence, asked(**both)), results_of(evidence, asked(**both, small="report"))
    assert [one.outcome for one in strict] == ["passed", "not-judged"]
    assert [one.outcome for one in loose] == ["passed", "reported"]
    assert "changes none of 60 records" in strict[1].reason and "changes none of 60 records" in loose[1].reason


def test_what_was_not_asked_of_this_model_about_these_records_fails(
    store: Store, dataset: DatasetVersion, candidate: Evaluation
) -> None:
    probe = f"upper-case:{RECORDS}"
    stranger = answered(store, dataset, 1.0, name="another", form="quantized", parent="merged")
    other_split = answered(store, dataset, 1.0, form="quantized", parent="merged", split="validation")
    for altered in (
        {},
        {probe: on_changed(store, dataset, stranger, lambda _: 1.0)},
        {probe: candidate},  # not changed
        {probe: on_changed(store, dataset, candidate, lambda _: 1.0, by="lower-case")},
        {probe: other_split},
        {f"upper-case:{RECORDS + 1}": on_changed(store, dataset, candidate, lambda _: 1.0)},
    ):
        assert [one.outcome for one in results_of(Evidence(candidate, altered=altered), asked())] == ["not-judged"]
    assert [one.outcome for one in results_of(Evidence(candidate), asked(reports=True))] == ["reported"]
    merged = answered(store, dataset, 1.0, form="merged", parent="adapter")
    assert results_of(Evidence(merged), asked()) == [], "only what is served"
    assert protocol(asked()).screening.gates == ()


def test_a_record_for_which_there_is_no_number_is_no_loss_that_could_be_borne(
    store: Store, dataset: DatasetVersion, candidate: Evaluation
) -> None:
    changed = on_changed(store, dataset, candidate, lambda _: 1.0)
    scores = changed.scores()
    scores.values[0] = float("nan")
    evidence = Evidence(candidate, altered={f"upper-case:{RECORDS}": changed})
    assert [one.outcome for one in results_of(evidence, asked())] == ["not-judged"]


def test_a_sealed_verdict_is_computed_again(
    store: Store, dataset: DatasetVersion, candidate: Evaluation, tmp_path: Path
) -> None:
    changed = on_changed(store, dataset, candidate, lambda place: float(place % 10 != 0))
    evidence = Evidence(
        candidate, altered={f"upper-case:{RECORDS}": changed}, unaltered=frozenset({f"other-units:{RECORDS}"})
    )
    by = protocol(asked(perturbations=["upper-case", "other-units"], small="report", significant=True))
    verdict = judge(by, evidence)
    place = tmp_path / "evidence"
    shutil.copytree(keep(store, by, evidence, verdict).path, place)
    shutil.rmtree(store.root)
    again = replay(place)
    assert again.verdict == verdict and again.differing == [] and again.same_code
    assert [one.outcome for one in verdict.results] == ["failed", "reported"]


def test_what_is_weaker_and_what_does_not_fit() -> None:
    approved = asked(perturbations=["upper-case", "truncated"], significant=True)
    for settings, weaker in (
        ({"tolerance": 0.2}, ["tolerance"]),
        ({"perturbations": ["upper-case"]}, ["perturbations"]),
        ({"significant": False}, ["significant"]),
        ({"min_groups": 3}, ["min_groups"]),
        ({"reports": True}, ["reports"]),
        ({"tolerance": 0.05, "perturbations": ["truncated", "upper-case", "paraphrase"]}, []),
    ):
        one = asked(**({"perturbations": ["upper-case", "truncated"], "significant": True} | settings))
        assert list(one.weaker_than(approved)) == weaker
    entry = approved.plain() | {"metric": "accuracy"}
    with pytest.raises(ConfigError) as caught:
        parse(Policy, {"name": "p", "task": "causal-lm", "description": "d", "gates": [entry]}, "p.yaml")
    assert "there is no 'accuracy' here" in str(caught.value) and "'truncated' is not for causal-lm" in str(
        caught.value
    )
    with pytest.raises(ValueError, match="given once"):
        asked(perturbations=["upper-case", "upper-case"])


def test_earlier_evidence_without_such_records_opens(store: Store, candidate: Evaluation) -> None:
    plain = Evidence(candidate).plain()
    earlier = {name: plain[name] for name in plain if name not in ("altered", "unaltered", "resources")}
    assert Evidence.of(earlier, {candidate.digest: candidate}) == replace(Evidence(candidate))

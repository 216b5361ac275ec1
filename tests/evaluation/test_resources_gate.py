"""Bounds of room, memory and time, from measured numbers alone."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gates.resources import MIB
from tasks.evaluation.judge import judge
from tasks.evaluation.measured import Pace, Resources
from tasks.store import Store
from tests.evaluation.fakes import answered, digest, protocol
from tests.evaluation.test_gates import gate
from tests.factories import dataset_version


@pytest.fixture
def dataset(store: Store) -> DatasetVersion:
    return dataset_version(store, "causal-lm", 60)


def measured(**more: Any) -> Resources:
    slow, fast = Pace((0.30, 0.22, 0.20), (50.0, 45.0, 40.0)), Pace((0.20, 0.20, 0.25), (50.0, 50.0, 50.0))
    given: dict[str, Any] = {"champion": digest("champion"), "paces": (slow, fast)} | more
    return Resources(digest("model"), 8 * MIB, 512.0, **given)


def said(store: Store, dataset: DatasetVersion, found: Resources | None, **limits: float) -> list[str]:
    candidate = answered(store, dataset, 1.0, form="quantized", parent="merged")
    champion = answered(store, dataset, 1.0, name="champion", form="quantized", parent="merged")
    return outcomes(Evidence(candidate, champion=champion, resources=found), **limits)


def outcomes(evidence: Evidence, **limits: float) -> list[str]:
    return [one.outcome for one in judge(protocol(gate("resources", **limits)), evidence).results]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"size_mib": 8}, "passed"),
        ({"size_mib": 7.9}, "failed"),
        ({"peak_memory_mib": 512}, "passed"),
        ({"peak_memory_mib": 511}, "failed"),
        ({"latency_ratio": 1.1}, "passed"),  # the median of 1.5, 1.1 and 0.8, each of one round
        ({"latency_ratio": 1.09}, "failed"),
        ({"tokens_per_second_ratio": 0.9}, "passed"),
        ({"tokens_per_second_ratio": 0.91}, "failed"),
    ],
)
def test_each_bound(store: Store, dataset: DatasetVersion, limits: dict[str, float], expected: str) -> None:
    assert said(store, dataset, measured(), **limits) == [expected]


def test_all_bounds_are_judged_by_themselves(store: Store, dataset: DatasetVersion) -> None:
    limits = {"size_mib": 8, "peak_memory_mib": 100, "latency_ratio": 2, "tokens_per_second_ratio": 2}
    assert said(store, dataset, measured(), **limits) == ["passed", "failed", "passed", "failed"]
    assert gate("resources", **limits).measures == {"size", "memory", "pace"}
    assert gate("resources", size_mib=8).measures == {"size"}


def test_what_was_not_measured_of_these_models_fails(store: Store, dataset: DatasetVersion) -> None:
    assert said(store, dataset, None, size_mib=8) == ["not-judged"]
    assert said(store, dataset, Resources(digest("another"), 1), size_mib=8) == ["not-judged"]
    assert said(store, dataset, Resources(digest("model"), 1), peak_memory_mib=8) == ["not-judged"]
    assert said(store, dataset, measured(champion=digest("another")), latency_ratio=8) == ["not-judged"]
    assert said(store, dataset, measured(paces=None), latency_ratio=8) == ["not-judged"]
    empty = (Pace((), ()), Pace((), ()))
    assert said(store, dataset, measured(paces=empty), latency_ratio=8) == ["not-judged"]


def test_without_a_champion_the_absolute_bounds_hold(store: Store, dataset: DatasetVersion) -> None:
    candidate: Evaluation = answered(store, dataset, 1.0, form="quantized", parent="merged")
    first = Evidence(candidate, resources=Resources(digest("model"), MIB), first_release=True)
    assert outcomes(first, size_mib=8, latency_ratio=1.5) == ["passed", "not-applicable"]
    lost = Evidence(candidate, resources=Resources(digest("model"), MIB))
    assert outcomes(lost, size_mib=8, latency_ratio=1.5) == ["passed", "not-judged"]
    merged = answered(store, dataset, 1.0, form="merged", parent="adapter")
    assert outcomes(Evidence(merged), size_mib=8) == [], "only what is served"


def test_what_is_weaker_and_that_something_is_asked() -> None:
    approved = gate("resources", size_mib=8, latency_ratio=1.5, tokens_per_second_ratio=0.8)
    for limits, weaker in (
        ({"size_mib": 9, "latency_ratio": 1.5, "tokens_per_second_ratio": 0.8}, ["size_mib"]),
        ({"size_mib": 8, "latency_ratio": 1.6, "tokens_per_second_ratio": 0.8}, ["latency_ratio"]),
        ({"size_mib": 8, "latency_ratio": 1.5, "tokens_per_second_ratio": 0.7}, ["tokens_per_second_ratio"]),
        ({"size_mib": 8}, ["latency_ratio", "tokens_per_second_ratio"]),
        ({"size_mib": 8, "peak_memory_mib": 1, "latency_ratio": 1, "tokens_per_second_ratio": 1}, []),
    ):
        assert list(gate("resources", **limits).weaker_than(approved)) == weaker
    with pytest.raises(ValueError, match="resources needs one of size_mib, peak_memory_mib"):
        gate("resources")

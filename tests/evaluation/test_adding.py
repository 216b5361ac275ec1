"""New kinds of gates and a new metric are one file each: nothing else is told of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tasks.errors import ConfigError
from tasks.evaluation import gate, gates, metric, metrics, policy
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Change, Evidence
from tasks.evaluation.gate import gate_kinds
from tasks.evaluation.judge import judge
from tasks.evaluation.metric import metrics_of
from tasks.evaluation.policy import load_policy
from tasks.store import Store
from tests.evaluation.fakes import answered, protocol
from tests.factories import dataset_version

METRIC = """
from tasks.evaluation.metric import Metric, ratio

METRICS = (
    Metric(
        "nats_per_byte",
        "causal-lm",
        "lower",
        "negative log-likelihood of the reference answers in nats per UTF-8 byte",
        lambda sums: ratio(sums["answer_nll"], sums["answer_bytes"]),
    ),
)
"""
GATE = '''
from typing import Literal

from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Finite, Gate, GateResult, Protocol


class ForgetsLittle(Gate):
    """The model may lose so many bits per byte on other text."""

    kind: Literal["forgets-little"]
    most: Finite

    def weaker_than(self, approved):
        if self.most > approved.most:
            yield "most"

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        lost = evidence.change("forgetting").change
        return self.result(slice_, lost <= self.most, f"{lost:.3g} bits per byte are lost", lost, self.most)
'''
RIVAL = '''
from typing import ClassVar, Literal

from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import GateResult, Protocol
from tasks.evaluation.rival import NotWorseGate


class NotWorseThanLastYear(NotWorseGate):
    """Loses at most `tolerance` to a rival by name."""

    kind: Literal["not-worse-than-last-year"]
    rival: str

    about: ClassVar[tuple[str, ...]] = (*NotWorseGate.about, "rival")

    def verdict(self, protocol: Protocol, evidence: Evidence, slice_: str | None) -> GateResult:
        return self.against(evidence.other(self.rival), self.rival, protocol, evidence, slice_)
'''
POLICY = """
name: careful
task: causal-lm
description: asks for what was added
gates:
  - {name: likely, kind: threshold, metric: nats_per_byte, max: 9.0, slice: "language=*"}
  - {name: remembers, kind: forgets-little, most: 0.5}
  - {name: keeps-up, kind: not-worse-than-last-year, metric: token_f1, rival: last year, tolerance: 0.1}
"""


def extend(package: ModuleType, folder: Path, files: dict[str, str], patch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    patch.setattr(package, "__path__", [*package.__path__, str(folder)])


@pytest.fixture
def before(store: Store) -> Evaluation:
    """An evaluation from before anything was added."""
    return answered(store, dataset_version(store, "causal-lm", 120), 0.75, nll=2.0)


@pytest.fixture
def added(before: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    extend(metrics, tmp_path / "metrics", {"likelihood": METRIC}, monkeypatch)
    extend(gates, tmp_path / "gates", {"forgets_little": GATE, "not_worse_than_last_year": RIVAL}, monkeypatch)
    (tmp_path / "careful.yaml").write_text(POLICY)
    monkeypatch.setattr(policy, "POLICIES", tmp_path)
    known = (gate.gate_kinds, metric.declared_metrics)
    for one in known:
        one.cache_clear()
    yield
    for one in known:
        one.cache_clear()
    for name in ("metrics.likelihood", "gates.forgets_little", "gates.not_worse_than_last_year"):
        sys.modules.pop(f"tasks.evaluation.{name}", None)


@pytest.mark.usefixtures("added")
def test_an_added_gate_judges_by_an_added_metric(store: Store, before: Evaluation) -> None:
    dataset = dataset_version(store, "causal-lm", 120)
    candidate = answered(store, dataset, 0.75, nll=2.0)
    assert set(candidate.metrics) - set(before.metrics) == {"nats_per_byte"}, "measured anew"
    bits, nats = (candidate.metrics[name].value for name in ("bits_per_byte", "nats_per_byte"))
    assert nats == pytest.approx(bits * 0.6931472)

    asked = protocol(*load_policy("careful").gates)
    for after, right, expected in ((2.4, 0.8, "passed"), (2.6, 1.0, "failed")):
        changes = {"forgetting": Change("bits per byte", 2.0, after)}
        rival = answered(store, dataset, right, name="rival")
        verdict = judge(asked, Evidence(candidate, others={"last year": rival}, changes=changes))
        assert [(one.name, one.slice, one.outcome) for one in verdict.results] == [
            ("likely", "language=en", "passed"),
            ("likely", "language=zh", "passed"),
            ("remembers", None, expected),
            ("keeps-up", None, expected),
        ]
        assert verdict.passed == (expected == "passed")
    unknown = judge(asked, Evidence(candidate))
    assert unknown.reasons() == [
        "remembers: could not be judged: this was not measured: forgetting",
        "keeps-up: could not be judged: there is no such evaluation: last year",
    ]


@pytest.mark.usefixtures("added")
def test_a_policy_that_misuses_an_added_gate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "careful.yaml").write_text(POLICY.replace("most: 0.5", "most: .inf, metric: token_f1"))
    with pytest.raises(ConfigError) as caught:
        load_policy("careful")
    assert "gates.1.metric: a forgets-little gate does not use it" in str(caught.value)
    assert "gates.1.most: Input should be a finite number" in str(caught.value)


def test_nothing_of_it_is_left() -> None:
    assert "forgets-little" not in gate_kinds()
    assert "nats_per_byte" not in metrics_of("causal-lm")

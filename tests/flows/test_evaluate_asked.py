"""What gates ask of a served form beside its answers to the test records, where no training runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.evaluating import run_evaluation
from tasks.evaluation import policy as policies
from tasks.evaluation.replay import replay
from tests.flows.released import Made


def test_a_served_form_is_asked_what_gates_want_beside_its_answers(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "POLICIES", tmp_path)
    robust = "{name: robust, kind: robust, metric: accuracy, tolerance: 1.0, records: 16, perturbations: "
    (tmp_path / "asking.yaml").write_text(f"""\
name: asking
task: text-classification
description: what changed texts cost, and whether it fits
gates:
  - {{name: any, kind: threshold, metric: accuracy, min: 0.0}}
  - {robust}[typing-noise, other-units], small: report}}
  - {{name: fits, kind: resources, size_mib: 64, latency_ratio: 2}}
""")
    found = run_evaluation(made.store, "tiny", made.dataset.digest, policy="asking", split="test")
    assert found.gated
    assert [(one.slice, one.outcome) for one in found.gated.verdict.results[1:]] == [
        ("perturbation=typing-noise", "passed"),
        ("perturbation=other-units", "reported"),
        ("measure=size_mib", "passed"),
        ("measure=latency_ratio", "not-judged"),  # the champion itself
    ]
    assert replay(found.gated.evidence.path).differing == []
    assert "robust [perturbation=typing-noise]: accuracy is" in found.text()
    screened = run_evaluation(made.store, "tiny", made.dataset.digest, policy="asking")
    assert screened.gated and len(screened.gated.verdict.results) == 1, "on the validation split nobody asks"

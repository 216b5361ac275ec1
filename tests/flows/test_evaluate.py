"""Any model, judged on any sealed version without being trained; every look is stated before it is made."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flows.cli import galen
from flows.evaluating import run_evaluation
from tasks.config.data import SplitSettings
from tasks.data.version import DatasetVersion
from tasks.digest import digest_bytes
from tasks.errors import GateRejected, InputError, IntegrityError
from tasks.evaluation import policy as policies
from tasks.evaluation.replay import replay
from tasks.lineage import ledger, recording
from tasks.lineage.audit import audit
from tasks.lineage.trace import trace
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.bases import locate_base
from tests.factories import seal_rows
from tests.flows.released import RECIPE, Made
from tests.lineage.chain import ORIGIN
from tests.rows import rows

POLICY = """\
name: minute
task: text-classification
description: what a minute model reaches, and what it is compared with
gates:
  - {{name: learned, kind: threshold, metric: accuracy, min: {least}}}
  - {{name: champion, kind: not-worse-than-champion, metric: accuracy, tolerance: 0.5}}
  - {{name: anchor, kind: not-worse-than-anchor, metric: accuracy, tolerance: 0.5}}
  - {{name: rival, kind: better-than-rival, rival: majority label, metric: accuracy}}
  - {{name: parent, kind: not-worse-than-parent, metric: accuracy, tolerance: 0.9}}
  - {{name: gap, kind: train-gap, max: 100}}
"""


@pytest.fixture
def minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], str]:
    """Write a policy that asks for an accuracy; its name."""
    monkeypatch.setattr(policies, "POLICIES", tmp_path)

    def write(least: float) -> str:
        (tmp_path / "minute.yaml").write_text(POLICY.format(least=least))
        return "minute"

    return write


def looked(store: Store) -> list[Any]:
    return ledger.events(store, "looked")


def command(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(galen, ["evaluate", *arguments])
    assert getattr(result.exception, "exit_code", result.exit_code) == code, result.output
    return result


def alone(store: Store) -> DatasetVersion:
    """A test set alone."""
    test = rows("text-classification", 40, seed=9)
    return seal_rows(store, "text-classification", {"train": [], "validation": [], "test": test}, name="exam")


def test_without_a_split_the_validation_split_is_measured_and_nobody_looks(made: Made) -> None:
    before = len(looked(made.store))
    said = json.loads(command("tiny", "--data", made.dataset.digest, "--json").stdout)
    assert (said["model"], said["version"], said["split"], said["look"]) == ("tiny", 1, "validation", None)
    assert said["records"] == said["of"] == made.dataset.meta.counts["validation"]
    assert (
        said["metrics"]["accuracy"]["low"] <= said["metrics"]["accuracy"]["value"] and "language=en" in said["slices"]
    )
    assert {one["rival"] for one in said["against"]} == {"majority label", "nearest train text"}
    assert any("its best step was chosen" in note for note in said["notes"])
    assert len(looked(made.store)) == before
    assert ledger.events(made.store)[-1].kind == "evaluated"
    text = command("tiny@anchor", "--data", made.dataset.digest).stdout
    assert "category=skin" in text and "label=skin" in text and "majority label" in text
    for row in made.dataset.rows("validation"):
        assert row["text"] not in text and row["record_id"] not in text


def test_a_look_is_stated_before_it_is_made_and_counts_once(made: Made) -> None:
    exam = alone(made.store)
    told = []

    def tell(line: str) -> None:
        told.append(line)
        assert ledger.events(made.store)[-1].kind == "looked", "stated already"
        evaluations = [one.meta["test"] for one in made.store.all("evaluation")]
        assert exam.split_digest("test") not in evaluations, "and nothing was measured yet"

    found = run_evaluation(made.store, "tiny", exam.digest, tell=tell)
    assert found.evaluation.split == "test", "a test set alone has no other split"
    groups = exam.meta.groups["test"]
    assert told == [f"look 1 at {groups} test groups since the anchor, 51 left by policy classification-default"]
    [event] = looked(made.store)[1:]
    version = ledger.events(made.store, "registered")[-1]
    assert event.facts["purpose"] == "evaluate" and event.facts["artifact"] == version.facts["adapter"]
    again = run_evaluation(made.store, "tiny@1", exam.digest)
    assert again.look and "counts once" in again.look and len(looked(made.store)) == 2
    assert run_evaluation(made.store, "tiny", made.dataset.digest, split="test").look
    assert len(looked(made.store)) == 3, "its own retraining's look counts as well, for another purpose"


def test_audit_and_trace_see_it(made: Made) -> None:
    exam = alone(made.store)
    recording.record_sealed(made.store, exam, ORIGIN)
    run_evaluation(made.store, "tiny", exam.digest)
    text = audit(made.store, "tiny@1").text()
    assert "look at the test split of exam" in text and "to evaluate" in text
    [one] = [one for one in trace(made.store, exam.rows("test")[0]["record_id"]).found if one.name == "exam"]
    assert [(use.model, use.how, use.versions) for use in one.models] == [("tiny", "judged on", (1,))]


def test_gates_judge_what_is_there_and_the_evidence_says_it_again(made: Made, minute: Callable[[float], str]) -> None:
    found = run_evaluation(made.store, "tiny", made.dataset.digest, policy=minute(0.1), split="test")
    assert found.gated
    outcomes = {one.name: one.outcome for one in found.gated.verdict.results}
    assert outcomes == {
        "learned": "passed",
        "champion": "not-judged",
        "anchor": "not-judged",
        "rival": outcomes["rival"],
        "parent": "passed",
        "gap": "passed",
    }
    assert outcomes["rival"] in ("passed", "failed")
    assert any("it is the champion itself" in note for note in found.notes)
    assert replay(found.gated.evidence.path).differing == []
    assert not [one for one in ledger.events(made.store)[-3:] if one.kind in ("judged", "screened")]


def test_only_a_gate_that_failed_ends_with_3(made: Made, minute: Callable[[float], str]) -> None:
    exam = alone(made.store)
    found = run_evaluation(made.store, "tiny", exam.digest, policy=minute(0.0))
    assert found.gated
    [rival] = [one for one in found.gated.verdict.results if one.name == "rival"]
    assert rival.outcome == "not-judged" and any("no train records" in note for note in found.notes)
    found.raise_if_failed()
    result = command("tiny", "--data", exam.digest, "--policy", minute(1.0), code=3)
    assert "failed         learned: accuracy is" in result.stdout
    with pytest.raises(GateRejected, match=r"(?s)tiny version 1 failed 1 of 6 gates.*learned: accuracy"):
        run_evaluation(made.store, "tiny", exam.digest, policy="minute").raise_if_failed()


def test_on_the_validation_split_gates_only_screen(made: Made, minute: Callable[[float], str]) -> None:
    before = len(looked(made.store))
    found = run_evaluation(made.store, "tiny", made.dataset.digest, policy=minute(0.1))
    assert found.gated and found.gated.screened and "by estimates" in found.text()
    assert replay(found.gated.evidence.path).differing == []
    assert len(looked(made.store)) == before


def test_a_sealed_folder_is_that_version_where_the_ledger_knows_it(made: Made, tmp_path: Path) -> None:
    served = tmp_path / "served"
    made.folder(made.quantized, served / "model")
    found = run_evaluation(made.store, str(served), made.dataset.digest)
    assert found.one.version and found.one.version.number == 1
    elsewhere = Store(tmp_path / "other")
    exam = alone(elsewhere)
    stranger = run_evaluation(elsewhere, str(served / "model"), exam.digest)
    assert stranger.one.version is None and stranger.one.name == f"folder-{made.quantized[:12]}"
    assert stranger.look and "no policy says" in stranger.look
    assert looked(elsewhere)[0].facts["artifact"] == made.merged, "as far as it is known what training made"
    assert any("is not on this machine" in note for note in stranger.notes)
    weights = served / "model" / "model.safetensors"
    data = weights.read_bytes()
    weights.chmod(0o600)
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    command(str(served), "--data", made.dataset.digest, code=6)
    with pytest.raises(IntegrityError, match=r"model\.safetensors was changed"):
        run_evaluation(elsewhere, str(served), exam.digest)
    assert len(looked(elsewhere)) == 1


def test_records_that_a_model_learned_from_are_counted(made: Made) -> None:
    known, new = made.dataset.rows("train")[:5], rows("text-classification", 20, seed=9)
    exam = seal_rows(made.store, "text-classification", {"train": [], "validation": [*known, *new], "test": new})
    assert any(
        "it learned from 5 of the 25 records" in note for note in run_evaluation(made.store, "tiny", exam.digest).notes
    )


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        ("none", None, "no such model and no such folder"),
        ("tiny@7", None, "no such version"),
        ("none@champion", None, "no version of this model"),
        ("./nowhere", None, "no such model and no such folder"),
        ("", None, "no such model and no such folder"),
        ("~nobody-of-that-name/x", None, "no such model and no such folder"),
        ("a/" + "x" * 5000, None, "no such model and no such folder"),
        ("a/\0", None, "no such model and no such folder"),
        ("tiny", "no-such-data", "no-such-data"),
        ("tiny", "../keys", "../keys"),
        ("tiny", "0" * 64, "0000"),
    ],
)
def test_what_is_not_there_is_named(made: Made, model: str, data: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_evaluation(made.store, model, data or made.dataset.digest)


def test_an_empty_split_and_a_folder_that_is_no_model_are_named(made: Made, tmp_path: Path) -> None:
    exam = alone(made.store)
    with pytest.raises(InputError, match="the validation split has no records to judge"):
        run_evaluation(made.store, "tiny", exam.digest, split="validation")
    with pytest.raises(InputError, match="this is a sealed dataset, and no model"):
        run_evaluation(made.store, str(made.store.folder(exam.digest)), exam.digest)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"config\.json"):
        run_evaluation(made.store, str(tmp_path / "empty"), exam.digest)
    with pytest.raises(InputError, match="no such file"):
        run_evaluation(made.store, "tiny", exam.digest, policy="none")
    assert len(looked(made.store)) == 1


def test_a_version_that_nobody_approved_says_so_and_meets_the_champion(
    made: Made, minute: Callable[[float], str]
) -> None:
    artifact = made.store.load(made.quantized)
    again = made.store.root / "staging" / "again"
    shutil.copytree(artifact.path, again)
    meta = artifact.meta | {"training": artifact.meta["training"] | {"steps": 99}}
    other = made.store.adopt(again, "quantized", meta)
    judged = ledger.events(made.store, "judged")[-1]
    verdict = judged.facts | {"artifact": other.digest}
    event = ledger.append(made.store, "judged", {"model/tiny/quantized": other.digest}, verdict, version=judged.version)
    recording.record_registered(
        made.store, "tiny", other, event.digest, merged=made.merged, adapter=digest_bytes(b"another"), origin=ORIGIN
    )
    found = run_evaluation(made.store, "tiny@2", made.dataset.digest, policy=minute(0.1), split="test")
    assert any("tiny version 2 was never promoted: nobody has approved it" in note for note in found.notes)
    assert found.gated
    outcomes = {one.name: one.outcome for one in found.gated.verdict.results}
    assert outcomes["champion"] == "passed", "the same weights lose nothing"
    assert outcomes["anchor"] == "not-judged", "another policy than its own: only what nobody saw would count"


def test_nothing_is_trained_on_a_test_set_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import inputs

    exam = SimpleNamespace(task="text-classification", split=SplitSettings(validation=0, test=1))
    monkeypatch.setattr(inputs, "one_dataset", lambda _: exam)
    with pytest.raises(InputError, match=r"(?s)a test set alone.*factory.*galen evaluate"):
        inputs.check_dataset(RECIPE)


def test_a_bench_on_a_declared_dataset_looks_too(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench import quality

    version = ledger.events(made.store, "registered")[-1]
    base = locate_base(made.store, ModelMeta.read(made.store.load(made.merged)).base.digest)
    found = quality.galen(made.store, RECIPE, RECIPE.seed, made.dataset, base)
    assert 0 <= found["quality"] <= 1
    assert looked(made.store)[-1].facts["artifact"] == version.facts["adapter"], "trained before, so not again"
    monkeypatch.setattr(sys, "executable", "false")
    for seed in (1, 2):
        with pytest.raises(SystemExit, match="the script failed"):
            quality.script(made.store, RECIPE, seed, made.dataset, base, 8)
    purposes = [event.facts["purpose"] for event in looked(made.store)]
    assert purposes == ["retrain", "compare", "compare", "compare"], "each stated before it was made"

"""A real model, minute and well trained, and copies of it with changed bytes: what they do is measured, not assumed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from flows import cli
from tasks.config.release import Quantization
from tasks.config.training import BaseModelRef, Training
from tasks.errors import GateRejected, InputError
from tasks.evaluation import policy
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gates.threshold import Threshold
from tasks.evaluation.judge import Judged, judge
from tasks.lineage import recording
from tasks.lineage.ledger import events
from tasks.meta.evaluation import EvaluationMeta
from tasks.meta.form import Form
from tasks.release.harmed_bytes import Workshop
from tasks.release.harmed_files import FileHarm
from tasks.release.register import register
from tasks.release.rehearsal import rehearse
from tasks.store import Store
from tasks.training.recipe import Recipe
from tests.factories import seal_rows, tiny_bert
from tests.lineage.chain import ORIGIN
from tests.release.conftest import ANSWERS
from tests.rows import Row, rows

GATES: list[dict[str, Any]] = [
    {"name": "better-than-base", "kind": "better-than-base", "metric": "macro_f1", "significant": True},
    {"name": "better-than-rule", "kind": "better-than-rival", "metric": "macro_f1", "rival": "majority label"},
    {"name": "champion", "kind": "not-worse-than-champion", "metric": "macro_f1", "tolerance": 0.05},
    {"name": "anchor", "kind": "not-worse-than-anchor", "metric": "macro_f1", "tolerance": 0.3},
    {"name": "calibration", "kind": "not-worse-than-champion", "metric": "calibration_error", "tolerance": 0.1},
    {"name": "parent", "kind": "not-worse-than-parent", "metric": "macro_f1", "tolerance": 0.05},
    {"name": "flips", "kind": "harmful-flips", "max": 0.15},
    {
        "name": "majority",
        "kind": "not-worse-than-rival",
        "metric": "accuracy",
        "rival": "majority label",
        "tolerance": 0.1,
    },
    {
        "name": "category",
        "kind": "not-worse-than-champion",
        "metric": "accuracy",
        "slice": "category=*",
        "tolerance": 0.1,
    },
    {"name": "overfitted", "kind": "train-gap", "max": 1.0},
    {"name": "served", "kind": "served-as-judged", "tolerance": 0.05},
]


def records(n: int, first: int) -> list[Row]:
    found = rows("text-classification", n, seed=first)
    for place, row in enumerate(found):
        row["group_id"] = f"{first}-{place}"
        if place % 11 == 0:
            row["text"] = row["text"].replace("the", "The").capitalize()
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Path:
    """A `GALEN_HOME` with one registered version, and a policy that it passes."""
    from tasks.release.merge import merge
    from tasks.release.quantize import quantize
    from tasks.training.resolve import resolve_base
    from tasks.training.train import finetune

    place = tmp_path_factory.mktemp("mutation")
    store = Store(place / "home")
    store.root.mkdir()
    shutil.copy(mlflow_template, store.root / "mlflow.db")
    (place / "policies").mkdir()
    write_policy(place / "policies", GATES)
    ref = BaseModelRef(folder=str(tiny_bert(place / "base")))
    recipe = Recipe(
        model="tiny",
        task="text-classification",
        intended_use="tests of the mutation score",
        base_model=ref,
        dataset="factory",
        method={"name": "lora", "rank": 8, "alpha": 16},
        training=Training(max_steps=40, batch_tokens=512, learning_rate=1e-2, checkpoints=0, evaluations=1),
        evaluation=ANSWERS,
        policy="strict",
    )
    split = {"train": records(300, 1), "validation": records(96, 2), "test": records(64, 3)}
    dataset = seal_rows(store, "text-classification", split)
    adapter = finetune(store, recipe, dataset, resolve_base(store, ref))
    merged = merge(store, adapter)
    quantized = quantize(store, merged, Quantization())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "POLICIES", place / "policies")
        protocol = policy.protocol_of(recipe)
    measured = evaluate(store, quantized, dataset, ANSWERS)
    recording.record_sealed(store, dataset, ORIGIN)
    recording.record_protocol(store, recipe, dataset, protocol, "f" * 64, ORIGIN)
    recording.record_evaluated(store, "tiny", "candidate", Form.QUANTIZED, measured, ORIGIN)
    passed = judged_by_a_threshold(protocol, measured)
    event = recording.record_judged(store, "tiny", quantized, passed, protocol, dataset, ORIGIN)
    register(
        store,
        Judged(quantized, measured, passed),
        "tiny",
        judged_event=event.digest,
        merged=merged.digest,
        adapter=adapter.digest,
        origin=ORIGIN,
    )
    return place


def judged_by_a_threshold(protocol: Any, measured: Evaluation) -> Any:
    """How it came to be registered is of no matter here: by what a first release can be judged by."""
    gate = Threshold(name="good", kind="threshold", metric="macro_f1", min=0.1)
    return judge(replace(protocol, gates=(gate,)), Evidence(measured, first_release=True))


def write_policy(folder: Path, gates: list[dict[str, Any]], name: str = "strict") -> None:
    text = {"name": name, "task": "text-classification", "description": "for tests", "gates": gates}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(text))


@pytest.fixture
def store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("GALEN_HOME", str(home / "home"))
    monkeypatch.setattr(policy, "POLICIES", home / "policies")
    return Store(home / "home")


@pytest.fixture(scope="module")
def said(home: Path) -> dict[str, Any]:
    """What `galen policy test` says, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GALEN_HOME", str(home / "home"))
        patch.setattr(policy, "POLICIES", home / "policies")
        arguments = ["policy", "test", "strict", "--model", "tiny@1", "--seed", "5", "--json"]
        result = CliRunner().invoke(cli.galen, arguments)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found


def test_at_least_eight_harms_of_changed_bytes_are_noticed_by_gates_meant_for_them(said: dict[str, Any]) -> None:
    bytes_ = [one for one in said["plantings"] if one["planted_in"] != "scores" and one["why_not"] is None]
    assert len(bytes_) >= 12 and {one["planted_in"] for one in bytes_} == {"weights", "served files"}
    assert [one["harm"] for one in bytes_ if not one["by_meant"]] == []
    assert said["planted"] >= 36 and said["share"] == 1.0 and said["twin"] == [] and said["seed"] == 5


def test_what_changed_bytes_cost_is_measured(said: dict[str, Any]) -> None:
    found = {one["harm"]: one for one in said["plantings"]}
    assert float(found["noise-on-the-head"]["strength"].split()[1]) >= 0.075, "one and a half times the margin"
    assert found["weight-is-no-number"]["strength"] == "macro_f1 is no number"
    assert found["served-code-replaced"]["caught_by"] == ["served"]
    assert found["served-file-changed"]["strength"] == "32 of 32 answers as served", "served.py refuses to load it"
    assert found["labels-swapped-in-config"]["caught_by"] == ["served"], (
        "what is judged is not what the README's code says"
    )
    assert found["made-from-another-form"]["caught_by"] == ["parent", "flips"]
    assert "merged" not in found["merged-twice"]["strength"] and found["merged-twice"]["by_meant"]
    assert found["end-token-dropped"]["why_not"] and found["one-language-damaged"]["why_not"]


def test_nothing_of_a_test_is_kept_or_stated(home: Path, said: dict[str, Any]) -> None:
    store = Store(home / "home")
    assert list((store.root / "staging").iterdir()) == []
    assert {one.kind for one in store.all("quantized")} == {"quantized"} and len(store.all("quantized")) == 1
    assert {event.kind for event in events(store)} == {
        "dataset-sealed",
        "protocol-fixed",
        "evaluated",
        "judged",
        "registered",
    }
    assert {one.split for one in map(EvaluationMeta.read, store.all("evaluation"))} == {"test", "validation"}


def test_a_copy_to_which_nothing_was_done_passes(store: Store, tmp_path: Path) -> None:
    found = rehearse(store, "strict", "tiny@1")
    workshop = Workshop(store, Store(tmp_path), found)
    nothing = FileHarm("nothing", "nothing", ())
    case = workshop.case_with(nothing, workshop.harmed(nothing, 1, 1.0))
    assert all(verdict.passed for verdict in case.verdicts().values())
    assert case.scores.values.tolist() == found.case.scores.values.tolist()


def test_a_model_that_does_not_pass_by_itself_shows_nothing(store: Store, home: Path) -> None:
    hard = {"name": "hard", "kind": "threshold", "metric": "macro_f1", "min": 0.9999}
    write_policy(home / "policies", [hard], "hard")
    result = CliRunner().invoke(cli.galen, ["policy", "test", "hard", "--model", "tiny@1", "--test"])
    assert isinstance(result.exception, GateRejected) and result.exception.exit_code == 3
    assert "the unharmed tiny@1 does not pass hard" in str(result.exception) and "of the test split" in result.output
    other = CliRunner().invoke(cli.galen, ["policy", "test", "qa-default", "--model", "tiny@1"])
    assert isinstance(other.exception, InputError)

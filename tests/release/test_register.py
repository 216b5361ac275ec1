from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from flows.cli.show import models_table
from tasks.artifact import verify
from tasks.data.version import DatasetVersion
from tasks.errors import GateRejected, InputError, IntegrityError, Interrupted
from tasks.evaluation.gate import GateResult
from tasks.evaluation.judge import Judged, Verdict
from tasks.lineage import ledger, recording
from tasks.lineage.event import Event
from tasks.meta.form import Form
from tasks.release.ask import ask
from tasks.release.listing import models
from tasks.release.register import Version, promote, register, resolve
from tasks.store import Store
from tasks.tracking import address, registry, runs
from tasks.training.fourbit import keep_unpacked
from tests.lineage.chain import ORIGIN, evaluation_of
from tests.release.conftest import Candidate, Candidates

pytestmark = pytest.mark.usefixtures("mlflow_store")


def client(store: Store) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address.uri(store), registry_uri=address.uri(store))


def judge(
    store: Store, made: Candidate, *, passed: bool = True, rules: Mapping[str, Any] = MappingProxyType({})
) -> tuple[Judged, Event]:
    """A verdict on the quantized form, stated in the ledger as a run would."""
    dataset, protocol = DatasetVersion(made.dataset), SimpleNamespace(digest="e" * 64, policy="default", screens=False)
    evaluation = evaluation_of(store, made.quantized, dataset)
    gate = GateResult("quality", None, "passed" if passed else "failed", "0.8, at least 0.5 is asked", 0.8, 0.5)
    verdict = Verdict(made.quantized.digest, evaluation.digest, "e" * 64, (gate,))
    recording.record_sealed(store, dataset, ORIGIN)
    fixed = SimpleNamespace(digest=protocol.digest, plain=lambda: dict(rules))
    recording.record_protocol(store, made.recipe, dataset, fixed, "f" * 64, ORIGIN)  # type: ignore[arg-type]
    recording.record_evaluated(store, "tiny", "candidate", Form.QUANTIZED, evaluation, ORIGIN)
    event = recording.record_judged(store, "tiny", made.quantized, verdict, protocol, dataset, ORIGIN)  # type: ignore[arg-type]
    return Judged(made.quantized, evaluation, verdict), event


def release(store: Store, made: Candidate, rules: Mapping[str, Any] = MappingProxyType({}), **more: Any) -> Version:
    judged, event = judge(store, made, rules=rules)
    return register(
        store,
        judged,
        "tiny",
        judged_event=event.digest,
        merged=made.merged.digest if made.merged_form else None,
        adapter=made.adapter.digest,
        origin=ORIGIN,
        **more,
    )


def another(store: Store, made: Candidate) -> Candidate:
    """The same weights as a different artifact: what a second training would bring."""
    again = store.root / "staging" / "again"
    shutil.copytree(made.quantized.path, again)
    meta = made.quantized.meta | {"training": made.quantized.meta["training"] | {"steps": 99}}
    return replace(made, quantized=store.adopt(again, "quantized", meta))


def test_the_judged_bytes_become_a_version_and_then_champion(store: Store, candidate: Candidates) -> None:
    made = candidate()
    with runs.open_run(store, "tiny", "run") as run:
        version = release(store, made, run=run)
    assert version.number == 1 and registry.aliases(store, "tiny") == {"candidate": 1}
    held = client(store).get_model_version("tiny", "1")
    assert held.run_id == run.run_id and held.tags["galen.artifact"] == made.quantized.digest
    assert held.tags["galen.merged"] == made.merged.digest and held.tags["galen.adapter"] == made.adapter.digest
    assert held.tags["galen.registered"] == version.registered.digest
    for text in ("tests of the release steps", "macro_f1 | 0.8 | 0.7 to 0.9", "quality: passed", "CC0-1.0"):
        assert text in held.description
    copy = registry.fetch(store, held.source, Path("unused")) / "artifacts" / made.quantized.digest
    verify(store.load(made.quantized.digest))
    assert {f.name: f.read_bytes() for f in copy.iterdir()} == {
        f.name: f.read_bytes() for f in made.quantized.path.iterdir()
    }
    assert not [file for file in copy.parent.parent.rglob("*") if file.suffix in (".pkl", ".pickle", ".bin")]

    promoted = promote(store, version, ORIGIN)
    assert registry.aliases(store, "tiny") == {"champion": 1}
    assert promoted.promoted is not None and promote(store, promoted, ORIGIN) == promoted
    assert len(ledger.events(store, "promoted")) == 1

    second = promote(store, release(store, another(store, made)), ORIGIN)
    assert second.number == 2 and registry.aliases(store, "tiny") == {"champion": 2, "previous": 1}
    assert resolve(store, "tiny@previous")[0].number == 1 and resolve(store, second.artifact)[0] == second
    with pytest.raises(InputError, match="older than the champion"):
        promote(store, resolve(store, "tiny@1")[0], ORIGIN)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_mlflow_serves_the_champion_by_alias_and_answers_as_galen_does(
    store: Store, candidate: Candidates, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc
    from fastapi.testclient import TestClient
    from mlflow.pyfunc import scoring_server

    questions = ["What is a sign of asthma?", "湿疹有什么症状？"]
    promote(store, release(store, candidate("causal-lm", method)), ORIGIN)
    monkeypatch.setenv(address.URI, address.uri(store))
    model = mlflow.pyfunc.load_model("models:/tiny@champion")
    loaded = keep_unpacked(model.unwrap_python_model().model)  # one kernel for both, else near ties may differ
    answers = model.predict(questions)
    assert answers == model.predict(pd.DataFrame({"question": questions}))
    server = TestClient(scoring_server.init(model))
    for body in (
        {"inputs": questions},
        {"dataframe_split": {"columns": ["question"], "data": [[one] for one in questions]}},
        {"dataframe_records": [{"question": one} for one in questions]},
    ):
        assert server.post("/invocations", json=body).json() == {"predictions": answers}
    refused = server.post("/invocations", json={"dataframe_records": [{"id": 1, "question": "?"}]})
    assert refused.status_code == 400 and "one column" in refused.text
    monkeypatch.setattr("tasks.training.opening.native_dtype", lambda: loaded.dtype)
    assert answers == [ask(store, "tiny@champion", question) for question in questions]


def test_labels_and_mentions_are_served_too(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv(address.URI, address.uri(store))
    made = candidate("text-classification")
    promote(store, release(store, made), ORIGIN)
    (label,) = mlflow.pyfunc.load_model("models:/tiny@champion").predict(["the patient has asthma today"])
    assert label in made.quantized.meta["labels"]
    assert ask(store, "tiny@champion", "the patient has asthma today").startswith(f"{label} (0.")


def test_mentions_are_served(store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow.pyfunc

    monkeypatch.setenv(address.URI, address.uri(store))
    made = candidate("token-classification")
    promote(store, release(store, made), ORIGIN)
    text = "the patient has severe asthma, today."
    lines = [line.split("\t") for line in ask(store, "tiny@champion", text).splitlines()]
    assert [word for word, _ in lines] == ["the", "patient", "has", "severe", "asthma", ",", "today", "."]
    assert {tag for _, tag in lines} <= set(made.quantized.meta["labels"])
    (found,) = mlflow.pyfunc.load_model("models:/tiny@champion").predict([text])
    named = [word for line in found.splitlines() for word in line.partition(": ")[2].split()]
    assert named == [word for word, tag in lines if tag != "O"]


def test_only_a_judged_quantized_model_is_registered(store: Store, candidate: Candidates) -> None:
    made = candidate()
    with pytest.raises(GateRejected, match="did not pass"):
        judge(store, made, passed=False)
    judged, event = judge(store, made)
    merged = replace(judged, evaluation=judged.evaluation)
    object.__setattr__(merged, "artifact", made.merged)
    with pytest.raises(InputError, match="quantized form"):
        register(store, merged, "tiny", judged_event=event.digest, merged=None, adapter=None)
    (made.quantized.path / "config.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"config\.json was changed"):
        register(store, judged, "tiny", judged_event=event.digest, merged=None, adapter=None)
    assert ledger.events(store, "registered") == [] and registry.versions(store, "tiny") == {}


def test_other_bytes_in_mlflow_are_noticed_before_anything_is_stated(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = registry.upload_model

    def wrong(*given: Any) -> registry.Upload:
        upload = right(*given)
        (victim,) = Path(upload.location).rglob("model.safetensors")
        victim.write_bytes(victim.read_bytes()[:-1] + b"x")
        return upload

    monkeypatch.setattr(registry, "upload_model", wrong)
    with pytest.raises(IntegrityError, match=r"model\.safetensors was changed"):
        release(store, candidate())
    assert ledger.events(store, "registered") == [] and registry.versions(store, "tiny") == {}


@pytest.mark.parametrize("killed_at", ["add_version", "set_alias"])
def test_a_run_killed_between_ledger_and_mlflow_is_repaired(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    made = candidate()
    judged, event = judge(store, made)

    def again() -> Version:
        merged, adapter = made.merged.digest, made.adapter.digest
        return register(store, judged, "tiny", judged_event=event.digest, merged=merged, adapter=adapter)

    with monkeypatch.context() as patch:
        patch.setattr(registry, killed_at, lambda *_, **__: (_ for _ in ()).throw(Interrupted("killed")))
        with pytest.raises(Interrupted):
            again()
    assert registry.aliases(store, "tiny") == {} and len(ledger.events(store, "registered")) == 1
    assert again().number == 1
    assert list(registry.versions(store, "tiny")) == [1] and len(ledger.events(store, "registered")) == 1
    assert registry.aliases(store, "tiny") == {"candidate": 1}


def test_a_champion_that_was_changed_is_not_used(store: Store, candidate: Candidates) -> None:
    made = candidate()
    promote(store, release(store, made), ORIGIN)
    for weights in store.root.rglob(f"{made.quantized.digest}/model.safetensors"):  # MLflow's copy, too
        data = weights.read_bytes()
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError, match=r"model\.safetensors was changed"):
        resolve(store, "tiny@champion")


def test_models_lists_versions_roles_and_rejections(store: Store, candidate: Candidates) -> None:
    made = candidate()
    assert models(store) == []
    promote(store, release(store, made), ORIGIN)
    with pytest.raises(GateRejected):
        judge(store, another(store, made), passed=False)
    released, rejected = models(store, "tiny")
    assert (released["version"], released["roles"], released["verdict"]) == (1, ["champion"], "passed")
    assert released["artifact"] == made.quantized.digest and released["adapter"] == made.adapter.digest
    assert (rejected["version"], rejected["verdict"]) == (None, "rejected")
    assert released["standing"] == "older rules", "its policy is not among those of today"
    assert (released["approved_by"], released["metric"], released["value"]) == (None, "macro_f1", 0.8)
    text = models_table(models(store))
    assert "rejected by a gate, so never a version" in text and "0 of 1 gates passed, 1 failed" in text
    assert rejected["reasons"] == ["quality: 0.8, at least 0.5 is asked"]
    with pytest.raises(InputError, match="models: tiny"):
        models(store, "other")


@pytest.mark.parametrize("question", ["", "  "])
def test_nothing_asked(store: Store, question: str) -> None:
    with pytest.raises(InputError, match="nothing was asked"):
        ask(store, "tiny@champion", question)

"""A policy that nobody approved promotes nothing; what was approved is its rules, to the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from flows import cli
from flows.inputs import decided_before
from tasks.data import params
from tasks.errors import ApprovalNeeded, InputError
from tasks.evaluation import policy
from tasks.evaluation.policy import load_policy, protocol_of
from tasks.lineage import ledger, recording
from tasks.lineage.audit import audit
from tasks.lineage.roles import roles
from tasks.lineage.waiting import unmet, waits_for
from tasks.release.register import approve, promote
from tasks.store import Store
from tests.lineage.chain import ORIGIN, build_chain, protocol_named
from tests.release.conftest import Candidates
from tests.release.test_register import release

JO: Any = {"by": "Jo Doe", "reason": "gates discussed"}
RULES = "d" * 64
POLICY: dict[str, Any] = {
    "name": "strict",
    "task": "text-classification",
    "description": "for tests",
    "gates": [{"name": "good", "kind": "threshold", "metric": "macro_f1", "min": 0.5}],
}


@pytest.fixture
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(policy, "POLICIES", tmp_path)
    write(tmp_path)
    return tmp_path


def write(folder: Path, **changed: Any) -> None:
    (folder / "strict.yaml").write_text(yaml.safe_dump(POLICY | changed))


def galen(*arguments: str) -> str:
    result = CliRunner().invoke(cli.galen, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def approve_rules(store: Store) -> None:
    recording.record_policy_approved(store, load_policy("strict"), name="Jo Doe", reason="read", origin=ORIGIN)


@pytest.mark.usefixtures("mlflow_store")
def test_neither_a_run_nor_a_person_promotes_by_it(store: Store, candidate: Candidates, policies: Path) -> None:
    version = release(store, candidate(), {"policy": "strict", "policy_rules": load_policy("strict").digest})
    refused = r"(?s)policy strict is not approved.*galen policy approve strict"
    with pytest.raises(ApprovalNeeded, match=refused):
        promote(store, version)
    with pytest.raises(ApprovalNeeded, match=refused):
        approve(store, "tiny@1", **JO)
    assert roles(store, "tiny").champion is None
    assert ledger.events(store, "approved") == [], "an approval that was refused is none"
    assert "approved by nobody yet" in audit(store, "tiny@1").text()
    approve_rules(store)
    assert approve(store, "tiny@1", **JO).promoted
    said = audit(store, "tiny@1")
    assert "approved by Jo Doe: read" in said.text()
    assert not [node for node in said.faults if node.name == "policy strict"]


def test_an_approval_of_other_rules_does_not_count(store: Store, policies: Path) -> None:
    approve_rules(store)
    write(policies, gates=[POLICY["gates"][0] | {"min": 0.4}])
    chain = build_chain(store, policy="strict", rules=load_policy("strict").digest)
    recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    version = roles(store, "m").versions[0]
    assert unmet(store, version)
    inputs = ledger.events(store, "protocol-fixed")[-1].facts["inputs"]
    found = decided_before(store, "m", inputs, protocol_named("p"))
    assert found and found.outcome == "waiting" and "policy strict is not approved" in found.text
    assert found.hint and found.hint.startswith("galen policy approve strict")
    approve_rules(store)
    assert waits_for(store, version, protocol_named("strict")) is None, "the next run promotes it"
    assert decided_before(store, "m", inputs, protocol_named("p")) is None


def test_what_was_promoted_past_it_is_a_contradiction(store: Store) -> None:
    chain = build_chain(store, policy="strict", rules=RULES)
    recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    recording.record_promoted(store, "m", 1, origin=ORIGIN)
    found = [node for node in audit(store, "m@1").faults if node.name == "policy strict"]
    assert [node.status for node in found] == ["contradicted"]


def test_words_for_people_change_no_rules(policies: Path) -> None:
    digest = load_policy("strict").digest
    write(policies, description="in other words")
    assert load_policy("strict").digest == digest
    write(policies, approval="every")
    assert load_policy("strict").digest != digest


def test_a_protocol_says_which_rules_and_whether_the_data_are_the_samples(
    policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.lineage.chain import recipe

    entry = {"task": "text-classification", "format": "csv", "licence": "CC0-1.0"}
    sources = {"own": "data/own.csv", "sample": "data/sample/x.csv", "near": "data/sample/../own.csv"}
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump({"datasets": {name: entry | {"source": at} for name, at in sources.items()}}))
    monkeypatch.setattr(policy, "one_dataset", lambda name: params.one_dataset(name, file))
    found = {
        name: protocol_of(recipe().model_copy(update={"policy": "strict", "dataset": name}))
        for name in (*sources, "gone")
    }
    assert {name: one.sample for name, one in found.items()} == {
        "own": False,
        "sample": True,
        "near": False,
        "gone": False,
    }
    assert found["own"].rules == load_policy("strict").digest == found["own"].plain()["policy_rules"]
    assert found["own"].digest != found["sample"].digest


def test_the_command_states_who_and_why(store: Store, policies: Path) -> None:
    assert "nobody" in galen("policy", "list")
    said = galen("policy", "approve", "strict", "--by", "Jo Doe", "--reason", "gates discussed")
    assert load_policy("strict").digest[:12] in said
    assert "Jo Doe" in galen("policy", "list") and "gates discussed" in galen("policy", "list")
    [event] = ledger.events(store, "policy-approved")
    assert event.facts["settings"]["gates"][0]["min"] == 0.5
    write(policies, approval="every")
    assert "Jo Doe" not in galen("policy", "list")
    with pytest.raises(InputError, match="name and a reason"):
        galen("policy", "approve", "strict", "--by", " ", "--reason", "x")

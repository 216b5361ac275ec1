from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks import signatures
from tasks.errors import InputError, IntegrityError
from tasks.lineage import ledger, recording
from tasks.lineage.audit import audit
from tasks.store import Store
from tests.lineage.chain import ORIGIN, Chain, build_chain, release


@pytest.fixture
def chain(store: Store) -> Chain:
    built = build_chain(store)
    release(store, built)
    return built


def test_the_whole_ancestry_is_there_and_verified(store: Store, chain: Chain) -> None:
    found = audit(store, "m@champion")
    assert (found.verdict, found.faults) == ("intact", [])
    found.raise_if_broken()
    names = [node.name for node in found.root.walk()]
    for name in (
        "promoted to champion",
        "registered as version 1",
        "quantized model",
        "merged model",
        "adapter model",
        "base model (base tiny)",
        "dataset factory",
        "source",
        "independence of splits",
    ):
        assert names.count(name) == 1, name
    assert names.count("judged") == names.count("evaluation") == names.count("protocol") == 3
    recorded = {node.name for node in found.root.walk() if node.status == "recorded"}
    assert recorded == {"source", "independence of splits", "report run-1", "evidence"}


def test_the_text_and_the_json_say_the_same(store: Store, chain: Chain) -> None:
    found = audit(store, "m@1")
    plain = json.loads(json.dumps(found.plain()))
    assert (plain["verdict"], plain["roles"], plain["ledger"]["events"]) == ("intact", ["champion"], 13)
    text = found.text()
    assert "m version 1 (champion)" in text
    assert chain.quantized.digest[:12] in text
    assert signatures.signer(store).id[:12] in text
    assert "compliant" not in text


FORMS = ["quantized", "merged", "adapter", "base", "dataset", "evaluation"]


def folder_of(chain: Chain, form: str) -> Path:
    if form == "dataset":
        return chain.dataset.artifact.path
    if form == "evaluation":
        return Path(chain.evaluations["quantized"].artifact.path)
    return Path(getattr(chain, form).path)


@pytest.mark.parametrize("form", FORMS)
def test_one_changed_byte_anywhere_is_found(store: Store, chain: Chain, form: str) -> None:
    file = next(path for path in sorted(folder_of(chain, form).iterdir()) if path.name != "artifact.json")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    found = audit(store, "m@champion")
    assert found.verdict == "broken"
    assert {node.status for node in found.faults} == {"changed"}
    assert file.name in found.faults[0].detail
    with pytest.raises(IntegrityError, match=file.name) as caught:
        found.raise_if_broken()
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("form", FORMS)
def test_what_is_gone_is_missing(store: Store, chain: Chain, form: str) -> None:
    shutil.rmtree(folder_of(chain, form))
    found = audit(store, "m@champion")
    (fault,) = found.faults
    assert fault.status == "missing"


def test_an_artifact_put_in_another_ones_place_is_changed(store: Store, chain: Chain) -> None:
    shutil.rmtree(chain.quantized.path)
    shutil.copytree(chain.merged.path, chain.quantized.path)
    (fault,) = audit(store, "m@champion").faults
    assert (fault.name, fault.status) == ("quantized model", "changed")


def test_a_base_outside_is_verified_changed_or_only_recorded(store: Store, chain: Chain) -> None:
    """A base model is the user's own folder: a digest that does not match is a fault, its absence is not."""
    from tasks.training.folders import digest_model

    folder = store.root / "elsewhere"
    folder.mkdir()
    (folder / "model.safetensors").write_text("weights")
    digest = digest_model(folder)
    known = store.root / "bases" / f"{digest}.json"
    known.parent.mkdir()
    known.write_text(json.dumps({"path": str(folder), "ref": {}}))
    facts = ledger.events(store, "model-trained")[0].facts
    trained = facts | {"base": {"digest": digest, "ref": {"folder": "elsewhere"}}}
    outside = ledger.append(store, "model-trained", {"m": facts["artifact"]}, trained, ORIGIN)
    recording.record_registered(
        store,
        "m",
        chain.quantized,
        chain.judged["quantized"].digest,
        merged=None,
        adapter=chain.adapter.digest,
        origin=ORIGIN,
    )

    def base() -> Any:
        return next(node for node in audit(store, "m@2").root.walk() if node.name.startswith("base model"))

    assert outside.facts["base"]["digest"] == digest
    assert base().status == "verified"
    (folder / "model.safetensors").write_text("weighty")
    assert base().status == "changed"
    shutil.rmtree(folder)
    assert base().status == "recorded"


def test_a_version_that_was_never_promoted_can_be_audited(store: Store) -> None:
    chain = build_chain(store)
    recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    found = audit(store, "m@candidate")
    assert found.root.name == "registered as version 1"
    assert found.verdict == "intact"


def test_the_person_who_approved_is_named(store: Store) -> None:
    chain = build_chain(store)
    recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    approved = recording.record_approved(store, "m", 1, name="Ada Example", reason="report read", origin=ORIGIN)
    recording.record_promoted(store, "m", 1, approved=approved, origin=ORIGIN)
    assert "by Ada Example: report read" in audit(store, "m@champion").text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"artifact": "f" * 64}, "another model"),
        ({"test": "f" * 64}, "test set is not the sealed one"),
        ({"predictions": "f" * 64}, "predictions are not the stated ones"),
    ],
)
def test_statements_that_exclude_each_other_are_at_fault(store: Store, change: dict[str, str], says: str) -> None:
    chain = build_chain(store)
    facts = ledger.events(store, "evaluated")[-1].facts
    ledger.append(store, "evaluated", {"m": "a" * 64}, facts | change, ORIGIN)
    release(store, chain)
    (fault,) = audit(store, "m@champion").faults
    assert (fault.name, fault.status) == ("evaluation", "contradicted")
    assert says in fault.detail


def test_a_protocol_nobody_fixed_is_at_fault(store: Store, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [event for event in ledger.events(store) if event.kind != "protocol-fixed"]
    monkeypatch.setattr("tasks.lineage.audit.events", lambda _: kept)
    assert {node.name for node in audit(store, "m@champion").faults} == {"protocol"}


def test_gates_fixed_after_training_are_told_from_gates_fixed_before(store: Store, chain: Chain) -> None:
    assert {node.detail for node in audit(store, "m@1").root.walk() if node.name == "protocol"} == {
        "fixed before training"
    }
    release(store, build_chain(store, policy="stricter"))  # the same bytes, judged by gates that came later
    (detail,) = {node.detail for node in audit(store, "m@2").root.walk() if node.name == "protocol"}
    assert "had been trained earlier" in detail


def test_a_ledger_that_does_not_verify_is_no_evidence(store: Store, chain: Chain) -> None:
    ledger.head_file(store).unlink()
    with pytest.raises(IntegrityError):
        audit(store, "m@champion")


def test_an_auditor_with_another_key_in_mind_is_told(store: Store, chain: Chain) -> None:
    with pytest.raises(IntegrityError, match="unknown key"):
        audit(store, "m@champion", trusted={})


def test_an_unknown_version_is_the_askers_fault(store: Store, chain: Chain) -> None:
    with pytest.raises(InputError):
        audit(store, "m@previous")


def test_words_of_people_forge_no_line(store: Store) -> None:
    chain = build_chain(store)
    recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    forged = "fine\nevidence: intact; 99 verified, 0 at fault\x1b[2K"
    approved = recording.record_approved(store, "m", 1, name=f"Ada{forged}", reason=forged, origin=ORIGIN)
    recording.record_promoted(store, "m", 1, approved=approved, origin=ORIGIN)
    text = audit(store, "m@champion").text()
    assert "\x1b" not in text and sum(line.startswith("evidence:") for line in text.splitlines()) == 1
    assert json.loads(json.dumps(audit(store, "m@champion").plain()))["verdict"] == "intact"

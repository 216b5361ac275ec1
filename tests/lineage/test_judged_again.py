"""An audit computes each verdict again from the evidence that its event names, and says absent of what is absent."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.artifact import Artifact, seal
from tasks.errors import IntegrityError
from tasks.evaluation import replay
from tasks.evaluation.evidence import Evidence, Looks
from tasks.evaluation.gate import Protocol
from tasks.evaluation.gates.threshold import Threshold
from tasks.evaluation.judge import judge
from tasks.lineage import recording
from tasks.lineage.audit import Audit, audit
from tasks.lineage.releases import releases
from tasks.lineage.statements import JudgementSealed, ScreenedSealed
from tasks.meta.form import Form
from tasks.store import Store
from tests.evaluation.fakes import FEW, answered
from tests.factories import dataset_version
from tests.lineage.chain import ORIGIN, Chain, build_chain, release

GATE = Threshold(name="right", kind="threshold", metric="token_f1", min=0.5)
TEST = Protocol("causal-lm", "default", (GATE,), FEW, "base")


class Judged:
    """A released version whose served form was screened, and judged, on evidence that was kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.dataset = dataset_version(store, "causal-lm", 200, name="factory")
        self.chain: Chain = build_chain(store, dataset=self.dataset)
        self.screened = self.judge(TEST.screening)
        self.kept = self.judge(TEST)
        release(store, self.chain)

    def judge(self, protocol: Protocol, *, stated: Artifact | None = None) -> Artifact:
        """Judge the served form beside a base, and state it; the evidence."""
        store, form, dataset = self.store, self.chain.quantized, self.dataset
        measured = {
            name: answered(store, dataset, right, name=name, model=model, form=kind, split=protocol.split)
            for name, right, model, kind in (("m", 0.9, form.digest, "quantized"), ("base", 0.1, None, "base"))
        }
        for role, form_or_base, one in (("candidate", "quantized", "m"), ("base", "base", "base")):
            recording.record_evaluated(store, "m", role, form_or_base, measured[one], ORIGIN)  # type: ignore[arg-type]
        recording.record_protocol(store, self.chain.recipe, dataset, protocol, "1" * 64, ORIGIN)
        self.measured = measured["m"]
        evidence = Evidence(measured["m"], base=measured["base"], looks=Looks(2.5, 40))
        verdict = judge(protocol, evidence)
        kept = replay.keep(store, protocol, evidence, verdict)
        event = recording.record_judged(
            store, "m", form, verdict, protocol, dataset, ORIGIN, beside=evidence.beside, evidence=stated or kept
        )
        self.chain.judged["quantized"] = event
        assert event.subjects == {f"model/m/{Form.QUANTIZED}": form.digest, "evidence": (stated or kept).digest}
        return kept


@pytest.fixture
def judged(store: Store, monkeypatch: pytest.MonkeyPatch) -> Judged:
    monkeypatch.setattr("os.fsync", lambda _: None)
    return Judged(store)


def evidence_of(found: Audit) -> list[tuple[str, str]]:
    """Status and words of each node of kept evidence; other forms of the chain are an earlier Galen's."""
    nodes = [node for node in found.root.walk() if node.name == "evidence"]
    return [(node.status, node.detail) for node in nodes if "an earlier Galen" not in node.detail]


def test_verdicts_are_computed_again(store: Store, judged: Judged) -> None:
    found = audit(store, "m@champion")
    assert found.faults == [] and found.verdict == "intact"
    assert [status for status, _ in evidence_of(found)] == ["verified", "verified"]
    assert all("files hashed again; the verdict computed again: the same" in words for _, words in evidence_of(found))
    assert judged.kept.digest[:12] in found.text() and judged.screened.digest[:12] in found.text()
    assert found.text().count("an earlier Galen judged, whose ledger does not name it") == 2  # adapter, merged


@pytest.mark.parametrize("which", ["kept", "screened"])
def test_evidence_that_is_gone_is_absent(store: Store, judged: Judged, which: str) -> None:
    shutil.rmtree(getattr(judged, which).path)
    found = audit(store, "m@champion")
    (fault,) = found.faults
    assert (found.verdict, fault.name, fault.status) == ("incomplete", "evidence", "missing")
    with pytest.raises(IntegrityError, match="nothing but a backup brings it back") as caught:
        found.raise_if_broken()
    assert caught.value.exit_code == 6


@pytest.mark.parametrize("which", ["kept", "screened"])
@pytest.mark.parametrize("name", ["verdict.json", "evidence.json", "protocol.json"])
def test_evidence_that_was_changed_is_named(store: Store, judged: Judged, which: str, name: str) -> None:
    file: Path = getattr(judged, which).path / name
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    found = audit(store, "m@champion")
    (fault,) = found.faults
    assert (fault.name, fault.status) == ("evidence", "changed") and f"{name} was changed" in fault.detail
    with pytest.raises(IntegrityError) as caught:
        found.raise_if_broken()
    assert caught.value.exit_code == 6


def resealed(store: Store, kept: Artifact, tmp_path: Path, old: bytes, new: bytes) -> Artifact:
    """Evidence with another verdict, sealed as if nothing had happened."""
    folder = tmp_path / "forged"
    shutil.copytree(kept.path, folder)
    verdict = folder / replay.VERDICT
    assert old in verdict.read_bytes()
    verdict.write_bytes(verdict.read_bytes().replace(old, new))
    (folder / "artifact.json").unlink()
    digest = seal(folder, kept.kind, kept.meta)
    folder.rename(store.folder(digest))
    return store.load(digest)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"token_f1 is", b"token_f1 was", "its gates answered something else than the event states"),
        (b'"value":', b'"value":1', "right: passed was recorded"),
    ],
)
def test_a_verdict_that_its_evidence_does_not_give_is_contradicted(
    store: Store, judged: Judged, tmp_path: Path, old: bytes, new: bytes, said: str
) -> None:
    """Whoever holds the key states what they like; what was measured says otherwise."""
    judged.judge(TEST, stated=resealed(store, judged.kept, tmp_path, old, new))
    release(store, judged.chain)
    (fault,) = audit(store, "m@champion").faults
    assert (fault.name, fault.status) == ("evidence", "contradicted") and said in fault.detail


def test_evidence_of_another_judgement_is_contradicted(store: Store, judged: Judged) -> None:
    judged.judge(TEST, stated=judged.screened)
    release(store, judged.chain)
    (fault,) = audit(store, "m@champion").faults
    assert fault.status == "contradicted"
    assert "it is of another evaluation" in fault.detail and "it was judged by another protocol" in fault.detail


def test_a_report_says_of_each_release_how_many_looks_came_before(store: Store, judged: Judged) -> None:
    (one,) = releases(store, "m", "token_f1", judged.measured)
    assert (one.number, one.looks) == (1, 2.5)
    (judged.kept.path / "evidence.json").write_text("{}")
    assert [found.looks for found in releases(store, "m", "token_f1", judged.measured)] == [None]
    shutil.rmtree(judged.kept.path)
    assert [found.looks for found in releases(store, "m", "token_f1", judged.measured)] == [None]


def test_other_gates_conclude_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was judged by a threshold of other code, which said otherwise than the one of today."""
    today = Threshold.verdict
    with monkeypatch.context() as earlier:
        earlier.setattr("tasks.evaluation.gate.code_of", lambda *_: "0" * 64)
        earlier.setattr(
            Threshold, "verdict", lambda *given: replace(today(*given), reason="in other words", outcome="passed")
        )
        Judged(store)
    found = audit(store, "m@champion")
    assert found.verdict == "intact"
    words = "the gates of today are others than those that judged, and say something else"
    assert [detail.partition("; ")[2] for _, detail in evidence_of(found)] == [words] * 2


def test_evidence_that_gates_of_today_cannot_read_is_hashed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("tasks.evaluation.gate.code_of", lambda *_: "0" * 64)
        earlier.setattr(Evidence, "plain", lambda self: {"of": "another Galen"})
        Judged(store)
    found = audit(store, "m@champion")
    assert found.verdict == "intact"
    words = "the gates of today cannot read it"
    assert [detail.partition("; ")[2] for _, detail in evidence_of(found)] == [words] * 2


def test_what_names_evidence_reads_as_what_did_not(judged: Judged) -> None:
    """Whoever asks for a decision understands both."""
    from tasks.lineage.ledger import events
    from tasks.lineage.statements import Judgement, JudgementBeside, Screened, statements

    history = events(judged.store)
    said = [one for _, one in statements(Judgement, history)]
    assert [type(one) for one in said] == [JudgementBeside] * 3 + [JudgementSealed]
    assert [type(one) for _, one in statements(Screened, history)] == [ScreenedSealed]

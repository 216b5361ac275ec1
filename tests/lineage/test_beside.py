"""An audit looks at everything that a verdict rested on, and says absent of what is absent."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks import signatures
from tasks.errors import IntegrityError
from tasks.lineage import ledger, recording, witness
from tasks.lineage.audit import Audit, audit
from tasks.store import Store
from tasks.training.bases import base_file, locate_base
from tests.lineage.chain import ORIGIN, Chain, build_chain, evaluation_of, protocol_named, release, verdict_of


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def chain(store: Store) -> Chain:
    """Its served form was judged beside the measurements of base and rival, which are those of other forms here."""
    made = build_chain(store)
    form, protocol = made.quantized, protocol_named("default")
    measured = evaluation_of(store, form, made.dataset)
    beside = {"base": made.evaluations["merged"], "majority label": evaluation_of(store, made.adapter, made.dataset)}
    verdict = verdict_of(form, measured, protocol, True)
    event = recording.record_judged(store, "m", form, verdict, protocol, made.dataset, ORIGIN, beside=beside)
    made.judged["quantized"] = event
    release(store, made)
    return made


def faults(found: Audit) -> dict[str, str]:
    return {node.name: node.status for node in found.faults}


@pytest.mark.parametrize(("rival", "form"), [("base", "merged"), ("majority label", "adapter")])
def test_the_measurements_of_rivals_are_looked_at(store: Store, chain: Chain, rival: str, form: str) -> None:
    names = [node.name for node in audit(store, "m@champion").root.walk()]
    assert {"evaluation of base", "evaluation of majority label"} <= set(names)
    flip(chain.evaluations[form].artifact.path / "metrics.json")
    found = audit(store, "m@champion")
    assert faults(found)[f"evaluation of {rival}"] == "changed" and found.verdict == "broken"


def test_every_difference_is_listed(store: Store, chain: Chain) -> None:
    flip(chain.quantized.path / "model.safetensors")
    (chain.quantized.path / "planted.py").write_text("planted")
    (chain.adapter.path / "model.safetensors").unlink()
    text = audit(store, "m@champion").text()
    assert "planted.py was added after sealing" in text and text.count("model.safetensors was changed") == 2
    assert "model.safetensors is missing" in text


def test_what_is_only_absent_is_not_called_broken(store: Store, chain: Chain) -> None:
    shutil.rmtree(chain.adapter.path)
    found = audit(store, "m@champion")
    assert found.verdict == "incomplete" and "evidence: incomplete" in found.text() and "1 absent" in found.text()
    with pytest.raises(IntegrityError, match="not on this machine") as caught:
        found.raise_if_broken()
    assert "restore it from a backup, or run galen retrain" in str(caught.value)


def report(store: Store) -> Path:
    folder = store.root / "reports" / "run-1"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<html>promoted</html>")
    witness.sign_report(store, folder)
    return folder


@pytest.mark.parametrize("how", ["changed", "missing", "signed by nobody", "signed by another key"])
def test_a_report_is_looked_at(store: Store, chain: Chain, how: str, tmp_path: Path) -> None:
    folder = report(store)
    note = folder / witness.REPORT_NOTE
    assert faults(audit(store, "m@champion")) == {}
    if how == "changed":
        flip(folder / "report.html")
    elif how == "missing":
        (folder / "report.html").unlink()
    elif how == "signed by nobody":
        flip(note)
    else:
        stranger = signatures.signer(Store(tmp_path / "stranger"))
        note.write_bytes(signatures.sign(witness.NOTE, signatures.unwrap(note.read_bytes()).payload, stranger))
    assert faults(audit(store, "m@champion")) == {"report run-1": "changed"}
    shutil.rmtree(folder)
    assert faults(audit(store, "m@champion")) == {}, "absent is not broken"


def test_an_older_ledger_put_back_is_contradicted_by_what_lies_beside_it(store: Store, chain: Chain) -> None:
    kept = {path: path.read_bytes() for path in (ledger.database(store), ledger.head_file(store))}
    release(store, build_chain(store, seed=18))
    report(store)
    assert faults(audit(store, "m@champion")) == {}
    last = ledger.head(store)
    for path, data in kept.items():
        path.write_bytes(data)
    found = audit(store, "m@champion")
    assert faults(found) == {"ledger": "contradicted"}
    assert f"reports/run-1/report.dsse knows event {last.sequence} ({last.digest[:12]})" in found.text()


def test_times_that_run_backwards_are_remarked(store: Store, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Yesterday:
            return cls.fromtimestamp((datetime.now(UTC) - timedelta(days=1)).timestamp(), UTC)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "datetime", Yesterday)
        late = ledger.append(store, "nothing-to-do", {"m": "a" * 64}, {"model": "m"}, ORIGIN)
    found = audit(store, "m@champion")
    assert found.verdict == "intact" and found.chain.backwards == (late.sequence,)
    assert f"event {late.sequence} is dated before event {late.sequence - 1}" in found.text()
    assert found.plain()["ledger"]["dated_backwards"] == [late.sequence]


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"[]", b"{}", b'{"path": 7, "ref": {}}', b'{"path": "x"}'])
def test_a_damaged_note_of_a_base_is_named(store: Store, content: bytes) -> None:
    file = base_file(store, "a" * 64)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(IntegrityError, match="note of a base model's place is damaged") as caught:
        locate_base(store, "a" * 64)
    assert str(file) in str(caught.value)
    file.unlink()
    with pytest.raises(IntegrityError, match="location of this base model is not known"):
        locate_base(store, "a" * 64)


def test_dvcs_copies_of_a_version_are_looked_at(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    from tasks.data.kept import CACHE, REMOTE
    from tasks.data.seal import snapshot_folder
    from tests.factories import dataset_version

    def put(place: str, data: bytes, suffix: str = "") -> str:
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        path = store.root / place / "files" / "md5" / md5[:2] / f"{md5[2:]}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return md5

    dataset = dataset_version(store, "text-classification", 30, name="factory")
    for place in (CACHE, REMOTE):
        listing = [{"md5": put(place, b"train"), "relpath": "train.parquet"}]
        found = put(place, json.dumps(listing).encode(), ".dir")
    snapshot = snapshot_folder(store, dataset.digest)
    snapshot.mkdir(parents=True)
    (snapshot / "dataset").write_text("factory")
    outs = f"{{seal@factory: {{outs: [{{path: data/built/factory/seal, md5: {found}.dir}}]}}}}"
    (snapshot / "dvc.lock").write_text(f"stages: {outs}\n")
    release(store, build_chain(store, dataset=dataset))
    assert faults(audit(store, "m@champion")) == {}
    for place in (CACHE, REMOTE):
        victim = next(path for path in (store.root / place).rglob("*") if path.is_file() and path.suffix != ".dir")
        flip(victim)
        result = audit(store, "m@champion")
        assert faults(result)[f"copy in {place}"] == "changed" and "train.parquet was changed" in result.text()
        victim.unlink()
    assert faults(audit(store, "m@champion")) == {}, "absent is not broken"
    remotes_elsewhere(store, tmp_path, monkeypatch)
    flip(snapshot / "dvc.lock")
    assert faults(audit(store, "m@champion")) == {"DVC files": "changed"}


def remotes_elsewhere(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that somebody named is looked at, a service is named as not looked at."""
    config = tmp_path / "checkout" / ".dvc"
    config.mkdir(parents=True)
    url = "s3://ada:secret@bucket/galen"
    (config / "config").write_text(f"['remote \"cloud\"']\n    url = {url}\n['remote \"local\"']\n    url = ../x\n")
    (config / "config.local").write_text("['remote \"disk\"']\n    url = ../../disk\n")
    monkeypatch.setattr("tasks.data.kept.CHECKOUT", config.parent)
    nodes = {node.name: node for node in audit(store, "m@champion").root.walk() if "DVC's remote" in node.name}
    assert nodes.keys() == {"copy in DVC's remote cloud", "copy in DVC's remote disk"}
    cloud, disk = (nodes[f"copy in DVC's remote {name}"] for name in ("cloud", "disk"))
    assert cloud.status == "recorded" and cloud.detail.startswith("not looked at: s3://")
    assert "secret" not in cloud.detail
    assert (disk.status, disk.detail) == ("recorded", "not kept there, or no longer")
    shutil.copytree(store.root / "dvc-cache", tmp_path / "disk")
    listing = next((tmp_path / "disk").rglob("*.dir"))
    flip(listing)
    assert faults(audit(store, "m@champion")) == {"copy in DVC's remote disk": "changed"}
    shutil.rmtree(tmp_path / "disk")

"""What MLflow keeps of a version: other bytes and foreign code are refused where it loads, and found by an audit."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks import signatures
from tasks.digest import digest_file
from tasks.lineage.node import BROKEN
from tasks.lineage.roles import roles
from tasks.release.audited import audit
from tasks.release.package import STATEMENT, packaged_differences
from tasks.release.register import mirror, promote, resolve
from tasks.store import Store
from tasks.tracking import address, registry
from tests.lineage.chain import ORIGIN
from tests.release.conftest import Candidates
from tests.release.test_register import release

pytestmark = pytest.mark.usefixtures("mlflow_store")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def plant(path: Path) -> None:
    path.write_text("raise SystemExit('planted code ran')")


@pytest.fixture
def kept(store: Store, candidate: Candidates) -> Path:
    version = promote(store, release(store, candidate()), ORIGIN)
    (location,) = registry.sources(store, "tiny", "galen.registered").values()
    folder = registry.fetch(store, location, Path("unused"))
    assert trusted_differences(store, folder, version.artifact) == []
    return folder


def trusted_differences(store: Store, folder: Path, digest: str) -> list[str] | None:
    return packaged_differences(folder, digest, signatures.trusted_keys(store))


CASES: dict[str, Any] = {
    "weights": lambda folder: flip(next(folder.rglob("model.safetensors"))),
    "tokenizer": lambda folder: flip(next(folder.rglob("tokenizer.json"))),
    "artifact.json": lambda folder: flip(next(folder.rglob("artifact.json"))),
    "code beside": lambda folder: (folder / "code" / "model_text.py").open("a").write("\n"),
    "planted module": lambda folder: plant(folder / "code" / "transformers.py"),
    "planted file": lambda folder: plant(next(folder.rglob("artifact.json")).with_name("modeling.py")),
    "link": lambda folder: (folder / "artifacts" / "linked").symlink_to("/etc"),
    "missing": lambda folder: next(folder.rglob("config.json")).unlink(),
}


def test_mlflow_loads_only_what_was_registered(
    store: Store, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv(address.URI, address.uri(store))
    digest = resolve(store, "tiny@champion")[1].digest
    assert mlflow.pyfunc.load_model("models:/tiny@champion").predict(["why?"])
    assert trusted_differences(store, kept, digest) == [], "loading leaves nothing that an audit would find"
    shutil.copytree(kept, tmp_path / "good")
    for case, damage in CASES.items():
        damage(kept)
        with pytest.raises(MlflowException, match="registered"):
            mlflow.pyfunc.load_model("models:/tiny@champion")
        found = trusted_differences(store, kept, digest)
        assert found and len(found) == 1, (case, found)
        shutil.rmtree(kept)
        shutil.copytree(tmp_path / "good", kept)
    flip(kept / "served.py")  # it cannot refuse to run itself: the audit says so
    assert trusted_differences(store, kept, digest) == ["served.py was changed"]


def test_what_plain_mlflow_cannot_see_an_audit_sees(
    store: Store, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/threat-model.md says: MLflow checks nothing, and `served.py` has no key to check a signature by."""
    import mlflow.pyfunc

    monkeypatch.setenv(address.URI, address.uri(store))
    digest = resolve(store, "tiny@champion")[1].digest
    ran, planted = tmp_path / "ran", kept / "planted.py"
    shutil.copytree(kept, tmp_path / "good")
    first = "import base64\n"
    code = (kept / "served.py").read_text().replace(first, f"open({str(ran)!r}, 'w')\n{first}", 1)
    (kept / "served.py").write_text(code)
    with pytest.raises(Exception, match=r"served\.py of this model is not what was registered"):
        mlflow.pyfunc.load_model("models:/tiny@champion")
    assert ran.exists() and trusted_differences(store, kept, digest) == ["served.py was changed"]

    ran.unlink()
    planted.write_text(f"open({str(ran)!r}, 'w')\nraise SystemExit")
    (kept / "MLmodel").write_text((kept / "MLmodel").read_text().replace("served.py", "planted.py"))
    with pytest.raises(SystemExit):
        mlflow.pyfunc.load_model("models:/tiny@champion")
    changed = ["MLmodel was changed", "planted.py was added", "served.py was changed"]
    assert ran.exists() and trusted_differences(store, kept, digest) == changed

    shutil.rmtree(kept)
    shutil.copytree(tmp_path / "good", kept)
    card = next(kept.rglob("tokenizer.json")).with_name("artifact.json")
    card.write_bytes(card.read_bytes() + b" ")
    outer = json.loads((kept / STATEMENT).read_bytes())
    said = json.loads(base64.b64decode(outer["payload"]))
    said["files"][card.relative_to(kept).as_posix()] = digest_file(card)
    outer["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
    (kept / STATEMENT).write_text(json.dumps(outer))
    assert mlflow.pyfunc.load_model("models:/tiny@champion").predict(["why?"])
    (found,) = trusted_differences(store, kept, digest) or []
    assert found.startswith(STATEMENT)


def test_a_statement_of_another_key_or_another_artifact_is_none(store: Store, kept: Path, tmp_path: Path) -> None:
    digest = resolve(store, "tiny@champion")[1].digest
    assert trusted_differences(store, kept, "f" * 64) == ["it is of another artifact than was judged"]
    stranger = signatures.signer(Store(tmp_path / "stranger"))
    payload = signatures.unwrap((kept / STATEMENT).read_bytes()).payload
    (kept / STATEMENT).write_bytes(signatures.sign("application/vnd.galen.package+json", payload, stranger))
    (said,) = trusted_differences(store, kept, digest) or []
    assert "unknown key" in said
    flip(kept / STATEMENT)
    assert trusted_differences(store, kept, digest)
    (kept / STATEMENT).unlink()
    assert trusted_differences(store, kept, digest) is None, "as an earlier Galen left it"


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_a_champion_that_is_damaged_comes_back_from_mlflow(
    store: Store, kept: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = store.folder(resolve(store, "tiny@champion")[1].digest)
    if how == "damaged":
        flip(artifact / "model.safetensors")
    else:
        shutil.rmtree(artifact)
    _, found = resolve(store, "tiny@champion")
    assert store.load(found.digest) == found and "taken from MLflow's copy" in capsys.readouterr().err
    assert len(list((store.root / "damaged").glob("*"))) == (how == "damaged")
    assert not list((store.root / "staging").iterdir())


def test_an_audit_looks_at_what_mlflow_has(store: Store, kept: Path) -> None:
    found = audit(store, "tiny@champion")
    assert {node.name for node in found.root.children} >= {"MLflow's aliases", "MLflow's copy"}

    def faults() -> list[str]:
        nodes = audit(store, "tiny@champion").root.children
        return [node.detail for node in nodes if node.name.startswith("MLflow") and node.status in BROKEN]

    assert faults() == []
    registry.set_alias(store, "tiny", "champion", None)
    registry.set_alias(store, "tiny", "candidate", 1)
    (said,) = faults()
    assert "alias champion of tiny is missing" in said and "alias candidate of tiny is at version 1" in said
    assert mirror(store, "tiny") and faults() == []
    flip(next(kept.rglob("model.safetensors")))
    plant(kept / "code" / "torch.py")
    (said,) = faults()
    assert "model.safetensors was changed" in said and "code/torch.py was added" in said
    shutil.rmtree(kept)
    assert faults() == [], "absent is not broken"
    database = store.root / "mlflow.db"
    data = bytearray(database.read_bytes())
    data[100:] = b"?" * (len(data) - 100)
    database.write_bytes(data)
    (said,) = faults()
    assert "MLflow's database is damaged" in said and "mlflow.db" in said


@pytest.mark.parametrize("how", ["weights", "planted module", "served.py", "gone"])
def test_a_copy_that_nobody_is_served_by_is_made_again(
    store: Store, kept: Path, candidate: Candidates, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a version without an alias: a next command that writes to MLflow sees that it was touched."""
    for role in ("champion", "candidate", "previous"):
        registry.set_alias(store, "tiny", role, None)
    mirror(store, "tiny")
    digest = resolve(store, "tiny@1")[1].digest
    assert not mirror(store, "tiny") and not list((store.root / "damaged").glob("*"))
    if how == "gone":
        shutil.rmtree(kept)
    elif how == "served.py":
        plant(kept / "served.py")
    else:
        CASES[how](kept)
    said = next(node for node in audit(store, "tiny@1").root.children if node.name == "MLflow's copy")
    assert "the next galen retrain makes it again" in said.detail
    assert mirror(store, "tiny") and "copy of tiny version 1 was damaged or gone: made again" in capsys.readouterr().err
    assert trusted_differences(store, kept, digest) == []
    assert not [node for node in audit(store, "tiny@1").faults if node.name.startswith("MLflow")]
    assert len(list((store.root / "damaged").glob("*"))) == (how != "gone")
    assert not mirror(store, "tiny"), "it is whole: nothing is hashed or made"


def test_a_copy_is_left_where_nothing_whole_is_to_make_it_from(store: Store, kept: Path) -> None:
    flip(next(kept.rglob("model.safetensors")))
    flip(store.folder(roles(store, "tiny").versions[0].artifact) / "model.safetensors")
    mirror(store, "tiny")
    assert not list((store.root / "damaged").glob("*")), "the one copy may still be of use to somebody"
    assert "MLflow's copy" in [node.name for node in audit(store, "tiny@1").faults]


def test_what_mlflow_deleted_is_no_copy(store: Store, kept: Path) -> None:
    from tasks.tracking.connection import speaking

    assert len(registry.sources(store, "tiny", "galen.registered")) == 1
    with speaking(store) as client:
        client.delete_model_version("tiny", "1")
    assert registry.sources(store, "tiny", "galen.registered") == {}

"""What MLflow keeps of a version: other bytes and foreign code are refused where it loads, and found by an audit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tasks import signatures
from tasks.lineage.node import BROKEN
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

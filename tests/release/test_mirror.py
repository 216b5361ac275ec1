"""MLflow shows what the ledger decided, whoever moved what; and a person decides once."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.errors import InputError
from tasks.lineage import ledger, recording
from tasks.lineage.roles import roles
from tasks.release.ask import ask
from tasks.release.listing import models
from tasks.release.mirrored import moved_aliases
from tasks.release.register import approve, mirror, promote, resolve
from tasks.store import Store
from tasks.tracking import address, registry
from tests.lineage.chain import ORIGIN
from tests.release.conftest import Candidates
from tests.release.test_register import another, release

pytestmark = pytest.mark.usefixtures("mlflow_store")


def test_the_mirror_follows_a_promotion_that_was_cut_off(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = release(store, candidate())
    recording.record_promoted(store, "tiny", 1, origin=ORIGIN)
    assert (
        registry.aliases(store, "tiny") == {"candidate": 1}
        and resolve(store, "tiny@champion")[0].number == version.number
    )
    assert mirror(store, "tiny") and registry.aliases(store, "tiny") == {"champion": 1}
    monkeypatch.setattr(registry, "versions", lambda *_: pytest.fail("MLflow was asked"))
    assert not mirror(store, "tiny")


def test_a_lost_mlflow_is_filled_again_from_the_ledger(
    store: Store, candidate: Candidates, mlflow_template: Path
) -> None:
    promote(store, release(store, candidate()), ORIGIN)
    another = store.root / "another.db"
    shutil.copy(mlflow_template, another)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(address.URI, f"sqlite:///{another}")
        assert mirror(store, "tiny") and registry.aliases(store, "tiny") == {"champion": 1}


def test_of_eight_approvals_at_once_one_counts(
    store: Store, candidate: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(store, candidate())
    registered = roles(store, "tiny").versions[0].registered.digest
    monkeypatch.setattr(registry, "versions", lambda *_: {1: {"galen.registered": registered}})
    monkeypatch.setattr(registry, "aliases", lambda *_: {})
    monkeypatch.setattr(registry, "set_alias", lambda *_: None)
    together = threading.Barrier(8)

    def one(number: int) -> str:
        together.wait()
        try:
            approve(store, "tiny@1", by=f"Person {number}", reason="read", origin=ORIGIN)
        except InputError as error:
            return error.what
        return "approved"

    with ThreadPoolExecutor(8) as pool:
        said = sorted(pool.map(one, range(8)))
    assert said == ["approved", *["this version does not wait for a decision"] * 7]
    assert len(ledger.events(store, "approved")) == len(ledger.events(store, "promoted")) == 1


def test_an_alias_moved_by_hand_convinces_nobody(
    store: Store, candidate: Candidates, capsys: pytest.CaptureFixture[str]
) -> None:
    made = candidate()
    promote(store, release(store, made), ORIGIN)
    second = release(store, another(store, made))
    registry.set_alias(store, "tiny", "champion", 2)
    assert resolve(store, "tiny@champion")[0].number == 1
    said = "the alias champion of tiny is at version 2 and version 1 holds that role"
    assert moved_aliases(store, roles(store, "tiny")) == [said]
    assert mirror(store, "tiny") and registry.aliases(store, "tiny") == {"champion": 1, "candidate": 2}
    assert f"in MLflow, {said}: put back" in capsys.readouterr().err
    registry.set_alias(store, "tiny", "candidate", None)
    assert mirror(store, "tiny") and not mirror(store, "tiny")
    promote(store, second, ORIGIN)
    assert registry.aliases(store, "tiny") == {"champion": 2, "previous": 1}


def test_a_person_can_approve_what_waits(store: Store, candidate: Candidates) -> None:
    release(store, candidate())
    with pytest.raises(InputError, match="name and a reason"):
        approve(store, "tiny@1", by=" ", reason="read the report")
    version = approve(store, "tiny@candidate", by="Ada Example", reason="read the report", origin=ORIGIN)
    assert version.approved is not None and version.approved.facts["name"] == "Ada Example"
    assert registry.aliases(store, "tiny") == {"champion": 1}
    assert [one["approved_by"] for one in models(store, "tiny")] == ["Ada Example"]
    with pytest.raises(InputError, match="does not wait"):
        approve(store, "tiny@1", by="Ada Example", reason="again")
    approve(store, "tiny@champion", by="Ada Example", reason="read again")
    anchored = roles(store, "tiny").anchored
    assert anchored and anchored.kind == "confirmed"


def test_an_answer_of_a_version_that_nobody_approved_says_so(
    store: Store, candidate: Candidates, capsys: pytest.CaptureFixture[str]
) -> None:
    version = release(store, candidate())
    ask(store, "tiny@candidate", "why?")
    assert "version 1 of tiny was never promoted: nobody has approved its answers" in capsys.readouterr().err
    promote(store, version, ORIGIN)
    ask(store, "tiny@champion", "why?")
    assert "nobody" not in capsys.readouterr().err


def test_a_run_says_that_an_older_ledger_was_put_back(
    store: Store, candidate: Candidates, capsys: pytest.CaptureFixture[str]
) -> None:
    version = release(store, candidate())
    kept = {path: path.read_bytes() for path in (ledger.database(store), ledger.head_file(store))}
    promote(store, version, ORIGIN)
    last = ledger.head(store)
    for path, data in kept.items():
        path.write_bytes(data)
    for _ in range(2):  # what knows more is not overwritten
        mirror(store, "tiny")
        assert f"does not hold event {last.sequence}" in capsys.readouterr().err

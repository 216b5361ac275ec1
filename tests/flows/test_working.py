"""What killed processes left in a store goes with the next command; what somebody works on stays."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flows import working as module
from flows.working import working
from tasks.home import CHECKOUT
from tasks.store import Store

HOLDS = """
import sys
from pathlib import Path
from flows.working import working
from tasks.store import Store
with working(Store(Path(sys.argv[1]))):
    print("works", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(module, "LONGEST", 1000)
    folder = tmp_path / "checkout" / "data" / "built"
    monkeypatch.setattr(module, "BUILT", folder)
    return folder


def leave(store: Store, built: Path) -> list[Path]:
    """As much as a killed chain can leave."""
    running = store.root / "running" / "dead"
    left = [
        running / "tmp1234" / "job.json",
        store.root / "staging" / "adapter-0123" / "adapter.safetensors",
        store.root / ".ledger.head.4711",
        store.root / "ledger.new",
        store.root / "mlflow.db.new",
        store.root / "keys" / ".signing.key.0123456789abcdef",
        store.root / "index" / "adapter" / ".0123.17",
        store.root / "datasets" / ".0123.dvc.17" / "params.yaml",
        store.root / "checkpoints" / "0123" / "state-4.draft",
        store.root / "dvc-cache" / "files" / "md5" / "24" / ".Ml-Lhp.tmp",
        built / "notes" / ".split.4711" / "train.parquet",
        built.parents[1] / ".dvc" / ".config.local.4711",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    return left


KEPT = ("artifacts/0123/.hidden.1", "locks/x.lock", "ledger.sqlite", "keys/signing.key", "checkpoints/0123/state-4.pt")


def test_what_the_dead_left_goes_and_the_rest_stays(store: Store, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = leave(store, built)
    for name in KEPT:
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / name).write_text("whole")
    done = built / "notes" / "split" / "train.parquet"
    done.parent.mkdir()
    done.write_text("whole")
    with working(store):
        assert not [path for path in left if path.exists()]
        assert all((store.root / name).read_text() == "whole" for name in KEPT) and done.exists()
        (own,) = (store.root / "running").iterdir()
        assert Path(tempfile.mkdtemp()).parent == own, "temporary files of libraries lie there too"
        assert subprocess.run(
            [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip() == str(own)
    assert list((store.root / "running").iterdir()) == []
    assert Path(tempfile.gettempdir()) != own


def test_while_somebody_works_nothing_goes_and_their_death_is_noticed(store: Store, built: Path) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(store.root)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout and other.stdout.readline() == b"works\n"
    left = leave(store, built)
    with working(store):
        assert all(path.exists() for path in left)
    other.kill()
    other.wait()
    with working(store):
        assert not any(path.exists() for path in left)
        assert len(list((store.root / "running").iterdir())) == 1


def test_while_mlflow_is_away_its_runs_wait_for_the_next_command(
    store: Store, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    dead = leave(store, built)[0]
    (store.root / "locks").mkdir()
    (store.root / "locks" / "mlflow-run-0123.lock").touch()
    with working(store):
        assert dead.parents[1].exists() and (store.root / "locks" / "mlflow-run-0123.lock").exists()


def test_reading_makes_no_store(tmp_path: Path) -> None:
    with working(Store(tmp_path / "none"), make=False):
        pass
    assert not (tmp_path / "none").exists()


def test_nothing_to_clean_costs_no_time(store: Store, built: Path) -> None:
    with working(store):
        pass
    started = os.times()
    for _ in range(20):
        with working(store):
            pass
    ended = os.times()
    assert (ended.user + ended.system) - (started.user + started.system) < 0.2, "0.01 s each, at most"

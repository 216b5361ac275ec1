"""Several processes leave one artifact, whatever happens; what goes wrong in one of them is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import Artifact, verify
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training import distributed
from tasks.training.checkpoint import RECORD
from tasks.training.opening import open_model
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune, timing_of
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.compared import EXACT, same
from tests.training.recipes import recipe

pytestmark = pytest.mark.filterwarnings("ignore")


two_places = pytest.mark.skipif(distributed.places()[1] < 2, reason="needs two CPUs, or two GPUs")


class Notes:
    """A tracker that remembers."""

    def __init__(self) -> None:
        self.points: list[tuple[int, dict[str, float]]] = []

    def params(self, values: Any) -> None:
        pass

    def metrics(self, values: Any, step: int) -> None:
        self.points.append((step, dict(values)))

    def artifact(self, path: Path, name: str | None = None) -> None:
        raise AssertionError(path, name)

    def dataset(self, version: Any, split: str = "train") -> None:
        pass


def start(given: Recipe, dataset: DatasetVersion) -> subprocess.Popen[str]:
    """A process that trains, so that it can be killed."""
    script = (
        "import sys\n"
        "from tasks.training.recipe import Recipe\n"
        "from tasks.data.version import load_version\n"
        "from tasks.store import Store\n"
        "from tasks.training.resolve import resolve_base\n"
        "from tasks.training.train import finetune\n"
        "given = Recipe.model_validate_json(sys.argv[1])\n"
        "store = Store.of_environment()\n"
        "finetune(store, given, load_version(store, sys.argv[2]), resolve_base(store, given.base_model))\n"
    )
    command = [sys.executable, "-c", script, given.model_dump_json(), dataset.digest]
    return subprocess.Popen(command, cwd=CHECKOUT, env=dict(os.environ), stderr=subprocess.PIPE, text=True)


def wait_for_a_checkpoint(store: Store, child: subprocess.Popen[str]) -> Path:
    deadline = time.monotonic() + 120
    while True:
        if found := list((store.root / "checkpoints").glob(f"*/{RECORD}")):
            return found[0]
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.02)


def ranks(store: Store) -> list[int]:
    """The training processes that work in this test's store."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if (
            b"tasks.training.rank" in command
            and f"GALEN_HOME={store.root}".encode() in environment
            and b"\0RANK=" in environment
        ):
            found.append(int(folder.name))
    return found


def wait_until_gone(store: Store) -> None:
    deadline = time.monotonic() + 20
    while ranks(store):
        assert time.monotonic() < deadline, "training processes outlived their parent"
        time.sleep(0.05)


def train(store: Store, given: Recipe, dataset: DatasetVersion, track: Any = None) -> Artifact:
    return finetune(store, given, dataset, resolve_base(store, given.base_model), track=track)


@two_places
def test_a_killed_team_goes_on_and_leaves_one_artifact(store: Store, tmp_path: Path) -> None:
    task: Any = "text-classification"
    given = recipe(task, tiny_bert(tmp_path / "base"), **EXACT | {"epochs": 30, "checkpoints": 30})
    two = Recipe.model_validate(
        given.plain() | {"training": given.training.plain() | {"processes": 2, "sharding": "full"}}
    )
    dataset = dataset_version(store, task, n=60)
    child = start(two, dataset)
    step = json.loads(wait_for_a_checkpoint(store, child).read_bytes())["step"]
    child.send_signal(signal.SIGKILL)
    child.communicate()
    wait_until_gone(store)
    [record] = (store.root / "checkpoints").glob(f"*/{RECORD}")
    assert json.loads(record.read_bytes())["step"] >= step

    notes = Notes()
    artifact = train(store, two, dataset, notes)
    first = min(at for at, values in notes.points if "train_loss" in values)
    assert first > step, "it started from the beginning"
    assert "train_loss_final" in notes.points[-1][1]
    verify(artifact)
    assert len(list((store.root / "index" / "adapter").iterdir())) == 1
    assert not record.parent.exists()
    timing = timing_of(store, artifact)
    assert timing is not None
    assert timing["tokens_per_second"] > 0
    model, _ = open_model(artifact, task, dataset.labels, base=resolve_base(store, two.base_model))
    assert not model.training
    same(train(store, given, dataset).path, artifact.path, two)


@two_places
def test_what_goes_wrong_in_the_processes_is_said_as_it_was(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = recipe("causal-lm", tiny_llama(tmp_path / "base"), "adalora", processes=2, max_steps=2)
    with pytest.raises(InputError, match="too few for AdaLoRA"):
        train(store, given, dataset_version(store, "causal-lm", n=20))
    assert "Traceback" not in capfd.readouterr().err
    assert not (store.root / "artifacts").exists() or not list((store.root / "index").glob("adapter/*"))


@two_places
@pytest.mark.slow
def test_the_death_of_one_process_ends_the_others(store: Store, tmp_path: Path) -> None:
    given = recipe("causal-lm", tiny_llama(tmp_path / "base"), processes=2, epochs=400, checkpoints=400)
    child = start(given, dataset_version(store, "causal-lm", n=40))
    wait_for_a_checkpoint(store, child)
    os.kill(max(ranks(store)), signal.SIGKILL)
    said = child.communicate(timeout=60)[1]
    assert "Interrupted" in said and "ended without an error message" in said, said
    wait_until_gone(store)


@two_places
@pytest.mark.slow
def test_a_signal_saves_the_step(store: Store, tmp_path: Path) -> None:
    given = recipe("causal-lm", tiny_llama(tmp_path / "base"), processes=2, epochs=400, checkpoints=400)
    child = start(given, dataset_version(store, "causal-lm", n=40))
    wait_for_a_checkpoint(store, child)
    child.send_signal(signal.SIGTERM)
    said = child.communicate(timeout=90)[1]
    assert "Stopped" in said and "was stopped at step" in said, said
    assert list((store.root / "checkpoints").glob(f"*/{RECORD}"))
    wait_until_gone(store)

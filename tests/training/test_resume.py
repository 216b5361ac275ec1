"""A killed run goes on and ends in the same bytes; a checkpoint of something else is not believed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import key_of
from tasks.data.version import DatasetVersion
from tasks.errors import Interrupted
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training import lesson, loop
from tasks.training.checkpoint import RECORD, Checkpoints
from tasks.training.hardware import machine, precision
from tasks.training.optimizer import learning_rate
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune, inputs_of, training_code
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.recipes import recipe

pytestmark = pytest.mark.filterwarnings("ignore")
LONG: dict[str, Any] = {"epochs": 6, "checkpoints": 6, "evaluations": 3, "dropout": 0.1}


def train(store: Store, given: Recipe, dataset: DatasetVersion) -> str:
    return finetune(store, given, dataset, resolve_base(store, given.base_model)).digest


def key(store: Store, given: Recipe, dataset: DatasetVersion) -> str:
    return key_of("adapter", inputs_of(given, dataset, resolve_base(store, given.base_model)), training_code(given))


def test_a_killed_run_ends_in_the_same_bytes(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = recipe("causal-lm", tiny_llama(tmp_path / "base"), **LONG)
    dataset = dataset_version(store, "causal-lm", n=40)
    undisturbed = train(store, given, dataset)

    elsewhere = Store(tmp_path / "second-home")
    again = dataset_version(elsewhere, "causal-lm", n=40)
    assert again.digest == dataset.digest
    # A child trains and kills itself, without a chance to clean up, in the middle: two steps behind a checkpoint.
    script = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1])\n"
        "from tasks.training.recipe import Recipe\n"
        "from tasks.data.version import load_version\n"
        "from tasks.store import Store\n"
        "from tasks.training import lesson\n"
        "from tasks.training.resolve import resolve_base\n"
        "from tasks.training.train import finetune\n"
        "real, steps = lesson.learning_rate, []\n"
        "def count(step, total, settings):\n"
        "    if step == total // 2 + 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(step, total, settings)\n"
        "lesson.learning_rate = count\n"
        "given = Recipe.model_validate_json(sys.argv[2])\n"
        "store = Store.of_environment()\n"
        "finetune(store, given, load_version(store, sys.argv[3]), resolve_base(store, given.base_model))\n"
    )
    command = [sys.executable, "-c", script, str(CHECKOUT), given.model_dump_json(), dataset.digest]
    child = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "GALEN_HOME": str(elsewhere.root)}, timeout=120
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert (elsewhere.root / "checkpoints" / key(elsewhere, given, again) / RECORD).is_file()

    resumed: list[Any] = []
    real = loop._resume

    def watched(*given: Any) -> Any:
        resumed.append(real(*given))
        return resumed[-1]

    monkeypatch.setattr(loop, "_resume", watched)
    assert train(elsewhere, given, again) == undisturbed
    assert resumed[0][0].step > 0, "it started from the beginning"
    assert not (elsewhere.root / "checkpoints" / key(elsewhere, given, again)).exists()


def test_sigterm_saves_the_step_and_says_how_to_go_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = recipe("token-classification", tiny_bert(tmp_path / "base"), **LONG | {"checkpoints": 0})
    dataset = dataset_version(store, "token-classification", n=40)
    real = learning_rate

    def stop_at_seven(step: int, *rest: object) -> float:
        if step == 7:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(step, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(lesson, "learning_rate", stop_at_seven)
        with pytest.raises(Interrupted, match="step 8 of"):
            train(store, given, dataset)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    state = Checkpoints(store, key(store, given, dataset), machine(precision(given.training.precision))).load()
    assert state is not None
    assert state["progressed"]["step"] == 8
    finished = train(store, given, dataset)

    second = Store(tmp_path / "second-home")
    assert train(second, given, dataset_version(second, "token-classification", n=40)) == finished


def test_training_in_another_thread_works(store: Store, tmp_path: Path) -> None:
    given = recipe("causal-lm", tiny_llama(tmp_path / "base"), max_steps=2)
    dataset = dataset_version(store, "causal-lm", n=20)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(train(store, given, dataset)))
    thread.start()
    thread.join(timeout=60)
    assert len(found) == 1


@pytest.mark.parametrize("damage", ["state", "record", "machine"])
def test_a_checkpoint_that_does_not_match_is_ignored_with_a_message(
    store: Store, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    kept = Checkpoints(store, "some-key", {"threads": 1})
    kept.save(3, {"step": 3, "weights": {"a": torch.ones(2)}})
    assert Checkpoints(store, "some-key", {"threads": 1}).load() is not None
    folder = store.root / "checkpoints" / "some-key"
    if damage == "state":
        with (folder / "state-3.pt").open("r+b") as file:
            file.seek(40)
            file.write(b"x")
    elif damage == "record":
        (folder / RECORD).write_text("{")
    other = Checkpoints(store, "some-key", {"threads": 2 if damage == "machine" else 1})
    assert other.load() is None
    assert "ignored" in caplog.text


def test_only_the_last_state_is_kept(store: Store) -> None:
    kept = Checkpoints(store, "k", {})
    kept.save(1, {"step": 1})
    kept.save(2, {"step": 2})
    assert sorted(path.name for path in (store.root / "checkpoints" / "k").iterdir()) == [RECORD, "state-2.pt"]
    assert kept.load() == {"step": 2}

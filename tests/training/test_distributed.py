"""Several processes learn what one learns, and leave one artifact; what goes wrong in one of them is said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tasks.artifact import Artifact, verify
from tasks.config.training import Training
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training import distributed
from tasks.training.batches import Micro
from tasks.training.checkpoint import RECORD, Checkpoints
from tasks.training.distributed import ALONE, Team, check_processes
from tasks.training.learn import learn
from tasks.training.opening import open_model
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune, timing_of
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.recipes import MAIN, METHODS, recipe, refusal

pytestmark = pytest.mark.filterwarnings("ignore")
two_places = pytest.mark.skipif(distributed.places()[1] < 2, reason="needs two CPUs, or two GPUs")
EXACT: dict[str, Any] = {"precision": "fp32", "dropout": 0.0, "batch_tokens": 256, "micro_batch_tokens": 96}
"""What can be compared with one process: dropout draws other numbers in each."""
WITHOUT_DROPOUT = {"precision": "fp32", "batch_tokens": 256, "micro_batch_tokens": 96}  # Llama has none to set


def settings(task: str) -> dict[str, Any]:
    return WITHOUT_DROPOUT if task == "causal-lm" else EXACT


# What each process does


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_every_record_is_in_exactly_one_share(size: int) -> None:
    steps: list[list[Micro]] = [
        [[[0], [1], [2]]],
        [[[0, 1, 2, 3, 4]]],
        [[[0]], [[1], [2]], [[3, 4], [5]]],
        [[[number]] for number in range(9)],
    ]
    for micros in steps:
        shares = [Team(rank, size).share(micros) for rank in range(size)]
        assert len({len(share) for share in shares}) == 1, "sharded layers need as many passes in all processes"
        found = [record for share in shares for micro in share for row in micro for record in row]
        assert sorted(found) == sorted(record for micro in micros for row in micro for record in row)
    assert ALONE.share(steps[0]) == steps[0]


def test_the_slices_of_a_weight_make_it_whole() -> None:
    for rows in (1, 2, 5, 8):
        weight = torch.arange(rows * 3.0).view(rows, 3)
        slices = [Team(rank, 4, sharded=True).slice(weight) for rank in range(4)]
        assert torch.equal(torch.cat(slices), weight)
        assert all(one.shape[1] == 3 for one in slices)


# What is refused


@pytest.mark.parametrize(
    ("method", "training", "reason"),
    [
        ("lora", {"processes": 10_000}, "more than this machine's [CG]PUs"),
        ("qlora", {"processes": 2, "sharding": "full"}, "4-bit weights"),
        ("adalora", {"processes": 2, "sharding": "full"}, "looks at whole weights"),
    ],
)
def test_what_cannot_work_is_refused(
    method: str, training: dict[str, Any], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "places", lambda: ("CPU", 8))
    with pytest.raises(InputError, match=reason):
        check_processes(recipe("causal-lm", tmp_path, method, **training))


def test_slices_for_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="raise processes"):
        Training(sharding="full")


# What two processes learn


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for file in folder.glob("*.safetensors") for name, value in load_file(file).items()}


def same(one: Path, other: Path, case: Recipe) -> None:
    """Curves and weights agree but for the order in which floats were added."""
    which = f"{case.task} {case.method.name} {case.training.sharding}"
    first, second = (json.loads((folder / "history.json").read_text()) for folder in (one, other))
    for curve in ("train", "validation"):
        assert [point["step"] for point in first[curve]] == [point["step"] for point in second[curve]]
        expected = [point["loss"] for point in first[curve]]
        near = 5e-2 if case.method.name == "qlora" else 1e-3  # 4-bit matrices multiply in bfloat16
        assert [point["loss"] for point in second[curve]] == pytest.approx(expected, rel=near), which
    left, right = weights_in(one), weights_in(other)
    assert left.keys() == right.keys(), which
    if case.method.name == "qlora":
        return
    for name, value in left.items():
        if name.endswith("key.bias"):
            continue  # softmax does not see it: its gradient is rounding alone, which AdamW makes as large as any
        assert torch.allclose(value, right[name], atol=2e-3), (which, name)


def compared(store: Store, cases: list[tuple[Recipe, DatasetVersion]], folder: Path) -> None:
    """Train each case in one process, then all in two, and compare."""
    asked = [{"recipe": case.plain(), "dataset": dataset.digest} for case, dataset in cases]
    (folder / "cases.json").write_text(json.dumps(asked))
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "tests.training.team"]
    subprocess.run(
        [sys.executable, "-m", *command, str(folder / "cases.json"), str(folder / "two")],
        cwd=CHECKOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=600,
    )
    made: dict[str, Path] = {}
    for number, (case, dataset) in enumerate(cases):
        plain = {key: value for key, value in case.plain()["training"].items() if key not in ("processes", "sharding")}
        alone = Recipe.model_validate(case.plain() | {"training": plain})
        if (name := json.dumps(alone.plain(), sort_keys=True)) not in made:
            made[name] = folder / f"one-{number}"
            made[name].mkdir()
            learn(
                made[name],
                alone,
                dataset,
                resolve_base(store, alone.base_model),
                Checkpoints(store, f"one-{number}", {}),
                None,
            )
        same(made[name], folder / "two" / str(number), case)


TASKS: list[tuple[Any, Any]] = [(tiny_llama, "causal-lm"), (tiny_bert, "text-classification")]


def cases_of(store: Store, folder: Path, methods: Iterable[str], steps: int) -> list[tuple[Recipe, DatasetVersion]]:
    """Each method on each task, with whole and with sliced weights, but for what is refused."""
    found = []
    for make, task in TASKS:
        base, dataset = make(folder / task), dataset_version(store, task, n=40)
        how = settings(task) | {"processes": 2, "max_steps": steps}
        for method in methods:
            for sharding in ("none", "full"):
                given = recipe(task, base, method, sharding=sharding, **how)
                if refusal(task, MAIN[task], method) or (sharding == "full" and method in ("adalora", "qlora")):
                    continue
                found.append((given, dataset))
    return found


@two_places
def test_two_processes_learn_what_one_does(store: Store, tmp_path: Path) -> None:
    compared(store, cases_of(store, tmp_path, ("full", "lora"), 12), tmp_path)


@two_places
@pytest.mark.slow
def test_every_method_can_be_shared(store: Store, tmp_path: Path) -> None:
    compared(store, cases_of(store, tmp_path, METHODS, 30), tmp_path)


# One artifact, whatever happens


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
    given = recipe("causal-lm", tiny_llama(tmp_path / "base"), processes=2, learning_rate=1e30, warmup=0, epochs=3)
    with pytest.raises(InputError, match=r"not a number.*\n.*learning_rate"):
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
    assert "Interrupted" in said and "ended without a word" in said, said
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

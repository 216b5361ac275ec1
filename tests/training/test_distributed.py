"""Several processes learn what one learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.config.training import Training
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training import distributed
from tasks.training.batches import Micro
from tasks.training.checkpoint import Checkpoints
from tasks.training.distributed import ALONE, Team, check_processes
from tasks.training.learn import learn
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.compared import EXACT, same
from tests.training.recipes import MAIN, METHODS, recipe, refusal

pytestmark = pytest.mark.filterwarnings("ignore")
two_places = pytest.mark.skipif(distributed.places()[1] < 2, reason="needs two CPUs, or two GPUs")
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
        ("lora", {"processes": 200}, "more than this machine's [CG]PUs"),
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

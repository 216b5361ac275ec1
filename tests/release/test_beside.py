"""The served form of methods that cannot merge: the base in 4 bits, and the adapter beside it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from safetensors.torch import load_file, save_file

from tasks.artifact import Artifact, read, verify
from tasks.config.release import Quantization
from tasks.config.words import Task
from tasks.errors import InputError, IntegrityError
from tasks.release.ask import ask
from tasks.release.export import export
from tasks.release.merge import merge
from tasks.release.probe import compare, logits_of, probe
from tasks.release.quantize import quantize, verify_quantized
from tasks.release.register import promote
from tasks.release.served import Served
from tasks.store import Store
from tasks.tracking import address
from tasks.training.bases import Base, locate_base
from tasks.training.opening import open_model
from tests.lineage.chain import ORIGIN
from tests.release.conftest import Candidates
from tests.release.test_register import release

METHODS = ["adapter", "prefix", "prompt"]
TASKS: list[Task] = ["causal-lm", "text-classification"]
HEADS = {"causal-lm": "lm_head", "text-classification": "classifier"}
BASE_WEIGHTS = "base/model.safetensors"
UP = "model.layers.0.mlp.up_proj.weight"
QUESTION = "What is a sign of asthma?"


def said(model: Artifact | Base, task: Task, labels: list[str], base: Base | None = None) -> torch.Tensor:
    opened, tokenizer = open_model(model, task, labels, base=base, dtype=torch.float32)
    return logits_of(opened, probe(tokenizer, 64))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_the_folder_says_what_the_adapter_does_with_nothing_else_at_hand(
    store: Store, candidate: Candidates, task: Task, method: str, tmp_path: Path
) -> None:
    made = candidate(task, method)
    base = locate_base(store, made.adapter.meta["base"]["digest"])
    expected = said(made.adapter, task, made.adapter.meta["labels"], base)
    untrained = said(base, task, made.adapter.meta["labels"])
    shutil.copytree(made.quantized.path, tmp_path / "elsewhere")
    shutil.rmtree(store.root)
    moved = read(tmp_path / "elsewhere")
    found = said(moved, task, moved.meta["labels"])
    assert compare(expected, found).kl < min(0.1, compare(untrained, found).kl / 2)

    meta, checks = moved.meta, moved.meta["quantization"]
    assert (meta["form"], meta["loader"], meta["parent"]) == ("quantized", "adapter", made.adapter.digest)
    assert meta["base"] == made.adapter.meta["base"] and meta["method"]["name"] == method
    assert checks["type"] == "nf4" and 4.127 < checks["bits_per_parameter"] < 4.14
    assert checks["left_out"] == [HEADS[task]] and checks["bytes"] < 0.5 * checks["parent_bytes"]
    assert checks["from_parent"]["kl"] < 0.1
    opened, _ = open_model(moved, task, meta["labels"])
    layers = [name for name, module in opened.named_modules() if isinstance(module, Linear4bit)]
    assert len(layers) == checks["layers"] > 0
    assert {name: moved.files[name] for name in made.adapter.files} == made.adapter.files
    place = str(base.path.parent)  # where it was trained and quantized
    assert not [file for file in moved.path.rglob("*") if file.is_file() and place.encode() in file.read_bytes()]


def test_the_same_adapter_gives_the_same_bytes(store: Store, candidate: Candidates) -> None:
    made = candidate("causal-lm", "prefix")
    shutil.rmtree(made.quantized.path)
    assert quantize(store, made.adapter, Quantization()).digest == made.quantized.digest


def test_a_method_that_cannot_merge_says_so(store: Store, candidate: Candidates) -> None:
    with pytest.raises(InputError, match=r"adapter cannot be merged.*beside its base"):
        merge(store, candidate("text-classification", "adapter").adapter)


def test_a_method_that_can_merge_must(store: Store, candidate: Candidates) -> None:
    with pytest.raises(InputError, match="merge it first"):
        quantize(store, candidate().adapter, Quantization())


def test_a_new_head_in_the_base_does_not_matter(candidate: Candidates, tmp_path: Path) -> None:
    """It is as the base had it before training; the trained one is in the adapter's file."""
    made = candidate("text-classification", "adapter")
    folder = shutil.copytree(made.quantized.path, tmp_path / "copy")
    disturb(folder / BASE_WEIGHTS, "classifier.weight", lambda weight: weight + 7)
    expected, found = (
        said(read(one), "text-classification", made.adapter.meta["labels"]) for one in (made.quantized.path, folder)
    )
    assert torch.equal(expected, found)


@pytest.mark.parametrize(
    ("file", "weight", "says"),
    [
        (BASE_WEIGHTS, UP, "more than 4-bit rounding"),
        (BASE_WEIGHTS, "model.norm.weight", "left out of 4 bits changed"),
        ("adapter_model.safetensors", None, "a file of the adapter changed"),
    ],
)
def test_what_was_changed_on_disk_is_noticed(
    store: Store, candidate: Candidates, tmp_path: Path, file: str, weight: str | None, says: str
) -> None:
    made = candidate("causal-lm", "adapter")
    folder = shutil.copytree(made.quantized.path, tmp_path / "copy")
    name = weight or sorted(load_file(folder / file))[0]
    disturb(folder / file, name, lambda one: one.flip(0) if name == UP else one * 2)
    with pytest.raises(IntegrityError, match=says):
        verify_quantized(store, made.adapter, folder, Quantization())

    shutil.copyfile(folder / file, made.quantized.path / file)
    with pytest.raises(IntegrityError, match=f"{file} was changed"):
        store.load(made.quantized.digest)


def test_a_base_that_was_not_quantized_is_noticed(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    made = candidate("causal-lm", "adapter")
    folder = shutil.copytree(made.quantized.path, tmp_path / "copy")
    shutil.rmtree(folder / "base")
    shutil.copytree(locate_base(store, made.adapter.meta["base"]["digest"]).path, folder / "base")
    with pytest.raises(IntegrityError, match="not in 4 bits"):
        verify_quantized(store, made.adapter, folder, Quantization())


def disturb(file: Path, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Change one weight of a file."""
    weights = load_file(file)
    weights[name] = change(weights[name]).contiguous()
    save_file(weights, file, {"format": "pt"})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_such_a_model_is_registered_asked_exported_and_served(
    store: Store,
    candidate: Candidates,
    task: Task,
    method: str,
    mlflow_store: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow.pyfunc

    made = candidate(task, method)
    version = promote(store, release(store, made), ORIGIN)
    assert (version.merged, version.adapter) == (None, made.adapter.digest)

    monkeypatch.setenv(address.URI, address.uri(store))
    monkeypatch.setattr("tasks.training.opening.native_dtype", lambda: torch.float32)  # fewer near ties
    served = mlflow.pyfunc.load_model("models:/tiny@champion")
    (answer,) = served.predict([QUESTION])
    assert ask(store, "tiny@champion", QUESTION).partition(" (")[0] == answer
    if (task, method) != ("causal-lm", "prompt"):  # one export is enough
        return
    folder = export(store, "tiny@champion", tmp_path / "out")
    verify(read(folder / "model"))
    assert "open_model" in (folder / "README.md").read_text()
    assert "Galen checkout" in (folder / "MODEL_CARD.md").read_text()


def test_mlflow_without_galen_says_what_is_needed(candidate: Candidates, monkeypatch: pytest.MonkeyPatch) -> None:
    context = SimpleNamespace(artifacts={"model": candidate("causal-lm", "prompt").quantized.path})
    monkeypatch.setitem(sys.modules, "tasks.training.opening", None)
    with pytest.raises(ImportError, match=r"\(prompt\) beside it.*in a checkout of Galen"):
        Served().load_context(context)

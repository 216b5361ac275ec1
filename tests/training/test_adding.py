"""A new method is one file: nothing else is told of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import tasks.training.methods
from tasks.comparison.learned import learned
from tasks.comparison.methods import explained
from tasks.comparison.report import _heats
from tasks.config.words import Task
from tasks.errors import ConfigError
from tasks.settings import parse
from tasks.store import Store
from tasks.training import method
from tasks.training.fit import check_fit
from tasks.training.opening import open_model
from tasks.training.recipe import Recipe
from tasks.training.train import finetune
from tasks.tuning.config import load_search
from tests.factories import dataset_version, tiny_bert
from tests.training.recipes import base_of, recipe

NAME = "norms-and-scale"
METHOD = '''
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from tasks.training.method import MethodOptions, Tested, Trained
from tasks.training.whole import WholeModel


class NormOptions(MethodOptions):
    """Settings of norms and scale."""

    rank: int = Field(default=2, ge=1)
    """Norms of so many last layers train."""


class Norms(WholeModel[NormOptions]):
    """The last norms move, the rest stays."""

    name = "norms-and-scale"
    summary = "Trains the last norms and the head."
    paper = ""
    rate = 5.0
    options = NormOptions
    tested = Tested(3e-2, {"rank": 1})
    tables: ClassVar[Mapping[str, tuple[str, str]]] = {"scales": ("Scales that moved", "Mean of the last norms.")}

    def prepare(self, model: Any, options: NormOptions, task: Any, heads: Sequence[str]) -> Any:
        """The model itself, with little that trains."""
        model.requires_grad_(False)
        norms = [one for name, one in model.named_modules() if name.endswith("LayerNorm")]
        for module in [*norms[-options.rank :], *(model.get_submodule(head) for head in heads)]:
            module.requires_grad_(True)
        return model

    def learned(self, trained: Trained) -> dict[str, Any]:
        """The mean of the last norm."""
        for text in trained.texts:
            trained.read(text)
        last = [one for name, one in trained.model.named_parameters() if name.endswith("LayerNorm.weight")][-1]
        return {"scales": {"last": float(last.detach().mean())}}
'''
TASK: Task = "text-classification"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "methods"
    folder.mkdir()
    (folder / "norms_and_scale.py").write_text(METHOD)
    package = tasks.training.methods
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    method.methods.cache_clear()
    yield NAME
    method.methods.cache_clear()
    sys.modules.pop(f"{package.__name__}.norms_and_scale", None)


def test_a_method_is_trained_opened_explained_and_tuned_from_its_own_file(
    added: str, store: Store, tmp_path: Path
) -> None:
    folder, dataset = tiny_bert(tmp_path / "base"), dataset_version(store, TASK, n=40)
    given = recipe(TASK, folder, added, max_steps=4)
    check_fit(store, given)
    base = base_of(store, folder)
    artifact = finetune(store, given, dataset, base)
    assert artifact.meta["method"] == {"name": added, "rank": 1}
    opened, _ = open_model(artifact, TASK, dataset.labels, base=base, dtype=torch.float32)
    before, _ = open_model(base, TASK, dataset.labels, dtype=torch.float32)
    moved = {
        name
        for (name, new), old in zip(opened.bert.named_parameters(), before.bert.parameters(), strict=True)
        if not torch.equal(new, old)
    }
    assert moved == {"encoder.layer.1.output.LayerNorm.weight", "encoder.layer.1.output.LayerNorm.bias"}

    found = learned(artifact, base, dataset, "validation")
    last = opened.get_parameter("bert.encoder.layer.1.output.LayerNorm.weight").detach()
    assert found["scales"]["last"] == float(last.mean())
    tables = {title: rows for title, _, rows, _ in _heats({"arms": [{"name": "mine", "learned": found}]})}
    assert tables["Scales that moved"] == [("mine", found["scales"])]

    [told] = [one for one in explained() if one["name"] == added]
    assert told["summary"] == "Trains the last norms and the head."
    (tmp_path / "tiny.yaml").write_text(given.model_dump_json())
    search, _, _ = load_search(tmp_path / "tiny.yaml", trials=1)
    assert "method.rank" in search.space


def test_its_settings_are_checked_with_the_recipe(added: str, tmp_path: Path) -> None:
    plain = recipe(TASK, tmp_path, "full").plain()
    with pytest.raises(
        ConfigError, match=r"rank: .*greater than or equal to 1.*settings of norms-and-scale: name, rank"
    ):
        parse(Recipe, plain | {"method": {"name": added, "rank": 0}}, "recipe.yaml")

"""What must be true of every recipe that is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.config.data import Dataset
from tasks.data.params import checked
from tasks.evaluation.policy import load_recipe
from tasks.home import CHECKOUT
from tasks.settings import load_yaml

KINDS = ("compare-", "tune-")
RECIPES = sorted(file for file in (CHECKOUT / "recipes").glob("*.yaml") if not file.name.startswith(KINDS))
SAMPLE = CHECKOUT / "data" / "sample"


def declared() -> dict[str, Dataset]:
    return {name: checked(entry, name) for name, entry in load_yaml(CHECKOUT / "params.yaml")["datasets"].items()}


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_only_a_model_of_the_sample_data_becomes_champion_without_a_person(file: Path) -> None:
    recipe = load_recipe(file)
    dataset = declared().get(recipe.dataset)
    on_sample = dataset is not None and (CHECKOUT / dataset.source).resolve().is_relative_to(SAMPLE)
    assert recipe.first_release == ("base" if on_sample else "approval")


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_says_what_its_test_records_can_show(file: Path) -> None:
    head = " ".join(line.lstrip("# ") for line in file.read_text().splitlines() if line.startswith("#"))
    assert "equal candidates" in head, "say how many equal candidates `galen policy check` lets by"

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.comparison.config import entries, load_comparison, reference_of
from tasks.comparison.job import asked
from tasks.errors import ConfigError, InputError
from tasks.home import CHECKOUT
from tests.training.recipes import recipe

SHIPPED = sorted((CHECKOUT / "recipes").glob("compare-*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_comparison_is_right(path: Path) -> None:
    comparison = load_comparison(path)
    assert comparison.name == path.stem
    assert reference_of(comparison) in {entry.arm for entry in entries(comparison)}


def written(path: Path, **more: Any) -> Path:
    plain = recipe("text-classification", path / "base", "lora").plain()
    data = {"name": "compare-tiny", "recipe": plain, "arms": [{"method": {"name": "full"}}]}
    file = path / "compare.yaml"
    file.write_text(yaml.safe_dump(data | more))
    return file


def test_an_arm_is_the_recipe_with_its_own_method_settings_base_and_seeds(tmp_path: Path) -> None:
    arms = [
        {"method": {"name": "full"}, "training": {"learning_rate": 1e-4}, "seeds": 2},
        {"method": {"name": "lora", "rank": 4}, "base_model": {"folder": "other/Base_1"}, "seeds": [5]},
    ]
    comparison = load_comparison(written(tmp_path, arms=arms, budget={"steps": 7, "test_records": 9}))
    found = entries(comparison)
    assert [(one.arm, one.seed) for one in found] == [("full", 17), ("full", 18), ("lora-on-base-1", 5)]
    assert found[0].recipe.training.learning_rate == 1e-4
    assert found[2].recipe.base_model.folder == "other/Base_1"
    assert {(one.recipe.training.max_steps, one.recipe.evaluation.max_records) for one in found} == {(7, 9)}
    assert len({asked(one, split) for one in found for split in ("validation", "test")}) == 6
    assert reference_of(comparison) == "full"


def test_methods_of_a_recipe_get_rates_that_suit_them(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe("text-classification", tmp_path, "lora", learning_rate=1e-3).plain()))
    found = entries(load_comparison(file, ["full", "lora"], seeds=2))
    assert [one.arm for one in found] == ["full", "full", "lora", "lora"]
    assert [one.recipe.training.learning_rate for one in found[::2]] == pytest.approx([1e-4, 1e-3])
    assert found[2].recipe.method.plain()["rank"] == 8, "the recipe's own method keeps its settings"
    with pytest.raises(InputError, match="--methods"):
        load_comparison(file)


def test_bases_are_arms_too(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    comparison = load_comparison(written(tmp_path), bases=[str(tmp_path / "one"), str(tmp_path / "two")])
    assert [one.arm for one in entries(comparison)] == ["full-on-one", "full-on-two"]
    with pytest.raises(InputError, match="no such base"):
        load_comparison(written(tmp_path), bases=["nowhere"])


def test_methods_choose_among_the_arms_of_a_file(tmp_path: Path) -> None:
    file = written(tmp_path, arms=[{"method": {"name": "full"}}, {"name": "small", "method": {"name": "lora"}}])
    assert [one.arm for one in entries(load_comparison(file, ["lora"]))] == ["small"]
    with pytest.raises(InputError, match=r"(?s)no such arm: ia3.*small"):
        load_comparison(file, ["ia3"])


def test_all_faults_of_all_arms_show_together(tmp_path: Path) -> None:
    arms = [
        {"method": {"name": "full"}, "training": {"epochs": -1}},
        {"method": {"name": "nonsense"}},
        {"method": {"name": "full"}},
    ]
    with pytest.raises(ConfigError) as error:
        load_comparison(written(tmp_path, arms=arms))
    for part in ("epochs", "nonsense", "two are called full"):
        assert part in str(error.value)
    with pytest.raises(ConfigError, match="reference lora is no arm"):
        load_comparison(written(tmp_path, reference="lora"))

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.errors import ConfigError, InputError
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.training.method import method_named
from tasks.tuning.config import Search, check_methods, load_search, own_values, usual_space
from tests.factories import tiny_bert
from tests.training.recipes import METHODS, recipe

SHIPPED = sorted((CHECKOUT / "recipes").glob("tune-*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_search_is_right(store: Store, path: Path) -> None:
    search, given, file = load_search(path)
    assert file.is_file()
    check_methods(store, search, given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "bert")


def search_file(tmp_path: Path, folder: Path, space: dict[str, Any], method: Any = "lora", **settings: Any) -> Path:
    """A search in a file, and the recipe that it names."""
    named = tmp_path / "tiny.yaml"
    named.write_text(yaml.safe_dump(recipe("text-classification", folder, method).plain()))
    path = tmp_path / "tune-tiny.yaml"
    path.write_text(yaml.safe_dump({"recipe": str(named), "trials": 4, "space": space, **settings}))
    return path


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"training.lerning_rate": {"low": 0.1, "high": 1}}, "training.lerning_rate: no such setting"),
        ({"method.reduction": {"choices": [2]}}, "method.reduction: no such setting.*rank"),
        ({"evaluation.resamples": {"choices": [200]}}, "pattern"),
        ({"method.name": {"choices": ["full"]}}, "galen compare"),
        ({"training.learning_rate": {"low": -1, "high": 1}}, "greater than 0.*tried -1"),
        ({"method.rank": {"low": 0.5, "high": 8.5}}, "method.rank.*0.5"),
        ({"method.targets": {"choices": ["all-linear", 7]}}, "tried 7"),
        ({"training.packing": {"low": 0, "high": 1}}, "switch"),
        ({"training.learning_rate": {"low": 1, "high": 0.1}}, "low must be below high"),
        ({"training.learning_rate": {"low": 0, "high": 1, "log": True}}, "log needs low above 0"),
        ({"training.learning_rate": {"low": 1}}, "give low and high, or choices"),
        ({"method.rank": {"choices": [8, 8.0]}}, "choices must differ"),
        ({"training.max_length": {"choices": [16, 32]}}, "what the validation loss is measured on"),
    ],
)
def test_a_wrong_space_is_refused_when_it_is_read(
    tmp_path: Path, folder: Path, space: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"(?s){said}"):
        load_search(search_file(tmp_path, folder, space))


def test_settings_that_refuse_each_other_are_found(tmp_path: Path, folder: Path) -> None:
    space = {"method.initial_rank": {"low": 4, "high": 12}, "method.target_rank": {"low": 2, "high": 6}}
    with pytest.raises(ConfigError, match=r"initial_rank 4, method.target_rank 6: .*below initial_rank"):
        load_search(search_file(tmp_path, folder, space, "adalora"))
    space["method.target_rank"] = {"low": 1, "high": 3}  # the recipe's own target_rank, 4, plays no part
    load_search(search_file(tmp_path, folder, space, "adalora"))


def test_what_the_base_does_not_take_is_found_before_anything_trains(
    store: Store, tmp_path: Path, folder: Path
) -> None:
    space = {"method.last_layers": {"choices": [1, 2, 9]}}
    search, given, _ = load_search(search_file(tmp_path, folder, space, "partial"))
    with pytest.raises(ConfigError, match=r"last_layers is more than there are.*\n.*tried 9"):
        check_methods(store, search, given)


def test_all_faults_show_together(tmp_path: Path, folder: Path) -> None:
    space = {"training.epochs": {"choices": [-1]}, "method.depth": {"choices": [1]}}
    with pytest.raises(ConfigError, match="3 fault"):
        load_search(search_file(tmp_path, folder, space, metric="bleu"))


def test_a_recipe_needs_a_number_of_trials(tmp_path: Path, folder: Path) -> None:
    search_file(tmp_path, folder, {})
    with pytest.raises(InputError, match="--trials"):
        load_search(tmp_path / "tiny.yaml")
    search, given, file = load_search(tmp_path / "tiny.yaml", trials=3)
    assert (search.trials, given.model, file) == (3, "tiny", tmp_path / "tiny.yaml")


@pytest.mark.parametrize("method", METHODS)
def test_the_usual_space_of_every_method_holds_the_recipe_and_is_taken(
    tmp_path: Path, folder: Path, method: str
) -> None:
    search_file(tmp_path, folder, {}, method)
    search, given, _ = load_search(tmp_path / "tiny.yaml", trials=1)
    assert {"training.learning_rate", "training.head_learning_rate"} <= set(search.space)
    sized = {"adapter", "adalora", "lora", "mam", "prefix", "prompt", "qlora", "unipelt"}
    assert any(path.startswith("method.") for path in search.space) == (method in sized)
    own = own_values(search, given)
    assert own is not None
    assert own["training.learning_rate"] == method_named(method).tested.rate


def test_a_head_without_a_rate_of_its_own_starts_at_the_others(folder: Path) -> None:
    given = recipe("text-classification", folder, "lora", head_learning_rate=None)
    search = Search(recipe="", trials=1, space=usual_space(given))
    own = own_values(search, given)
    assert own is not None
    assert own["training.head_learning_rate"] == given.training.learning_rate

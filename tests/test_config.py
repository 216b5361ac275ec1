"""Settings: all faults at once, each with its path and what is allowed; every YAML that ships is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.config.data import Dataset
from tasks.config.words import DATASET_TASK
from tasks.data.params import one_dataset
from tasks.errors import ConfigError, InputError
from tasks.evaluation.policy import Policy
from tasks.home import CHECKOUT
from tasks.settings import load, load_yaml, parse
from tasks.training.recipe import Recipe

RECIPE: dict[str, Any] = {
    "model": "demo",
    "task": "causal-lm",
    "intended_use": "a test, nothing else",
    "base_model": {"folder": "somewhere"},
    "dataset": "demo",
    "method": {"name": "lora"},
    "policy": "qa-default",
}


def faults(change: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(Recipe, RECIPE | change, "recipe.yaml")
    return str(caught.value)


def test_all_faults_show_together_with_their_paths() -> None:
    text = faults({"training": {"epochs": -1, "learning_rat": 0.1}, "dataset": "../etc/passwd"})
    assert "3 fault(s)" in text
    assert "training.epochs" in text
    assert "training.learning_rat: unknown key (known: " in text
    assert "learning_rate" in text
    assert "dataset" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base_model": {}}, "exactly one of"),
        ({"base_model": {"folder": "a", "base": "b"}}, "exactly one of"),
        ({"base_model": {"hub": "someone/model"}}, "revision"),
        ({"base_model": {"hub": "someone/model", "revision": "main"}}, "40 hexadecimal"),
        ({"method": {"name": "loar"}}, "lora"),
        ({"method": {"name": "lora", "rnak": 8}}, "rnak"),
        ({"method": {}}, "needs a name"),
        ({"schedule": {"cron": "every day"}}, "five valid fields"),
        ({"schedule": {"cron": "0 0 30 2 *"}}, "never fires"),
        ({"schedule": {"cron": "0 0 31 4,6,9,11 *"}}, "never fires"),
        ({"schedule": {"cron": "0 3 * * 1", "timezone": "Mars/Olympus"}}, "unknown"),
        ({"schedule": {"cron": "every day", "timezone": "Mars/Olympus"}}, "weekday); timezone"),
        ({"task": "poetry"}, "causal-lm"),
    ],
)
def test_a_fault_says_what_is_allowed(change: dict[str, Any], said: str) -> None:
    assert said in faults(change)


def test_a_file_that_is_not_there_names_its_neighbours() -> None:
    with pytest.raises(InputError, match=r"medqa-sample\.yaml"):
        load(Recipe, CHECKOUT / "recipes" / "medqa.yaml")


def test_a_broken_yaml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("model: x\n  task: [")
    with pytest.raises(InputError, match="line"):
        load(Recipe, path)
    path.write_text("just words")
    with pytest.raises(ConfigError, match="keys and values"):
        load(Recipe, path)
    path.write_bytes("model: \xe9".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        load(Recipe, path)


def test_identified_data_must_be_deidentified() -> None:
    entry = {"task": "causal-lm", "source": "x", "format": "jsonl", "licence": "MIT", "deidentify": False}
    with pytest.raises(ConfigError, match="must be de-identified"):
        parse(Dataset, entry, "params.yaml")
    assert parse(Dataset, entry | {"identified": False}, "params.yaml").deidentify is False


def test_records_are_declared_by_what_they_hold() -> None:
    entry = {"task": "seq2seq-lm", "source": "x", "format": "jsonl", "licence": "MIT"}
    with pytest.raises(ConfigError, match="causal-lm"):
        parse(Dataset, entry, "params.yaml")
    assert parse(Dataset, entry | {"task": DATASET_TASK["seq2seq-lm"]}, "params.yaml").task == "causal-lm"


def shipped(folder: str) -> list[Any]:
    found = sorted((CHECKOUT / folder).glob("*.yaml"))
    return [pytest.param(path, id=path.stem) for path in found if not path.name.startswith(("compare-", "tune-"))]


@pytest.mark.parametrize("path", shipped("recipes"))
def test_every_shipped_recipe_is_right(path: Path) -> None:
    recipe = load(Recipe, path)
    policy = load(Policy, CHECKOUT / "policies" / f"{recipe.policy}.yaml")
    assert policy.task == DATASET_TASK[recipe.task]


@pytest.mark.parametrize("path", shipped("policies"))
def test_every_shipped_policy_is_right(path: Path) -> None:
    assert load(Policy, path).name == path.stem


def test_params_is_right_and_holds_what_ships() -> None:
    names = set(load_yaml(CHECKOUT / "params.yaml")["datasets"])
    assert names >= {"medqa-sample", "triage-sample", "symptoms-sample"}
    for name in names:
        assert (CHECKOUT / one_dataset(name, CHECKOUT / "params.yaml").source).exists()

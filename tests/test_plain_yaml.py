"""Hostile YAML: every fault is the input's, whatever PyYAML raises."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.config.data import Dataset
from tasks.errors import ConfigError, InputError
from tasks.plain_yaml import plain_yaml
from tasks.settings import load_yaml, parse
from tasks.training.recipe import Recipe
from tests.test_config import RECIPE

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{two}: &{two} [{', '.join([f'*{one}'] * 10)}]\n" for one, two in zip("abcdefg", "bcdefgh", strict=True)
)
HOSTILE = {
    "nested lists": "[" * 5000,
    "nested and closed": "a: " + "[" * 200 + "]" * 200,
    "nested mappings": "".join(" " * depth + "a:\n" for depth in range(1500)),
    "an integer of 5000 digits": "a: " + "9" * 5000,
    "an integer of 4000 digits": "a: " + "9" * 4000,
    "a hexadecimal one": "a: 0x" + "f" * 9000,
    "base 60": "a: " + ":".join(["1"] * 900),
    "no such date": "a: 2024-13-45",
    "no such time": "a: 2024-01-01T99:99:99Z",
    "an int that is none": "a: !!int abc",
    "a float that is none": "a: !!float abc",
    "an empty int": 'a: !!int ""',
    "a timestamp that is none": "a: !!timestamp abc",
    "a bool that is none": "a: !!bool perhaps",
    "binary": "a: !!binary YQ==",
    "a set": "a: !!set {b, c}",
    "a python object": "a: !!python/object/apply:os.system [echo]",
    "an alias bomb": BOMB,
    "an alias of itself": "a: &a [*a]",
    "an alias of nothing": "a: *b",
    "a key twice": "seed: 1\nseed: 2",
    "a key twice, once in quotes": 'seed: 1\n"seed": 2',
    "a key twice deep inside": "a: [{b: 1, b: 2}]",
    "a list as key": "? [a]\n: b",
    "NUL": "a: b\0",
    "NUL by escape": r'a: "b\0"',
    "half a character": r'a: "\ud800"',
    "tabs": "a:\n\tb: 1",
    "two documents": "a: 1\n---\nb: 2",
    "too long": "a: " + "b" * (1 << 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_wrong_input(name: str) -> None:
    with pytest.raises(InputError) as caught:
        plain_yaml(HOSTILE[name], "file.yaml")
    assert len(str(caught.value)) < 600
    assert caught.value.exit_code == 2


def test_what_people_write_is_read() -> None:
    text = "a: &a {x: 1, y: [1.5, yes, null]}\nb: {<<: *a, x: 2}\nday: 2024-02-29\n"
    assert plain_yaml(text, "file.yaml")["b"] == {"x": 2, "y": [1.5, True, None]}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")
    assert load_yaml(file) == {"a": 1}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(InputError, match="no file"):
        load_yaml(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": -1},
        {"seed": 1 << 40},
        {"training": {"processes": 10**9}},
        {"training": {"epochs": float("inf")}},
        {"training": {"epochs": float("nan")}},
        {"training": {"learning_rate": 1e300}},
        {"evaluation": {"resamples": 10**12}},
        {"evaluation": {"generation": {"max_new_tokens": 10**9}}},
        {"method": {"name": "lora", "rank": 10**9}},
    ],
)
def test_numbers_that_nobody_means_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Recipe, RECIPE | change, "recipe.yaml")
    assert "fault" in str(caught.value)


def test_a_wrong_value_is_repeated_in_short() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(Dataset, {"task": "x" * 100_000, "source": "a", "format": "csv", "licence": "none"}, "params.yaml")
    assert len(str(caught.value)) < 1000


def test_a_file_that_the_system_does_not_read_is_wrong_input() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_yaml(Path("/proc/self/mem"))

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.data import declared, params
from tasks.data.stage import refused_file
from tasks.errors import InputError
from tasks.store import Store
from tests.data.conftest import ENTRIES

BROKEN = "  bad:\n    task: poetry\n    format: jsonl\n  worse: 7\n"


def test_list_tells_of_every_entry_and_broken_ones_stop_no_other(store: Store, checkout: Path) -> None:
    with (checkout / "params.yaml").open("a") as file:
        file.write(BROKEN)
    file_of_refused = refused_file(store, "old", "ingest")
    file_of_refused.parent.mkdir(parents=True)
    file_of_refused.touch()
    found = {one["name"]: one for one in declared.listed(store)}
    assert list(found) == ["bad", "old", "worse"]
    assert "poetry" in found["bad"].pop("faults")
    assert found["worse"]["faults"]
    old = {"name": "old", "task": "causal-lm", "format": "jsonl", "source": "old.jsonl"}
    assert found["old"] == {**old, "digest": None, "records": None, "refused": True, "faults": None}


def test_remove_takes_out_one_entry_and_keeps_the_rest(store: Store, checkout: Path) -> None:
    with (checkout / "params.yaml").open("a") as file:
        file.write(BROKEN)
    (checkout / "data" / "built" / "bad").mkdir(parents=True)
    assert "data/built/bad" in declared.remove(store, "bad")[0]
    assert (checkout / "data" / "built" / "bad").is_dir()
    declared.remove(store, "worse")
    assert (checkout / "params.yaml").read_text() == ENTRIES
    with pytest.raises(InputError, match="no such dataset: bad"):
        declared.remove(store, "bad")


def test_remove_refuses_while_a_recipe_names_the_dataset(store: Store, checkout: Path) -> None:
    (checkout / "recipes").mkdir()
    (checkout / "recipes" / "one.yaml").write_text("model: m\ndataset: old\n")
    (checkout / "recipes" / "other.yaml").write_text("model: m\ndataset: older\n")
    (checkout / "recipes" / "broken.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"old: recipes/one.yaml\n.*--yes"):
        declared.remove(store, "old")
    assert params.one_dataset("old").source == "old.jsonl"
    assert "recipes/one.yaml still names it" in declared.remove(store, "old", although_used=True)[0]
    with pytest.raises(InputError, match="no such dataset: old"):
        params.one_dataset("old")
    assert (checkout / "old.jsonl").is_file()

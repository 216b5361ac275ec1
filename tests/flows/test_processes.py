"""A retrain whose training runs in two processes: as many versions, events and runs as with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.lineage import ledger
from tasks.store import Store
from tasks.training.distributed import places
from tests.factories import tiny_bert
from tests.flows.checkout import RECIPE_FILE, Checkout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(places()[1] < 2, reason="needs two CPUs, or two GPUs"),
]


@pytest.mark.parametrize("sharding", ["none", "full"])
def test_two_processes_make_one_version_and_one_event(sharding: str, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", tiny_bert(tmp_path / "bert"))
    checkout.declare()
    recipe = checkout.folder / RECIPE_FILE
    recipe.write_text(recipe.read_text().replace("epochs: 6", f"epochs: 6\n  processes: 2\n  sharding: {sharding}"))
    said = checkout.galen("retrain", RECIPE_FILE)
    assert "minute@champion is version 1" in said
    assert "Traceback" not in said
    assert len(json.loads(checkout.galen("models", "--json"))) == 1
    audit = json.loads(checkout.galen("audit", "minute@champion", "--json"))
    assert audit["verdict"] == "intact"
    store = Store(checkout.home)
    assert len(ledger.events(store, "model-trained")) == 1
    assert len(ledger.events(store, "registered")) == 1

"""A comparison on a real Ray cluster of this machine, and what is refused before one is asked for."""

from __future__ import annotations

import json
import pickle

import pytest

from flows.cluster import check_cluster
from tasks.children import Children
from tasks.errors import InputError
from tasks.store import Store
from tests.flows.checkout import First


def test_arms_run_on_a_ray_cluster_and_are_kept(first: First) -> None:
    pytest.importorskip("prefect_ray", reason="the extra for Ray is not installed: make ray")
    checkout = first.checkout
    command = ("compare", "recipes/minute.yaml", "--methods", "lora,feature-extraction")
    said = checkout.galen(*command, "--parallel", "2", "--ray", "local")
    assert said.count("(arm pid=") >= 2, said  # a line of each arm, from a worker of the cluster
    out = checkout.home / "comparisons" / "compare-minute"
    report = json.loads((out / "report.json").read_text())
    assert [(arm["name"], arm["finished"]) for arm in report["arms"]] == [
        ("lora", [17]),
        ("feature-extraction", [17]),
    ]
    assert [(one["arms at a time"], one["on"]) for one in report["machines"]] == [(2, "a Ray cluster")]

    kept = {file.name: file.read_bytes() for file in (out / "arms").iterdir()}
    again = checkout.galen(*command)  # without the cluster: the same arms, so nothing to do
    assert again.count(" kept ") == 2, again
    assert kept == {file.name: file.read_bytes() for file in (out / "arms").iterdir()}


def test_a_cluster_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_cluster(None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: "there")
    with pytest.raises(InputError, match=r"(?s)needs a Prefect server.*PREFECT_API_URL"):
        check_cluster("127.0.0.1:6379")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"(?s)Ray is not installed.*make ray"):
        check_cluster("local")


def test_what_asks_children_can_travel_to_a_worker(store: Store) -> None:
    there = pickle.loads(pickle.dumps(Children(store, "tasks.comparison.arm", 3)))
    assert (there.store, there.module, there.threads, there.stopped) == (store, "tasks.comparison.arm", 3, False)

"""The flow of a search, on a real Prefect server. Trials train in this process: each is spared an import of torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tasks.artifact import read
from tasks.children import Children
from tasks.config.data import SplitSettings
from tasks.data.version import DatasetVersion
from tasks.errors import ConfigError, GalenError, InputError, Stopped
from tasks.settings import load
from tasks.store import Store
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune
from tasks.tuning.trial import Job, run_trial
from tests.factories import dataset_version, tiny_bert
from tests.training.recipes import recipe

pytestmark = pytest.mark.filterwarnings("ignore")


class Bench:
    """A search for a tiny BERT's settings on a dataset whose test split is gone, and a count of the real trainings."""

    def __init__(self, store: Store, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.store, self.folder, self.trained = store, folder, list[float]()
        self.stop_after: int | None = None
        self.dataset = dataset_version(store, "text-classification", 60, name="factory")
        (self.dataset.artifact.path / "test.parquet").unlink()
        self.recipe = folder / "tiny.yaml"
        given = recipe("text-classification", tiny_bert(folder / "bert"), "lora", epochs=2, learning_rate=1e-5)
        self.recipe.write_text("# a tiny one\n" + yaml.safe_dump(given.plain()))
        self.space: dict[str, Any] = {"training.learning_rate": {"low": 1e-5, "high": 5e-3, "log": True}}
        self.space["method.rank"] = {"choices": [2, 4, 8]}
        import flows.inputs
        import flows.tune

        patch.setattr(flows.tune, "prepared", self._prepared)
        declared = SimpleNamespace(task=self.dataset.task, split=SplitSettings())
        patch.setattr(flows.inputs, "one_dataset", lambda _: declared)
        patch.setattr(Children, "ask", self._ask)

    def _prepared(self, *_: Any) -> DatasetVersion:
        return self.dataset

    def _ask(self, job: Mapping[str, Any], _name: str) -> dict[str, Any]:
        if self.stop_after is not None and len(self.trained) >= self.stop_after:
            raise Stopped("stopped")
        asked = Job.of(job)
        self.trained.append(asked.recipe.training.learning_rate)
        return run_trial(self.store, asked)

    def run(self, trials: int, **options: Any) -> dict[str, Any]:
        """Write the search and run it."""
        from flows.tuning import run_search

        path = self.folder / "tune-tiny.yaml"
        path.write_text(yaml.safe_dump({"recipe": str(self.recipe), "trials": trials, "space": self.space}))
        self.trained.clear()
        return run_search(self.store, path, **options)


@pytest.fixture
def bench(store: Store, server: str, tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("PREFECT_API_URL", server)
    return Bench(store, tmp_path, monkeypatch)


def models(store: Store) -> set[str]:
    """Digests of what was trained and is still there."""
    kinds = {path.name: read(path).kind for path in (store.root / "artifacts").iterdir()}
    return {digest for digest, kind in kinds.items() if kind != "dataset"}


def test_a_search_stops_goes_on_grows_and_its_recipe_finds_what_it_trained(store: Store, bench: Bench) -> None:
    bench.stop_after = 2
    with pytest.raises(Stopped, match="2 of 4 trials ended"):
        bench.run(4)
    tuned = bench.folder / "tiny-tuned.yaml"
    assert not tuned.exists()
    assert bench.trained[0] == 1e-5, "the recipe as it is"
    bench.stop_after = None
    found = bench.run(4)
    assert len(bench.trained) == 2
    assert [one["state"] for one in found["trials"]] == ["complete"] * 4
    best = found["best"]
    assert best["value"] == min(one["value"] for one in found["trials"]) < found["recipe_value"]
    assert models(store) == {best["artifact"]}, "what the other trials trained is gone"

    text = tuned.read_text()
    assert text.startswith("# Tuned by `galen tune`")
    assert f"4 trials (4 complete).\n# Trial {best['number']}: validation loss {best['value']:.6g}" in text
    assert "# a tiny one" in text
    new = load(Recipe, tuned)
    assert new.training.learning_rate == best["values"]["training.learning_rate"]
    assert new.model == "tiny"
    again = finetune(store, new, bench.dataset, resolve_base(store, new.base_model))
    assert again.reused, "galen retrain does not train the best trial again"
    assert again.digest == best["artifact"]

    with pytest.raises(InputError, match="--force"):
        bench.run(5)
    more = bench.run(5, force=True, keep=True, parallel=2)
    assert len(bench.trained) == 1
    assert more["trials"][:4] == found["trials"]
    report = json.loads(next((store.root / "tuning").glob("*/report.json")).read_text())
    assert report == more
    page = next((store.root / "tuning").glob("*/report.html")).read_text()
    assert page.count("<svg") == 3
    assert page.count("<meter") == 2

    from mlflow import MlflowClient

    from tasks.tracking import address

    client = MlflowClient(tracking_uri=address.uri(store))
    runs = client.search_runs([client.get_experiment_by_name("tune-tiny").experiment_id])
    newest = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    below = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == newest.info.run_id]
    assert len(below) == 5
    assert {run.data.params["method.rank"] for run in below} <= {"2", "4", "8"}
    assert newest.data.metrics["best_value"] == more["best"]["value"]
    assert {file.path for file in client.list_artifacts(newest.info.run_id)} == {"report.html", "report.json"}


def test_a_trial_that_fails_does_not_end_the_search(bench: Bench) -> None:
    wild = {"training.weight_decay": {"choices": [100]}}
    bench.space = wild | {"training.learning_rate": {"choices": [1e-5, 100]}}
    found = bench.run(3)
    failed = [one for one in found["trials"] if one["state"] == "failed"]
    assert failed
    assert "not a number" in failed[0]["error"]["what"]
    assert load(Recipe, bench.folder / "tiny-tuned.yaml").training.learning_rate == 1e-5

    bench.space = wild | {"training.learning_rate": {"choices": [100]}}
    with pytest.raises(GalenError, match="not a number"):
        bench.run(1, out=bench.folder / "none.yaml")
    assert not (bench.folder / "none.yaml").exists()


def test_what_cannot_work_is_refused_before_anything_trains(bench: Bench) -> None:
    bench.space = {"method.targets": {"choices": ["all-linear", ["nothing"]]}}
    with pytest.raises(ConfigError, match=r"(?s)method.targets.*nothing"):
        bench.run(2)
    with pytest.raises(InputError, match="yaml"):
        bench.run(2, out=bench.folder / "tuned.txt")
    assert bench.trained == []

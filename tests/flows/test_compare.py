"""The flow of a comparison, on a real Prefect server. Arms train in this process: each is spared an import of torch."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tasks.children import Children
from tasks.comparison.arm import measure
from tasks.comparison.job import Job
from tasks.config.data import SplitSettings
from tasks.data.version import DatasetVersion
from tasks.errors import ConfigError, InputError, Stopped
from tasks.store import Store
from tests.factories import dataset_version, tiny_bert
from tests.training.recipes import recipe

pytestmark = pytest.mark.filterwarnings("ignore")


class Bench:
    """A comparison of a tiny BERT's arms, and a count of the trainings that really happen."""

    def __init__(self, store: Store, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.store, self.folder, self.trained = store, folder, list[str]()
        self.stop_after: int | None = None
        self.dataset = dataset_version(store, "text-classification", 60, name="factory")
        plain = recipe("text-classification", tiny_bert(folder / "bert"), "full", epochs=10).plain()
        plain["evaluation"]["resamples"] = 100
        arms: list[dict[str, Any]] = [
            {"method": {"name": "full"}, "seeds": 2},
            {"method": {"name": "lora", "rank": 4}, "training": {"learning_rate": 1e-2}, "seeds": 2},
            {"method": {"name": "feature-extraction"}},
        ]
        self.settings: dict[str, Any] = {"name": "compare-tiny", "recipe": plain, "arms": arms}
        import flows.compare
        import flows.inputs

        patch.setattr(flows.compare, "prepared", self._prepared)
        declared = SimpleNamespace(task=self.dataset.task, split=SplitSettings())
        patch.setattr(flows.inputs, "one_dataset", lambda _: declared)
        patch.setattr(Children, "ask", self._ask)

    def _prepared(self, *_: Any) -> DatasetVersion:
        return self.dataset

    def _ask(self, asked: dict[str, Any], name: str) -> dict[str, Any]:
        job = Job.of(asked)
        if self.stop_after is not None and len(self.trained) >= self.stop_after:
            raise Stopped("stopped")
        self.trained.append(f"{job.entry.arm}-{job.entry.seed}")
        return measure(self.store, job)

    def run(self, **options: Any) -> dict[str, Any]:
        """Write the file and compare."""
        from flows.comparing import run_comparison

        path = self.folder / "compare-tiny.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        self.trained.clear()
        return run_comparison(self.store, path, out=self.folder / "out", **options)


@pytest.fixture
def bench(store: Store, server: str, tmp_path: Path, mlflow_store: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("PREFECT_API_URL", server)
    return Bench(store, tmp_path, monkeypatch)


def test_a_comparison_stops_goes_on_reports_and_runs_nothing_twice(store: Store, bench: Bench) -> None:
    bench.stop_after = 1
    with pytest.raises(Stopped, match=r"4 trainings did not end"):
        bench.run()
    assert bench.trained == ["full-17"]
    bench.stop_after = None
    found = bench.run()
    assert bench.trained == ["full-18", "lora-17", "lora-18", "feature-extraction-17"]
    full, lora, probe = found["arms"]
    assert lora["numbers"]["parameters.share"] < full["numbers"]["parameters.share"] == 1
    assert probe["gain"]["macro_f1"]["value"] < 0
    assert full["quality"]["macro_f1"]["value"] > full["switched_off"]["macro_f1"]
    page = (bench.folder / "out" / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "feature-extraction" in page

    narrowed = bench.run(methods=["lora"], seeds=1)
    assert bench.trained == []
    assert narrowed == found, "the report covers the whole file"
    again = bench.run(report_only=True)
    assert bench.trained == []
    assert again == found == json.loads((bench.folder / "out" / "report.json").read_text())

    from mlflow import MlflowClient

    from tasks.tracking import address

    client = MlflowClient(tracking_uri=address.uri(store))
    experiment = client.get_experiment_by_name("compare-tiny")
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    newest = parents[0].info.run_id
    below = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == newest]
    assert len(below) == 5
    assert all(run.data.metrics["macro_f1"] >= 0 for run in below)
    assert {file.path for file in client.list_artifacts(newest)} == {"report.html", "report.json"}


def test_an_arm_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    wild = {"learning_rate": 100, "weight_decay": 100}  # each step multiplies the weights by -9,999
    arms = [{"name": "wild", "method": {"name": "full"}, "training": wild}, {"method": {"name": "full"}}]
    bench.settings["arms"] = arms
    with pytest.raises(InputError, match=r"(?s)1 of 2 trainings failed, of arm wild: .*not a number"):
        bench.run(parallel=2)
    report = json.loads((bench.folder / "out" / "report.json").read_text())
    wild_arm, full = report["arms"]
    assert "not a number" in wild_arm["errors"][0]["what"]
    assert full["finished"] == [17]
    assert "not a number" in (bench.folder / "out" / "report.html").read_text()


def test_what_cannot_work_is_refused_before_anything_trains(bench: Bench) -> None:
    arms = [{"method": {"name": "lora", "targets": ["nothing"]}}, {"method": {"name": "full"}}]
    bench.settings["arms"] = arms
    with pytest.raises(ConfigError, match=r"(?s)arm lora.*nothing"):
        bench.run()
    assert bench.trained == []

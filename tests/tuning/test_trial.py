"""One trial at a time, in this process but for one test: what it may read, what it leaves, what the study learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.children import Children
from tasks.errors import InputError, IntegrityError
from tasks.store import Store
from tasks.training.resolve import resolve_base
from tasks.tuning.config import Search, Values, usual_space, with_values
from tasks.tuning.result import summarise
from tasks.tuning.study import Asked, Subject, Trials
from tasks.tuning.trial import Job, open_splits, run_trial
from tests.factories import dataset_version, tiny_bert
from tests.training.recipes import recipe

pytestmark = pytest.mark.filterwarnings("ignore")


def subject(store: Store, folder: Path, trials: int = 6, space: Any = None, **search: Any) -> Subject:
    """A search on a dataset version whose test split is gone: whoever opens it fails."""
    given = recipe("text-classification", folder, "full", epochs=2)
    data = dataset_version(store, "text-classification", 60, name="factory")
    (data.artifact.path / "test.parquet").unlink(missing_ok=True)
    asked = Search(recipe="", trials=trials, space=space or usual_space(given), **search)
    base = resolve_base(store, given.base_model).digest
    return Subject(asked, given, data.digest, data.split_digest("validation"), base)


def job_of(study: Trials, asked: Asked, **values: Any) -> Job:
    one = study.subject
    changed = with_values(one.recipe, asked.values | values)
    return Job(one.key, asked.id, changed, one.dataset, one.base, one.search.metric, one.search.prunes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "bert")


def test_a_trial_in_a_process_of_its_own_reports_its_curve_and_never_opens_the_test_split(
    store: Store, folder: Path
) -> None:
    trials = Trials(store, subject(store, folder))
    asked = trials.ask()
    found = Children(store, "tasks.tuning.trial", 1).ask(job_of(trials, asked).plain(), "trial 0")
    trials.tell(asked, **found)
    (one,) = summarise(store, trials.subject)["trials"]
    assert one["state"] == "complete"
    assert one["own"], "the recipe as it is goes first"
    assert len(one["curve"]) == 2
    assert one["value"] == min(point["loss"] for point in one["curve"])
    assert store.has(one["artifact"])


def test_a_child_hands_back_its_error(store: Store, folder: Path) -> None:
    trials = Trials(store, subject(store, folder))
    wrong = replace(job_of(trials, trials.ask()), base="of another base")
    with pytest.raises(InputError, match="base model changed"):
        Children(store, "tasks.tuning.trial", 1).ask(wrong.plain(), "trial 0")


def test_a_metric_is_measured_on_the_validation_split(store: Store, folder: Path) -> None:
    trials = Trials(store, subject(store, folder, metric="macro_f1"))
    asked = trials.ask()
    found = run_trial(store, job_of(trials, asked))
    assert 0 <= found["value"] <= 1
    assert len(found["made"]) == 2, "the model and its evaluation"
    trials.tell(asked, **found)
    told = summarise(store, trials.subject)
    assert told["better"] == "higher"
    assert not told["prune"], "the loss does not end trainings that are judged by something else"


def test_a_split_that_was_changed_is_not_learned_from(store: Store, folder: Path) -> None:
    one = subject(store, folder)
    open_splits(store, one.dataset)
    path = store.folder(one.dataset) / "validation.parquet"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(IntegrityError, match="changed"):
        open_splits(store, one.dataset)


def test_a_bad_trial_is_stopped_early_and_leaves_nothing(store: Store, folder: Path) -> None:
    trials = Trials(store, subject(store, folder))
    for _ in range(4):
        good = trials.ask()
        for point in (1, 2):
            good.trial.report(0.01, point)
        trials.tell(good, "complete", 0.01)
    asked = trials.ask()
    found = run_trial(store, job_of(trials, asked, **{"training.checkpoints": 4}))
    assert found["state"] == "pruned"
    trials.tell(asked, **found)
    one = summarise(store, trials.subject)["trials"][-1]
    assert (one["state"], len(one["curve"]), one["value"]) == ("pruned", 1, None)
    kinds = [json.loads((path / "artifact.json").read_bytes())["kind"] for path in (store.root / "artifacts").iterdir()]
    assert kinds == ["dataset"]
    assert not list((store.root / "checkpoints").glob("*"))


def test_losses_of_smoothed_trainings_are_measured_without_smoothing(store: Store, folder: Path) -> None:
    """Else a search would learn that smoothing is bad, whatever it does."""
    space = {"training.label_smoothing": Values(choices=(0.0, 0.5))}
    trials = Trials(store, subject(store, folder, space=space))
    losses = []
    for smoothing in (0.0, 0.5):
        asked = trials.ask()
        values = {"training.label_smoothing": smoothing, "training.learning_rate": 1e-9, "training.dropout": 0.0}
        values["training.head_learning_rate"] = 1e-9
        losses.append(run_trial(store, job_of(trials, asked, **values))["value"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3), "nothing was learned, so the losses are the same"

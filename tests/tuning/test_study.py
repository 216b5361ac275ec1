"""What a study tries next, without training anything: the value of a trial is a made-up function of its settings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import InputError, Interrupted
from tasks.store import Store
from tasks.tuning.config import Search, Values
from tasks.tuning.result import summarise, write_recipe
from tasks.tuning.study import Subject, Trials, database
from tests.training.recipes import recipe

SPACE = {
    "training.learning_rate": Values(low=1e-5, high=1e-1, log=True),
    "method.rank": Values(low=1, high=64, log=True),
    "method.targets": Values(choices=("all-linear", ["query"], ["query", "value"])),
    "training.weight_decay": Values(low=0, high=1),
}


def subject(trials: int, space: Any = None, **search: Any) -> Subject:
    given = recipe("text-classification", Path("/nowhere"), "lora")
    asked = Search(recipe="", trials=trials, space=space or SPACE, **search)
    return Subject(asked, given, "d" * 64, "v" * 64, "b" * 64)


def loss(values: dict[str, Any]) -> float:
    return abs(math.log10(values["training.learning_rate"]) + 3) + (0.01 if values.get("method.rank", 0) > 8 else 0.0)


def work(store: Store, one: Subject, most: int = 1000) -> list[dict[str, Any]]:
    """Run the missing trials, at most so many; what all of them tried."""
    trials = Trials(store, one)
    for _ in range(min(most, trials.to_do())):
        asked = trials.ask()
        value = loss(asked.values)
        trials.tell(asked, "complete", value, validation_loss=value, code="c", artifact="a" * 64)
    return [trial["values"] for trial in summarise(store, one)["trials"]]


def test_a_search_in_pieces_tries_what_one_in_one_piece_does(store: Store, tmp_path: Path) -> None:
    whole = work(store, subject(8, random=3))
    another = Store(tmp_path / "another")
    work(another, subject(3, random=3))
    assert work(another, subject(8, random=3), 2) == whole[:5]
    Trials(another, subject(8, random=3)).ask()  # and its process dies here
    assert work(another, subject(8, random=3)) == whole
    assert Trials(another, subject(8, random=3)).to_do() == 0
    assert len({str(one) for one in whole}) == 8


def test_another_seed_tries_other_values(store: Store) -> None:
    one = subject(4)
    other = Subject(one.search, one.recipe.model_copy(update={"seed": 5}), one.dataset, one.validation, one.base)
    assert one.key != other.key
    assert work(store, one)[1:] != work(store, other)[1:]


def test_the_number_of_trials_names_no_other_study_but_everything_else_does() -> None:
    key = subject(4).key
    assert subject(9).key == key
    assert subject(4, metric="macro_f1").key != key
    assert subject(4, prune=False).key != key
    one = subject(4)
    assert Subject(one.search, one.recipe, "e" * 64, one.validation, one.base).key != key
    assert Subject(one.search, one.recipe, one.dataset, one.validation, "e" * 64).key != key
    named = one.recipe.model_copy(update={"model": "another", "intended_use": "something else"})
    assert Subject(one.search, named, one.dataset, one.validation, one.base).key == key


def test_values_fit_their_settings(store: Store) -> None:
    found = work(store, subject(8))
    assert found[0] == {
        "training.learning_rate": 1e-2,
        "method.rank": 8,
        "method.targets": "all-linear",
        "training.weight_decay": 0.01,
    }, "the recipe itself"
    for one in found:
        assert isinstance(one["method.rank"], int)
        assert 1e-5 <= one["training.learning_rate"] <= 1e-1
        assert one["training.learning_rate"] == float(f"{one['training.learning_rate']:.3g}")
        assert isinstance(one["training.weight_decay"], float)
    importance = summarise(store, subject(8))["importance"]
    assert set(importance) == set(SPACE)
    assert sum(importance.values()) == pytest.approx(1)


def test_the_sampler_learns_and_what_matters_is_found(store: Store) -> None:
    space = {path: SPACE[path] for path in ("method.rank", "training.learning_rate")}
    found = work(store, one := subject(18, space, random=6))
    early, late = (sum(map(loss, part)) / len(part) for part in (found[1:7], found[-6:]))
    assert late < early / 2
    assert summarise(store, one)["importance"]["training.learning_rate"] > 0.8


def test_what_was_tried_is_not_trained_again(store: Store) -> None:
    one = subject(4, {"method.rank": Values(choices=(4, 8))})
    trials, trained = Trials(store, one), 0
    for _ in range(4):
        asked = trials.ask()
        if twin := trials.twin(asked):
            trials.repeat(asked, twin)
        else:
            trained += 1
            trials.tell(asked, "complete", float(asked.values["method.rank"]), code="c", artifact="a")
    found = summarise(store, one)
    assert trained == 2
    assert [trial["value"] for trial in found["trials"]] == [float(t["values"]["method.rank"]) for t in found["trials"]]
    assert found["best"]["same_as"] is None


def test_a_failed_trial_is_told_and_not_best(store: Store) -> None:
    one, trials = subject(3), Trials(store, subject(3))
    trials.fail(trials.ask(), InputError("the loss is not a number", hint="lower it"))
    trials.fail(trials.ask(), Interrupted("its process died"))
    trials.tell(trials.ask(), "complete", 1.0, code="c")
    found = summarise(store, one)
    assert [trial["state"] for trial in found["trials"]] == ["failed", "failed", "complete"]
    assert found["trials"][0]["error"]["what"] == "the loss is not a number"
    assert found["best"]["number"] == 2
    assert found["importance"] == {}
    assert database(store, one.key).is_file()


def test_a_tuned_recipe_keeps_comments_and_says_where_it_comes_from(tmp_path: Path) -> None:
    import yaml

    from tasks.evaluation.policy import load_recipe
    from tasks.tuning.config import with_values

    one = subject(3)
    plain = {key: value for key, value in one.recipe.plain().items() if key not in ("evaluation", "quantization")}
    plain["schedule"] = {"cron": "0 3 * * 1"}
    plain["tighten"] = [{"name": "accurate", "kind": "threshold", "metric": "accuracy", "min": 0.5}]
    file, target = tmp_path / "tiny.yaml", tmp_path / "tiny-tuned.yaml"
    file.write_text("# why this recipe\n" + yaml.safe_dump(plain, sort_keys=False))
    values = {"training.learning_rate": 1e-05, "method.targets": ["query"], "training.warmup": 0.25}
    best = {"number": 2, "value": 0.5, "validation_loss": 0.5, "values": values}
    found = {"best": best, "study": one.key, "metric": "loss", "recipe_value": 0.75, "dataset_digest": "d" * 64}
    found["trials"] = [{"state": "complete"}, {"state": "pruned"}, {"state": "complete"}]
    write_recipe(file, target, found, load_recipe(file))
    text = target.read_text()
    tuned = load_recipe(target)
    assert tuned.tighten == load_recipe(file).tighten
    without = tuned.model_copy(update={"tighten": ()})
    assert without == with_values(one.recipe, values), "without the schedule: one recipe per model has it"
    assert "# why this recipe" in text
    assert f"study {one.key[:12]}, 3 trials (2 complete, 1 pruned)" in text
    assert "Trial 2: validation loss 0.5 (the recipe as it was: 0.75)" in text

    file.write_text(file.read_text().replace("batch_tokens: 128", "batch_tokens: 64"))
    with pytest.raises(InputError, match="changed while"):
        write_recipe(file, target, found, one.recipe)

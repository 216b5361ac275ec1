"""A grown test split costs its new records only, and says the same as if all of it were asked at once."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.training import BaseModelRef
from tasks.config.words import DatasetTask
from tasks.data.version import DatasetVersion
from tasks.evaluation import evaluate as evaluating
from tasks.evaluation.baselines import simple_rivals
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.known import contents_of
from tasks.evaluation.predict import Predictions, predict
from tasks.evaluation.rules import RULES
from tasks.store import Store
from tasks.training.resolve import resolve_base
from tests.factories import seal_rows, tiny_bert, tiny_llama
from tests.rows import Row, rows

FEW = EvaluationSettings(generation=Generation(max_new_tokens=4), resamples=100)
Asked = list[list[str]]


def sealed(store: Store, task: DatasetTask, test: Sequence[Row], *, train: int = 6) -> DatasetVersion:
    made = later(task, 0, 26)
    return seal_rows(store, task, {"train": made[:train], "validation": made[20:], "test": list(test)})


def later(task: DatasetTask, first: int, last: int) -> list[Row]:
    """Some of the rows, of which no two hold the same."""
    made = rows(task, 60)
    if task == "causal-lm":
        made = [{**row, "prompt": f"{row['prompt']} ({place})"} for place, row in enumerate(made)]
    assert len(set(contents_of(task, made))) == len(made)
    return made[first:last]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The ids of the records that a model was given, call by call."""
    calls: Asked = []

    def counted(model: Any, tokenizer: Any, task: Any, labels: Any, rows: Any, *more: Any, **named: Any) -> Predictions:
        calls.append([row["record_id"] for row in rows])
        return predict(model, tokenizer, task, labels, rows, *more, **named)

    monkeypatch.setattr(evaluating, "predict", counted)
    return calls


def table(evaluation: Evaluation) -> list[dict[str, Any]]:
    return list(pq.read_table(evaluation.artifact.file("predictions.parquet")).to_pylist())


MODELS: Mapping[DatasetTask, Callable[[Path], Path]] = {
    "causal-lm": tiny_llama,
    "text-classification": tiny_bert,
    "token-classification": tiny_bert,
}


@pytest.mark.parametrize("task", list(MODELS))
def test_a_grown_split_asks_for_its_new_records_and_measures_as_if_made_at_once(
    store: Store, tmp_path: Path, task: DatasetTask, asked: Asked
) -> None:
    folder = MODELS[task](tmp_path / "model")
    base = resolve_base(store, BaseModelRef(folder=str(folder)))
    old, new = later(task, 30, 42), later(task, 42, 48)
    evaluate(store, base, sealed(store, task, old), FEW)
    grown = sealed(store, task, [*new[:3], *old[2:], *new[3:]])  # two have left, and the order is another one
    found = evaluate(store, base, grown, FEW)
    assert asked == [[row["record_id"] for row in old], [row["record_id"] for row in new]]

    elsewhere = Store(tmp_path / "elsewhere")
    base = resolve_base(elsewhere, BaseModelRef(folder=str(folder)))
    whole = evaluate(elsewhere, base, grown, FEW)
    assert found.meta == whole.meta
    assert found.metrics.keys() == whole.metrics.keys() and found.slices.keys() == whole.slices.keys()
    for name, value in whole.numbers().items():
        assert found.numbers()[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    assert [{**row, **exact(again)} for row, again in zip(table(found), table(whole), strict=True)] == table(whole)


def exact(row: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that another batch may round otherwise; all else must be the same."""
    return {name: value for name, value in row.items() if isinstance(value, float)}


def test_where_no_batch_rounds_otherwise_the_bytes_are_those_of_asking_at_once(store: Store, tmp_path: Path) -> None:
    task: DatasetTask = "text-classification"
    old, new = later(task, 30, 42), later(task, 42, 48)
    simple_rivals(store, sealed(store, task, old), FEW, ["nearest train text"])
    grown = sealed(store, task, [*old, *new])
    found = simple_rivals(store, grown, FEW, ["nearest train text"])
    whole = simple_rivals(Store(tmp_path / "elsewhere"), grown, FEW, ["nearest train text"])
    assert found["nearest train text"].digest == whole["nearest train text"].digest


def test_a_changed_record_is_asked_again_and_a_renamed_one_is_not(store: Store, tmp_path: Path, asked: Asked) -> None:
    base = resolve_base(store, BaseModelRef(folder=str(tiny_bert(tmp_path / "model"))))
    old = later("text-classification", 30, 42)
    evaluate(store, base, sealed(store, "text-classification", old), FEW)
    changed = {**old[3], "text": f"{old[3]['text']} again"}
    relabelled = {**old[4], "label": next(row["label"] for row in old if row["label"] != old[4]["label"])}
    renamed = {**old[5], "record_id": "another-id", "group_id": "another-group"}
    found = evaluate(store, base, sealed(store, "text-classification", [changed, relabelled, renamed, *old[6:]]), FEW)
    assert asked[1:] == [[changed["record_id"], relabelled["record_id"]]]
    first = table(found)[2]
    assert (first["record_id"], first["group_id"]) == ("another-id", "another-group")


def test_only_what_decides_a_prediction_makes_it_another_one(store: Store, tmp_path: Path, asked: Asked) -> None:
    base = resolve_base(store, BaseModelRef(folder=str(tiny_llama(tmp_path / "model"))))
    dataset = sealed(store, "causal-lm", later("causal-lm", 30, 42))
    evaluate(store, base, dataset, FEW)
    evaluate(store, base, dataset, FEW.model_copy(update={"confidence": 0.9, "max_records": 8}))
    assert len(asked) == 1
    longer = FEW.model_copy(update={"generation": Generation(max_new_tokens=5)})
    evaluate(store, base, dataset, longer)
    other = resolve_base(store, BaseModelRef(folder=str(tiny_llama(tmp_path / "other", seed=1))))
    evaluate(store, other, dataset, FEW)
    assert [len(call) for call in asked] == [12, 12, 12]


def test_a_rule_that_learned_from_other_records_is_another_rule(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def majority(train: Any, asked: Any) -> list[str]:
        calls.append(len(asked))
        return [train[0]["label"]] * len(asked)

    monkeypatch.setitem(RULES["text-classification"], "majority label", majority)
    old, new = later("text-classification", 30, 42), later("text-classification", 42, 45)
    for test, train in ((old, 6), ([*old, *new], 6), ([*old, *new], 7)):
        simple_rivals(store, sealed(store, "text-classification", test, train=train), FEW, ["majority label"])
    assert calls == [12, 3, 15]


def test_nothing_unsigned_or_damaged_is_used_again(store: Store, tmp_path: Path, asked: Asked) -> None:
    base = resolve_base(store, BaseModelRef(folder=str(tiny_bert(tmp_path / "model"))))
    old = later("text-classification", 30, 42)
    first = evaluate(store, base, sealed(store, "text-classification", old), FEW)
    file = first.artifact.file("predictions.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"?")
    evaluate(store, base, sealed(store, "text-classification", old[1:]), FEW)
    file.write_bytes(whole)
    for statement in (store.root / "index" / "evaluation").iterdir():
        statement.write_bytes(statement.read_bytes().replace(b'"sig":"', b'"sig":"AA'))
    evaluate(store, base, sealed(store, "text-classification", old[2:]), FEW)
    assert [len(call) for call in asked] == [12, 11, 10]


def test_a_model_that_says_nan_says_so_again(store: Store) -> None:
    from tasks.evaluation.metric import BROKEN
    from tasks.meta.evaluation import SubjectMeta

    subject = SubjectMeta(digest="a" * 64, form="base", parent=None, base=None)

    def run(asked: Sequence[Mapping[str, Any]]) -> Predictions:
        return Predictions({"label": ["x"] * len(asked)}, [BROKEN] * len(asked), [False] * len(asked))

    old, new = later("text-classification", 30, 42), later("text-classification", 42, 44)
    for test in (old, [*old, *new]):
        dataset = sealed(store, "text-classification", test)
        found = evaluating.evaluation_of(store, subject, dataset, FEW, "test", run, "c" * 64)
        assert found.metrics == {}

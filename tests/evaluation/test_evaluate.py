import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.training import BaseModelRef
from tasks.config.words import DatasetTask, Task
from tasks.errors import IntegrityError, NotJudgeable
from tasks.evaluation.evaluate import evaluate, subject_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.predict import positions_of, predict
from tasks.evaluation.sample import judged_rows
from tasks.meta.form import Form
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.opening import open_model
from tasks.training.prompts import answer_ids, prompt_ids
from tasks.training.resolve import resolve_base
from tests.evaluation.test_answers import likelihood_alone
from tests.factories import dataset_version, seal_rows, tiny_bert, tiny_llama
from tests.records import model_meta
from tests.rows import rows

FEW = EvaluationSettings(generation=Generation(max_new_tokens=8), resamples=100)


@pytest.fixture
def llama(store: Store, tmp_path: Path) -> Base:
    return resolve_base(store, BaseModelRef(folder=str(tiny_llama(tmp_path / "llama"))))


@pytest.fixture
def bert(store: Store, tmp_path: Path) -> Base:
    return resolve_base(store, BaseModelRef(folder=str(tiny_bert(tmp_path / "bert"))))


def opened(base: Base, task: Task = "causal-lm", labels: tuple[str, ...] = ()) -> tuple[Any, Any]:
    return open_model(base, task, labels, dtype=torch.float32)


def test_metrics_of_a_causal_model_follow_from_its_predictions(store: Store, llama: Base) -> None:
    dataset = dataset_version(store, "causal-lm", 60)
    evaluation = evaluate(store, llama, dataset, FEW)
    model, tokenizer = opened(llama)
    test = dataset.rows("test")
    prompts = prompt_ids(tokenizer, [row["prompt"] for row in test])
    references = answer_ids(tokenizer, [row["answer"] for row in test])
    nll = sum(likelihood_alone(model, *pair) for pair in zip(prompts, references, strict=True))
    expected = math.exp(nll / sum(map(len, references)))
    assert evaluation.metrics["perplexity"].value == pytest.approx(expected, rel=0.02)  # bfloat16 where it is native
    closed = [n for n, row in enumerate(test) if row["choices"]]
    right = 0
    for n in closed:
        chances = {
            choice: likelihood_alone(model, prompts[n], answer_ids(tokenizer, [choice])[0]) for choice in ("yes", "no")
        }
        right += min(chances, key=lambda choice: chances[choice]) == test[n]["answer"]
    assert evaluation.metrics["choice_accuracy"].value == pytest.approx(right / len(closed))
    assert (evaluation.records, evaluation.cut, evaluation.form) == (len(test), 0, "base")


def test_labels_and_confidence_are_those_of_each_text_alone(bert: Base) -> None:
    made = rows("text-classification", 20)
    labels = ["nervous", "respiratory", "skin"]
    model, tokenizer = opened(bert, "text-classification", tuple(labels))
    found = predict(model, tokenizer, "text-classification", labels, made, FEW)
    for row, label, confidence in zip(made, found.columns["label"], found.columns["confidence"], strict=True):
        with torch.inference_mode():
            chances = model(**tokenizer(row["text"], return_tensors="pt")).logits[0].softmax(-1)
        assert label == labels[int(chances.argmax())]
        assert confidence == pytest.approx(float(chances.max()), rel=1e-4)


def test_the_brier_score_is_that_of_scikit_learn(bert: Base) -> None:
    from sklearn.metrics import brier_score_loss

    made = rows("text-classification", 20)
    labels = sorted({row["label"] for row in made})
    model, tokenizer = opened(bert, "text-classification", tuple(labels))
    found = predict(model, tokenizer, "text-classification", labels, made, FEW).statistics
    chances = [
        model(**tokenizer(row["text"], return_tensors="pt")).logits[0].double().softmax(-1).tolist() for row in made
    ]
    expected = brier_score_loss([row["label"] for row in made], chances, labels=labels, scale_by_half=False)
    assert sum(one["squared_error"] for one in found) / len(made) == pytest.approx(expected, rel=1e-4)


def test_words_beyond_the_cut_count_as_missed(bert: Base) -> None:
    labels = ["B-Disease", "I-Disease", "O"]
    model, tokenizer = opened(bert, "token-classification", tuple(labels))
    model.classifier.bias.data[:] = torch.tensor([100.0, 0.0, 0.0])  # an entity in every word
    row = {"tokens": ["asthma"] * 12, "tags": ["B-Disease"] * 12}
    short = {"tokens": ["asthma"] * 3, "tags": ["B-Disease"] * 3}
    found = predict(model, tokenizer, "token-classification", labels, [row, short], FEW, max_length=8)
    assert found.columns["tags"][0] == ["B-Disease"] * 6 + ["O"] * 6  # 8 pieces, two of them special
    assert found.statistics[0] == {"records": 1, "tp:Disease": 6, "fn:Disease": 6}
    assert found.statistics[1] == {"records": 1, "tp:Disease": 3}
    assert found.cut == [True, False]


@pytest.mark.parametrize("task", ["causal-lm", "text-classification", "token-classification"])
def test_a_model_that_says_nan_has_no_metrics(store: Store, task: DatasetTask, llama: Base, bert: Base) -> None:
    dataset = dataset_version(store, task, 20)
    base = llama if task == "causal-lm" else bert
    model, tokenizer = opened(base, task, tuple(dataset.labels))
    next(iter(model.parameters())).data.fill_(float("nan"))
    found = predict(model, tokenizer, task, dataset.labels, dataset.rows("test"), FEW)
    from tasks.evaluation.estimates import measure
    from tasks.evaluation.slices import Scores

    scores = Scores.of(task, "0" * 64, dataset.rows("test"), found.statistics, dataset.labels)
    assert measure(scores.view(), FEW) == {}


def test_the_same_question_is_answered_once(store: Store, llama: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dataset_version(store, "causal-lm", 40)
    first = evaluate(store, llama, dataset, FEW)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was opened again")

    import tasks.training.opening

    monkeypatch.setattr(tasks.training.opening, "open_model", forbidden)
    assert evaluate(store, llama, dataset, FEW).digest == first.digest
    grown = seal_rows(
        store,
        "causal-lm",
        {"train": dataset.rows("train")[:-2], "validation": dataset.rows("validation"), "test": dataset.rows("test")},
    )
    again = evaluate(store, llama, grown, FEW)  # another version with the same test set
    assert (again.digest, again.dataset) == (first.digest, grown.digest)
    with pytest.raises(AssertionError, match="opened again"):
        evaluate(store, llama, dataset, EvaluationSettings(generation=Generation(max_new_tokens=9), resamples=100))
    with pytest.raises(AssertionError, match="opened again"):
        evaluate(store, llama, dataset, FEW, split="validation")


def test_a_second_run_makes_the_same_bytes(llama: Base, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        store = Store(tmp_path / name)
        digests.append(evaluate(store, llama, dataset_version(store, "causal-lm", 40), FEW).digest)
    assert digests[0] == digests[1]


@pytest.mark.parametrize("task", ["causal-lm", "text-classification", "token-classification"])
def test_content_stays_in_the_predictions(store: Store, task: Task, llama: Base, bert: Base) -> None:
    dataset = dataset_version(store, task, 60)
    evaluation = evaluate(store, llama if task == "causal-lm" else bert, dataset, FEW)
    table = pq.read_table(evaluation.artifact.file("predictions.parquet"))
    assert table["record_id"].to_pylist() == [row["record_id"] for row in dataset.rows("test")]
    outside = evaluation.artifact.file("metrics.json").read_text() + json.dumps(evaluation.artifact.meta)
    for row in dataset.rows("test"):
        content = [row.get("prompt"), row.get("text"), *(row.get("tokens") or ())]
        for value in (row["record_id"], row["group_id"], *content):
            assert value is None or f'"{value}"' not in outside


def test_the_metrics_can_be_computed_again_from_the_predictions(store: Store, bert: Base) -> None:
    evaluation = evaluate(store, bert, dataset_version(store, "text-classification", 60), FEW)
    table = pq.read_table(evaluation.artifact.file("predictions.parquet"))
    right = sum(table["statistic:correct"].to_pylist()) / table.num_rows
    assert evaluation.metrics["accuracy"].value == pytest.approx(right)
    again = Evaluation(evaluation.artifact, evaluation.dataset)
    assert again.numbers()["accuracy"] == pytest.approx(right)
    assert {"accuracy.category=skin", "recall.label=skin"} <= again.numbers().keys()
    with_it = [row for row in dataset_version(store, "text-classification", 60).rows("test") if row["label"] == "skin"]
    assert 0 < len(with_it) < evaluation.records
    groups = {row["group_id"] for row in with_it}
    assert evaluation.slice_sizes["label=skin"] == (len(with_it), len(groups)), "its own support, not that of the whole"


def test_a_label_that_is_only_in_the_data_or_only_in_the_model_is_judged_too(store: Store, bert: Base) -> None:
    dataset = dataset_version(store, "text-classification", 60)
    old = ["nervous", "respiratory", "retired"]  # "skin" came later
    meta = model_meta(Form.MERGED, "text-classification", old, bert.digest)
    folder = store.root / "staging" / "old"
    model, tokenizer = opened(bert, "text-classification", tuple(old))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    artifact = store.adopt(folder, "merged", meta.plain())
    evaluation = evaluate(store, artifact, dataset, FEW)
    assert evaluation.slices["label=skin"]["recall"].value == 0.0
    assert (evaluation.model_digest, evaluation.form, evaluation.base) == (artifact.digest, "merged", bert.digest)


def test_at_most_so_many_records_in_whole_groups() -> None:
    made = rows("causal-lm", 40)
    chosen = judged_rows(made, 11)
    assert len(chosen) == 10  # groups of two
    groups = [row["group_id"] for row in chosen]
    assert all(groups.count(group) == 2 for group in groups)
    assert [row for row in made if row in chosen] == chosen
    assert judged_rows(made[::-1], 11) == chosen[::-1]  # by digest, not by place
    more = judged_rows(made + rows("causal-lm", 2, seed=9), 11)
    assert sum(row in chosen for row in more) >= 8
    assert judged_rows(made, None) == made


def test_what_cannot_be_judged_says_so(store: Store, llama: Base) -> None:
    dataset = dataset_version(store, "causal-lm", 40)
    split = {"train": dataset.rows("train"), "validation": dataset.rows("validation"), "test": []}
    with pytest.raises(NotJudgeable, match="test split"):
        evaluate(store, llama, seal_rows(store, "causal-lm", split), FEW)
    with pytest.raises(NotJudgeable, match="test split"):
        evaluate(store, llama, dataset, EvaluationSettings(max_records=1))
    folder = store.root / "staging" / "other"
    folder.mkdir(parents=True)
    artifact = store.adopt(folder, "merged", model_meta(Form.MERGED, "text-classification", [], "x").plain())
    with pytest.raises(NotJudgeable, match="text-classification"):
        evaluate(store, artifact, dataset, FEW)
    folder.mkdir(parents=True)
    with pytest.raises(IntegrityError, match="must name the form"):
        subject_of(store.adopt(folder, "quantized", model_meta(Form.QUANTIZED, "text-classification", [], "x").plain()))
    with pytest.raises(IntegrityError, match="not a model"):
        subject_of(dataset.artifact)


def test_positions_of_a_model(llama: Base, bert: Base) -> None:
    assert positions_of(opened(llama)[0]) == 512
    assert positions_of(opened(bert, "text-classification", ("a", "b"))[0]) == 256

from pathlib import Path
from typing import Any

import pytest

from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.training import BaseModelRef
from tasks.config.words import DatasetTask
from tasks.data.version import DatasetVersion
from tasks.errors import NotJudgeable
from tasks.evaluation.baselines import baselines, compare, counted, table
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.rules import RULES
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.resolve import resolve_base
from tests.evaluation.fakes import answered
from tests.factories import dataset_version, seal_rows, tiny_bert, tiny_llama

FEW = EvaluationSettings(generation=Generation(max_new_tokens=8), resamples=200)


@pytest.fixture
def llama(store: Store, tmp_path: Path) -> Base:
    return resolve_base(store, BaseModelRef(folder=str(tiny_llama(tmp_path / "llama"))))


def predicted(task: DatasetTask, name: str, train: list[dict[str, Any]], test: list[dict[str, Any]]) -> list[Any]:
    return RULES[task][name](train, test)


def question(prompt: str, answer: str = "", choices: list[str] | None = None, **slices: str) -> dict[str, Any]:
    return {"prompt": prompt, "answer": answer, "choices": choices, "language": "en", "category": "skin"} | slices


def test_majority_answer_is_that_of_the_most_alike() -> None:
    train = [
        *[question("q", "cream")] * 3,
        *[question("q", "rest", category="heart")] * 4,
        *[question("q", "是", language="zh", category="heart")] * 2,
        *[question("q", "no", ["yes", "no"])] * 5,
    ]
    asked = [
        question("q"),
        question("q", category="heart"),
        question("q", category="lungs"),
        question("q", language="zh"),
        question("q", choices=["no", "yes"]),
        question("q", choices=["never", "always"]),  # no train answer is among them
    ]
    assert predicted("causal-lm", "majority answer", train, asked) == ["cream", "rest", "rest", "是", "no", "always"]


def test_nearest_train_question() -> None:
    train = [
        question("What are the symptoms of asthma?", "wheezing"),
        question("How is asthma treated?", "inhalers"),
        question("哮喘有什么症状？", "喘息"),
        question("Is asthma contagious?", "no", ["yes", "no"]),
    ]
    asked = [
        question("Which symptoms does asthma have?"),
        question("how to treat asthma"),
        question("哮喘的症状是什么？"),
        question("Are the symptoms of asthma contagious?", choices=["yes", "no"]),
        question("Are the symptoms of asthma contagious?", choices=["maybe", "perhaps"]),
    ]
    found = predicted("causal-lm", "nearest train question", train, asked)
    assert found == ["wheezing", "inhalers", "喘息", "no", "maybe"]


def test_rules_for_labels_and_tags() -> None:
    texts = [
        {"text": "itching skin", "label": "b"},
        {"text": "chest pain", "label": "a"},
        {"text": "a cough", "label": "a"},
    ]
    asked: list[dict[str, Any]] = [{"text": "skin itches"}, {"text": "pain"}]
    assert predicted("text-classification", "majority label", texts, asked) == ["a", "a"]
    assert predicted("text-classification", "nearest train text", texts, asked) == ["b", "a"]
    tagged = [
        {"tokens": ["Severe", "asthma"], "tags": ["O", "B-X"]},
        {"tokens": ["asthma", "asthma"], "tags": ["O", "B-X"]},
    ]
    words: list[dict[str, Any]] = [{"tokens": ["Asthma", "severe", "unknown"]}]
    assert predicted("token-classification", "word's tag in training", tagged, words) == [["B-X", "O", "O"]]
    assert predicted("token-classification", "no entity", tagged, words) == [["O", "O", "O"]]


def test_a_good_model_beats_what_it_should(store: Store, llama: Base) -> None:
    dataset = unlearnable(store, dataset_version(store, "causal-lm", 200))
    evaluation = answered(store, dataset, 0.95, settings=FEW)
    found = {(one.baseline, one.difference.metric): one for one in compare(store, evaluation, dataset, llama, FEW)}
    rivals = {"untrained base", "zero-shot prompt", "majority answer", "nearest train question"}
    assert {name for name, _ in found} == rivals
    for name in rivals:
        assert found[name, "token_f1"].outcome == "better"
    assert ("untrained base", "bits_per_byte") in found
    assert ("untrained base", "perplexity") not in found  # the two count other tokens
    assert ("majority answer", "bits_per_byte") not in found  # a rule has no likelihoods
    text = table(list(found.values()), 0.95)
    assert len(text.splitlines()) == 2 + len(found)
    assert text.count("| better |") == len(found)


def unlearnable(store: Store, dataset: DatasetVersion) -> DatasetVersion:
    """The same test questions, with answers that no train record has."""
    split = {name: dataset.rows(name) for name in ("train", "validation", "test")}
    for place, row in enumerate(split["test"]):
        row["answer"] = f"w{place}"
        row["choices"] = None
    return seal_rows(store, "causal-lm", split)


def test_a_model_that_is_the_base_beats_nothing_of_it(store: Store, llama: Base) -> None:
    dataset = dataset_version(store, "causal-lm", 120)
    found = compare(store, evaluate(store, llama, dataset, FEW), dataset, llama, FEW)
    assert "perplexity" in {one.difference.metric for one in found}
    same = [one for one in found if one.baseline == "untrained base"]
    assert all(one.difference.gain == 0 and one.outcome == "undecided" for one in same)
    assert any(one.outcome == "worse" for one in found if one.baseline == "nearest train question")
    number = {word: sum(one.outcome == word for one in found) for word in ("better", "worse", "undecided")}
    assert counted(found) == ", ".join(f"{count} {word}" for word, count in number.items())
    assert number["worse"] > 0 < number["undecided"]


@pytest.mark.parametrize("task", ["text-classification", "token-classification"])
def test_baselines_of_an_encoder(store: Store, task: DatasetTask, tmp_path: Path) -> None:
    base = resolve_base(store, BaseModelRef(folder=str(tiny_bert(tmp_path / "bert"))))
    dataset = dataset_version(store, task, 160)
    found = baselines(store, dataset, base, FEW)
    assert list(found) == ["untrained base", *RULES[task]]
    assert "calibration_error" not in found[next(iter(RULES[task]))].metrics
    assert len({one.digest for one in found.values()}) == 3
    best = compare(store, found[list(found)[-1]], dataset, base, FEW)  # a rule is compared like a model
    assert any(one.difference.better for one in best)


def test_baselines_learn_from_the_train_split_of_the_version(store: Store, llama: Base) -> None:
    dataset = dataset_version(store, "causal-lm", 60)
    split: dict[str, Any] = {name: dataset.rows(name) for name in ("train", "validation", "test")}
    split["train"] = [row | {"answer": "something else", "choices": None} for row in split["train"]]
    other = seal_rows(store, "causal-lm", split)
    first, second = (baselines(store, version, llama, FEW)["majority answer"] for version in (dataset, other))
    assert first.test == second.test
    assert first.metrics["token_f1"].value > second.metrics["token_f1"].value


def test_another_test_split_is_not_compared(store: Store, llama: Base) -> None:
    evaluation = answered(store, dataset_version(store, "causal-lm", 60), 0.5, settings=FEW)
    with pytest.raises(NotJudgeable):
        compare(store, evaluation, dataset_version(store, "causal-lm", 80), llama, FEW)
    with pytest.raises(NotJudgeable):
        compare(store, evaluation, dataset_version(store, "causal-lm", 60), llama, EvaluationSettings(resamples=300))

import math
import random

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DATASET_TASKS, DatasetTask
from tasks.evaluation.estimates import measure
from tasks.evaluation.metric import BROKEN, declared_metrics, usual_metric
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.metrics.labels import BINS, label_statistics
from tasks.evaluation.metrics.tags import tag_statistics
from tasks.evaluation.slices import Scores

FEW = EvaluationSettings(resamples=100)


def scores(task: DatasetTask, found: list[dict[str, float]], labels: list[str] | None = None) -> Scores:
    rows = [
        {"record_id": f"r{n}", "group_id": f"g{n}", "category": "abc"[n % 3], "language": "en"}
        for n in range(len(found))
    ]
    return Scores.of(task, "0" * 64, rows, found, labels or [])


def values(task: DatasetTask, found: list[dict[str, float]], labels: list[str] | None = None) -> dict[str, float]:
    return {name: one.value for name, one in measure(scores(task, found, labels).view(), FEW).items()}


def guesses(n: int, seed: int = 0) -> tuple[list[str], list[str], list[float]]:
    chance = random.Random(seed)
    meant = chance.choices(["no", "yes", "maybe"], weights=[5, 4, 1], k=n)
    said = [one if chance.random() < 0.6 else chance.choice(["no", "yes"]) for one in meant]
    return meant, said, [chance.uniform(0.34, 1.0) for _ in meant]


def test_classification_agrees_with_scikit_learn() -> None:
    meant, said, confidence = guesses(200)
    found = [label_statistics(*one) for one in zip(said, meant, confidence, strict=True)]
    got = values("text-classification", found, ["maybe", "no", "yes"])
    assert got["accuracy"] == pytest.approx(accuracy_score(meant, said))
    assert got["macro_f1"] == pytest.approx(f1_score(meant, said, average="macro", zero_division=0))
    for label in ("maybe", "no", "yes"):
        part = scores("text-classification", found, ["maybe", "no", "yes"]).view(f"label={label}")
        one = {name: estimate.value for name, estimate in measure(part, FEW).items()}
        options = {"labels": [label], "average": "macro", "zero_division": 0}
        assert one["f1"] == pytest.approx(f1_score(meant, said, **options))
        assert one["precision"] == pytest.approx(precision_score(meant, said, **options))
        assert one["recall"] == pytest.approx(recall_score(meant, said, **options))


def test_slices_agree_with_scikit_learn_on_their_records() -> None:
    meant, said, confidence = guesses(120, seed=2)
    found = [label_statistics(*one) for one in zip(said, meant, confidence, strict=True)]
    part = measure(scores("text-classification", found, ["maybe", "no", "yes"]).view("category=b"), FEW)
    expected = f1_score(meant[1::3], said[1::3], average="macro", zero_division=0)
    assert part["macro_f1"].value == pytest.approx(expected)


def test_calibration_error_agrees_with_its_definition() -> None:
    meant, said, confidence = guesses(300, seed=5)
    confidence[:4] = [1 / BINS, 2 / BINS, 1.0, 1e-9]  # on the borders
    found = [label_statistics(*one) for one in zip(said, meant, confidence, strict=True)]
    expected = 0.0
    for place in range(BINS):
        low, high = place / BINS, (place + 1) / BINS
        inside = [n for n, value in enumerate(confidence) if low < value <= high]
        if inside:
            accuracy = np.mean([meant[n] == said[n] for n in inside])
            expected += len(inside) / len(meant) * float(abs(accuracy - np.mean([confidence[n] for n in inside])))
    assert values("text-classification", found)["calibration_error"] == pytest.approx(expected)


def sure_guesses(n: int, seed: int = 0) -> list[tuple[float, bool]]:
    """(confidence, whether right) of calibrated guesses, many of them nearly certain."""
    chance = random.Random(seed)
    certain = [0.5 + 0.5 * chance.betavariate(3, 0.7) for _ in range(n)]
    return [(one, chance.random() < one) for one in certain]


@pytest.mark.parametrize("coverage", [80, 50])
def test_accuracy_at_a_coverage_is_that_of_the_surest_texts(coverage: int) -> None:
    made = sure_guesses(2000)
    found = [label_statistics("a" if right else "b", "a", one) for one, right in made]
    surest = sorted(made, reverse=True)[: len(made) * coverage // 100]
    value = values("text-classification", found)[f"accuracy_at_{coverage}"]
    assert value == pytest.approx(sum(right for _, right in surest) / len(surest), abs=0.003)
    assert value > values("text-classification", found)["accuracy"] + 0.02


@pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0])
def test_confidences_at_the_ends_count(confidence: float) -> None:
    found = [label_statistics("a", "a", confidence), label_statistics("a", "b", confidence)]
    assert values("text-classification", found)["accuracy_at_50"] == 0.5


def test_calibration_has_intervals() -> None:
    found = [label_statistics("a" if right else "b", "a", one, (1 - one) ** 2) for one, right in sure_guesses(60)]
    measured = measure(scores("text-classification", found).view(), FEW)
    for name in ("calibration_error", "brier", "accuracy_at_80", "accuracy_at_50"):
        one = measured[name]
        assert one.low is not None and one.high is not None and one.low < one.value <= one.high, name


def test_who_gives_no_confidence_has_no_calibration() -> None:
    found = [label_statistics("yes", "yes", None), label_statistics("yes", "no", None)]
    assert values("text-classification", found) == {"accuracy": 0.5, "macro_f1": pytest.approx(1 / 3)}


def test_entity_scores_by_hand() -> None:
    found = [
        tag_statistics(["B-X", "I-X", "O", "B-Y"], ["B-X", "I-X", "O", "B-Y"]),  # both right
        tag_statistics(["B-X", "O", "O", "O"], ["B-X", "I-X", "O", "O"]),  # too short
        tag_statistics(["O", "O"], ["O", "B-Y"]),  # missed
    ]
    got = values("token-classification", found, ["B-X", "I-X", "B-Y", "O"])
    assert got == pytest.approx({"entity_precision": 2 / 3, "entity_recall": 2 / 4, "entity_f1": 4 / 7})
    part = measure(scores("token-classification", found, ["B-X", "B-Y"]).view("entity=Y"), FEW)
    assert part["entity_precision"].value == 1.0
    assert part["entity_recall"].value == 0.5


def test_finding_nothing_is_zero_but_nothing_to_find_is_undefined() -> None:
    missed = [tag_statistics(["O"], ["B-X"])]
    assert values("token-classification", missed)["entity_precision"] == 0.0
    assert values("token-classification", [tag_statistics(["O"], ["O"])], ["B-X", "O"]) == {}


def test_answers_by_hand() -> None:
    found = [
        answer_statistics("fever", "fever", nll=2.0, scored_tokens=2, scored_bytes=5)
        | choice_statistics(None, "fever"),
        answer_statistics("no", "yes", nll=4.0, scored_tokens=2, scored_bytes=3) | choice_statistics("yes", "yes"),
        answer_statistics("头痛", "头晕", nll=3.0, scored_tokens=2, scored_bytes=6) | choice_statistics(None, "头晕"),
    ]
    assert values("causal-lm", found) == pytest.approx(
        {
            "perplexity": math.exp(9 / 6),
            "bits_per_byte": 9 / math.log(2) / 14,
            "token_f1": 0.5,
            "rouge_l": 0.5,
            "choice_accuracy": 1.0,
        }
    )


def test_without_closed_questions_there_is_no_choice_accuracy() -> None:
    found = answer_statistics("a b", "b", nll=1.0, scored_tokens=1, scored_bytes=1) | choice_statistics(None, "b")
    assert "choice_accuracy" not in values("causal-lm", [found])


@pytest.mark.parametrize("spoiled", [math.nan, math.inf])
def test_one_number_that_is_none_leaves_nothing_defined(spoiled: float) -> None:
    good = answer_statistics("a", "a", nll=1.0, scored_tokens=1, scored_bytes=1) | choice_statistics("a", "a")
    assert len(values("causal-lm", [good, good])) == 5
    assert values("causal-lm", [good, good | {"answer_nll": spoiled}]) == {}
    assert values("text-classification", [label_statistics("a", "a", 0.9), BROKEN], ["a", "b"]) == {}
    assert values("token-classification", [tag_statistics(["B-X"], ["B-X"]), BROKEN], ["B-X"]) == {}


@pytest.mark.parametrize("task", DATASET_TASKS)
def test_metrics_differ_in_name_and_one_of_each_task_is_the_usual_one(task: DatasetTask) -> None:
    declared = [one for metrics in declared_metrics().values() for one in metrics if one.task == task]
    for over in ("records", "label"):
        names = [metric.name for metric in declared if metric.over in (over, "both")]
        assert len(set(names)) == len(names)
    assert [metric.name for metric in declared if metric.usual] == [usual_metric(task)]

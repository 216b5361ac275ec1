import dataclasses

import numpy as np
import pytest

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import DATASET_TASKS
from tasks.errors import NotJudgeable
from tasks.evaluation.estimates import difference, measure
from tasks.evaluation.metric import metrics_of
from tasks.store import Store
from tests.evaluation.fakes import FEW, answered
from tests.factories import dataset_version


def test_slices_divide_the_records(store: Store) -> None:
    scores = answered(store, dataset_version(store, "causal-lm", 120), 0.5).scores()
    assert scores.slices() == [
        *("category=nervous", "category=respiratory", "category=skin"),
        *("language=en", "language=zh"),
    ]
    whole = scores.view()
    for key in ("category", "language"):
        parts = [scores.view(name) for name in scores.named(f"{key}=*")]
        assert sum(part.records for part in parts) == whole.records
        sums = np.sum([part.total().values for part in parts], axis=0)
        assert sums == pytest.approx(whole.total().values)


def test_a_slice_holds_its_records_only(store: Store) -> None:
    dataset = dataset_version(store, "causal-lm", 120)
    evaluation = answered(store, dataset, lambda _, row: float(row["language"] == "en"))
    assert evaluation.slices["language=en"]["token_f1"].value == 1.0
    assert evaluation.slices["language=zh"]["token_f1"].value == 0.0
    chinese = sum(row["language"] == "zh" for row in dataset.rows("test"))
    assert evaluation.slice_sizes["language=zh"][0] == chinese


@pytest.mark.parametrize("name", ["language=fr", "language=", "nonsense", "label=yes", "category"])
def test_an_unknown_slice_cannot_be_judged(store: Store, name: str) -> None:
    scores = answered(store, dataset_version(store, "causal-lm"), 0.5).scores()
    with pytest.raises(NotJudgeable, match="language=en"):
        scores.view(name)


def test_a_record_that_does_not_say_is_in_a_slice_too(store: Store) -> None:
    scores = answered(store, dataset_version(store, "causal-lm"), 0.5).scores()
    rows = [{"record_id": "a", "group_id": "a", "category": None, "language": "en"}]
    without = type(scores).of("causal-lm", "0" * 64, rows, [{"records": 1.0}], [])
    assert without.slices() == ["category=none", "language=en"]


def test_a_difference_is_paired(store: Store) -> None:
    dataset = dataset_version(store, "causal-lm", 200)
    one = answered(store, dataset, lambda place, _: float(place % 4 < 2), name="one").scores()
    two = answered(store, dataset, lambda place, _: float(place % 4 < 2 and place > 3), name="two").scores()
    gain = difference(one, two, "token_f1", FEW)
    assert gain.gain == pytest.approx(2 / gain.records)
    alone = [measure(scores.view(), FEW)["token_f1"] for scores in (one, two)]
    assert gain.low is not None and gain.high is not None  # far narrower than of two independent models
    assert gain.high - gain.low < 0.6 * min((each.high or 0) - (each.low or 0) for each in alone)


def test_a_difference_turns_its_sign_with_its_sides(store: Store) -> None:
    dataset = dataset_version(store, "causal-lm", 120)
    one, two = answered(store, dataset, 0.9, name="one").scores(), answered(store, dataset, 0.3, name="two").scores()
    there, back = difference(one, two, "rouge_l", FEW), difference(two, one, "rouge_l", FEW)
    assert there.better and not there.worse and back.worse and not back.better
    assert (there.low, there.high) == pytest.approx((-(back.high or 0), -(back.low or 0)))
    same = difference(one, one, "rouge_l", FEW)
    assert same.gain == 0 and not same.better and not same.worse
    assert same.low == -(same.high or 0) < 0  # alike on some records is not alike on all


def test_less_is_more_where_lower_is_better(store: Store) -> None:
    dataset = dataset_version(store, "causal-lm", 120)
    sure, unsure = (answered(store, dataset, 0.5, nll=nll, name=str(nll)).scores() for nll in (1.0, 2.0))
    for metric in ("perplexity", "bits_per_byte"):
        assert difference(sure, unsure, metric, FEW).gain > 0
    lower = {name for task in DATASET_TASKS for name, one in metrics_of(task).items() if one.better == "lower"}
    assert lower == {"perplexity", "bits_per_byte", "calibration_error", "brier"}


def test_other_records_cannot_be_compared(store: Store) -> None:
    one = answered(store, dataset_version(store, "causal-lm", 60), 0.5).scores()
    other = answered(store, dataset_version(store, "causal-lm", 60, seed=1), 0.5).scores()
    fewer = answered(
        store, dataset_version(store, "causal-lm", 60), 0.5, settings=EvaluationSettings(max_records=6)
    ).scores()
    for rival in (other, fewer):
        with pytest.raises(NotJudgeable, match="same records"):
            difference(one, rival, "token_f1", FEW)


def test_perplexity_under_two_tokenizers_cannot_be_compared(store: Store) -> None:
    one = answered(store, dataset_version(store, "causal-lm", 60), 0.5).scores()
    values = one.values.copy()
    values[:, one.names.index("answer_tokens")] = 7
    other = dataclasses.replace(one, values=values)
    with pytest.raises(NotJudgeable, match="bits_per_byte"):
        difference(one, other, "perplexity", FEW)
    assert difference(one, other, "bits_per_byte", FEW).gain == 0


def test_few_groups_have_no_interval(store: Store) -> None:
    small = answered(store, dataset_version(store, "causal-lm", 40), 0.5)
    assert small.groups == 4
    assert small.metrics["token_f1"].low is None
    gain = difference(
        small.scores(),
        answered(store, dataset_version(store, "causal-lm", 40), 0.0, name="b").scores(),
        "token_f1",
        FEW,
    )
    assert gain.gain > 0 and not gain.better

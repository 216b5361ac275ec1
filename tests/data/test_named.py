"""Labels and categories that nobody declared are content of records until many groups show them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tasks.config.data import Dataset
from tasks.data import validate
from tasks.data.named import ENOUGH, LONGEST_NAME, RARE, Named, groups_with, unnamed, without_names
from tasks.errors import InputError
from tests.data.conftest import QUESTIONS, Ingest, question

PLANTED = "Zebulon Quackenbush"


@pytest.mark.parametrize(
    ("counts", "declared", "told"),
    [
        ({f"{PLANTED} {number}, cough": 1 for number in range(30)}, [], "30 of 30 different values"),
        ({f"{PLANTED} {'x' * LONGEST_NAME}": 1, "gout": 1}, None, r"\(text of \d+ characters\) \(1\), 'gout' \(1\)"),
        ({PLANTED: 1, "gout": 1, "flu": 9}, [], "2 of 3 labels, which are not declared"),
        ({PLANTED: 1, "gout": 1, "flu": 9}, ["gout"], r"'gout' \(1\) and 1 more"),
        ({PLANTED: 9, "flu": 10}, [], "1 of 2; they are not named"),
    ],
)
def test_a_label_that_may_be_a_name_is_counted_and_not_shown(
    counts: dict[str, int], declared: list[str] | None, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        validate.check_labels(counts, 2, counts, list(counts) if declared is None else declared, identified=True)
    assert PLANTED not in str(caught.value)


def test_labels_that_are_declared_or_frequent_are_fine() -> None:
    groups = {"rare": 3, "often": ENOUGH}
    validate.check_labels({"rare": 3, "often": 40}, 2, groups, ["rare"], identified=True)
    validate.check_labels({"rare": 3, "often": 40}, 2, groups, [], identified=False)  # its owner says: nobody is named


def test_one_patient_with_many_records_makes_no_name_public() -> None:
    named = Named()
    for row in range(50):
        named.add("of one", "patient")
        named.add("of many", f"patient {row}")
    assert (named.may("of one"), named.may("of many")) == (False, True)
    assert (named.shown("of one"), named.shown("of many")) == ("(a value in 1 group(s))", "'of many'")


def test_rare_categories_become_one() -> None:
    values = pa.array(["ward", PLANTED, "ward", "clinic"])
    groups = groups_with(values, pa.array(["1", "1", "1", "2"]))
    assert groups == {"ward": 1, PLANTED: 1, "clinic": 1}
    secret = unnamed(groups, ["ward"])
    assert without_names(values, secret).to_pylist() == ["ward", RARE, "ward", RARE]
    assert without_names(values, frozenset()) is values


def test_a_list_declares_labels_as_they_are() -> None:
    entry = {"task": "text-classification", "source": "a", "format": "csv", "licence": "MIT"}
    assert Dataset.model_validate({**entry, "labels": ["a", 1]}).labels == {"a": "a", "1": "1"}
    assert "categories" not in Dataset.model_validate(entry).plain(), "versions sealed before keep their digest"


def test_the_messages_of_ingest_name_no_label_of_few(ingest: Ingest, tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "label": PLANTED if n else PLANTED.upper()} for n in range(9)]
    with pytest.raises(InputError, match=r"a value in 8 group") as caught:
        ingest(rows, task="text-classification")
    assert PLANTED.lower() not in str(caught.value).lower()
    assert len(ingest([question(n, category=PLANTED) for n in range(3)], columns={"category": "category"}).records) == 3
    assert QUESTIONS["identified"] is False, "not even where the source names nobody"

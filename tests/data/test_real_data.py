"""The public data sets read as they are, with the peculiarities that the design names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.errors import InputError
from tasks.home import real_data
from tests.data.conftest import Ingest

pytestmark = pytest.mark.real_data


@pytest.fixture
def real() -> Path:
    folder = real_data()
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder} (GALEN_REAL_DATA names it)")
    return folder


def test_medquad_needs_one_folder_left_out(ingest: Ingest, real: Path) -> None:
    with pytest.raises(InputError, match=r"(?s)blank-target: 843 \(10_MPlus_ADAM_QA.*exclude: \[10_MPlus_ADAM_QA\]"):
        ingest(real / "medquad", "medquad", bad_row_budget=0.02)
    done = ingest(real / "medquad", "medquad", exclude=["10_MPlus_ADAM_QA"], bad_row_budget=0.02)
    assert done.facts["rows"] == 8439
    assert done.facts["rejected"] == {"duplicate": 48, "too-long-target": 8}
    assert not any("  " in record["answer"] for record in done.records)


def test_pubmedqa(ingest: Ingest, real: Path) -> None:
    done = ingest(
        real / "pubmedqa" / "ori_pqal_dev500.json", "pubmedqa", task="text-classification", bad_row_budget=0.0
    )
    assert len(done.records) == 500
    assert {record["label"] for record in done.records} == {"yes", "no", "maybe"}


def test_ncbi_disease(ingest: Ingest, real: Path) -> None:
    done = ingest(real / "ncbi_disease" / "train.tsv", "conll", task="token-classification", bad_row_budget=0.02)
    assert done.facts["rejected"] == {"duplicate": 31}
    assert {tag for record in done.records for tag in record["tags"]} == {"O", "B-Disease", "I-Disease"}


def test_toyhom_is_gbk(ingest: Ingest, real: Path) -> None:
    columns = {"prompt": "ask", "answer": "answer", "category": "department"}
    source = real / "toyhom_zh" / "sample_neike_5000-6000.csv"
    done = ingest(source, "csv", columns=columns, language="zh", bad_row_budget=0.06)
    assert done.facts["source"]["encoding"] == "gb18030"
    assert done.facts["rejected"] == {"duplicate": 396}
    assert {record["category"] for record in done.records} >= {"心血管科", "消化科"}


def test_medical_abstracts_labels_are_numbers(ingest: Ingest, real: Path) -> None:
    columns = {"text": "medical_abstract", "label": "condition_label"}
    source = real / "medical_abstracts" / "medical_abstracts.csv"
    done = ingest(source, "csv", task="text-classification", columns=columns, bad_row_budget=0.0)
    assert {record["label"] for record in done.records} == {"1", "2", "3", "4", "5"}

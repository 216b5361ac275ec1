"""Folders that somebody names to have them judged: what they must hold, and how labels are matched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.evaluating import run_evaluation
from tasks.artifact import MANIFEST, seal
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.evaluation.evaluation import PREDICTIONS_FILE
from tasks.lineage import ledger
from tasks.store import Store
from tests.factories import dataset_version, seal_rows, tiny_bert, tiny_llama
from tests.release.conftest import Candidate, Candidates
from tests.rows import rows

LABELS = sorted({row["label"] for row in rows("text-classification", 12)})


def plain(made: Candidate, place: Path) -> Path:
    """The merged model as transformers would have saved it."""
    shutil.copytree(made.merged.path, place)
    (place / MANIFEST).unlink()
    return place


def predicted(store: Store, folder: Path, dataset: DatasetVersion) -> list[str]:
    file = run_evaluation(store, str(folder), dataset.digest).evaluation.artifact.file(PREDICTIONS_FILE)
    found: list[str] = pq.read_table(file)["predicted_label"].to_pylist()
    return found


def test_a_plain_folder_has_its_own_labels_in_any_order(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    made = candidate()
    folder, dataset = plain(made, tmp_path / "plain"), DatasetVersion(made.dataset)
    straight = predicted(store, folder, dataset)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    order = [1, 2, 0]  # no label keeps its place
    model.classifier.weight.data = model.classifier.weight.data[order]
    model.classifier.bias.data = model.classifier.bias.data[order]
    names = [model.config.id2label[place] for place in order]
    model.config.id2label = dict(enumerate(names))
    model.config.label2id = {name: place for place, name in enumerate(names)}
    model.save_pretrained(folder)
    assert predicted(store, folder, dataset) == straight
    model.config.id2label = dict.fromkeys(range(len(names)), "skin")
    model.save_pretrained(folder)
    with pytest.raises(InputError, match="does not name its labels"):
        predicted(store, folder, dataset)


def test_what_nobody_trained_for_the_task_is_refused(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    made, named = candidate(), tiny_bert(tmp_path / "named")
    config = json.loads((named / "config.json").read_text()) | {"id2label": dict(enumerate(LABELS))}
    (named / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"holds no weights for a part that text-classification needs.*classifier"):
        run_evaluation(store, str(named), made.dataset.digest, split="test")
    tags = dataset_version(store, "token-classification", 20)
    with pytest.raises(InputError, match="holds a BertForSequenceClassification, and the dataset is for token-class"):
        run_evaluation(store, str(plain(made, tmp_path / "plain")), tags.digest, split="test")
    with pytest.raises(InputError, match="the model is for text-classification, the dataset for token-classification"):
        run_evaluation(store, str(made.merged.path), tags.digest, split="test")
    assert not ledger.events(store, "looked"), "nobody looked"


def test_records_that_do_not_fit_are_counted_and_refused(store: Store, candidate: Candidates) -> None:
    model, test = str(candidate().merged.path), rows("text-classification", 40, seed=9)
    strange = [{**row, "label": "heart"} if row["label"] == "skin" else row for row in test]
    many = sum(row["label"] == "heart" for row in strange)
    exam = seal_rows(store, "text-classification", {"train": [], "validation": strange, "test": test})
    with pytest.raises(InputError, match=rf"{many} of 40 records of the validation split do not fit.*'heart'"):
        run_evaluation(store, model, exam.digest)
    few = [row for row in test if row["label"] != "skin"]
    exam = seal_rows(store, "text-classification", {"train": [], "validation": few, "test": test})
    found = run_evaluation(store, model, exam.digest, records=10)
    assert any("shows these of its labels: 'skin'" in note for note in found.notes)
    assert found.plain()["records"] <= 10 and f"of {len(few)} records" in found.text()


def test_folders_that_write_text_or_tag_words_are_judged_too(store: Store, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, BertConfig, BertForTokenClassification

    asked = dataset_version(store, "causal-lm", 20, name="asked")
    found = run_evaluation(store, str(tiny_llama(tmp_path / "llama")), asked.digest, records=2)
    assert "token_f1" in found.evaluation.metrics and found.evaluation.form == "base"
    with pytest.raises(InputError, match="cannot do causal-lm"):
        run_evaluation(store, str(tiny_bert(tmp_path / "bert")), asked.digest)
    tagger, kinds = tmp_path / "tagger", ["O", "I-Disease", "B-Disease"]
    config = BertConfig.from_pretrained(tmp_path / "bert")
    config.id2label, config.label2id = dict(enumerate(kinds)), {kind: place for place, kind in enumerate(kinds)}
    BertForTokenClassification(config).save_pretrained(tagger)
    AutoTokenizer.from_pretrained(tmp_path / "bert").save_pretrained(tagger)
    test = rows("token-classification", 10)
    exam = seal_rows(store, "token-classification", {"train": [], "validation": [], "test": test})
    judged = run_evaluation(store, str(tagger), exam.digest)
    assert judged.evaluation.slice_sizes["entity=Disease"][0] == 10
    strange = [{**row, "tags": [tag.replace("Disease", "Drug") for tag in row["tags"]]} for row in test]
    exam = seal_rows(store, "token-classification", {"train": [], "validation": [], "test": strange})
    with pytest.raises(InputError, match=r"10 of 10 records of the test split do not fit.*'Drug'"):
        run_evaluation(store, str(tagger), exam.digest)


def test_what_others_sealed_is_tried_before_it_is_opened(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    made, other = candidate(), Store(tmp_path / "other")
    dataset = dataset_version(other, "text-classification", 20)
    folder = tmp_path / "sealed"
    shutil.copytree(made.merged.path, folder)
    (folder / MANIFEST).unlink()
    assert run_evaluation(other, str(made.merged.path), dataset.digest).evaluation.form == "merged"
    config = json.loads((folder / "config.json").read_text()) | {"num_hidden_layers": 10**9}
    (folder / "config.json").write_text(json.dumps(config))
    seal(folder, "merged", made.merged.meta)
    with pytest.raises(InputError, match="layers"):
        run_evaluation(other, str(folder), dataset.digest)

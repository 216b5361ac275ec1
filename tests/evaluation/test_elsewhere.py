from __future__ import annotations

from pathlib import Path

import pytest

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.config.training import BaseModelRef
from tasks.config.words import Task
from tasks.errors import InputError
from tasks.evaluation.elsewhere import forgetting, transfer
from tasks.evaluation.evidence import Change
from tasks.meta.form import Form
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.resolve import resolve_base
from tests.factories import dataset_version, tiny_bert
from tests.records import model_meta

LABELS = {"text-classification": ["a", "b"], "token-classification": ["O", "B-X"], "causal-lm": []}


@pytest.fixture
def base(store: Store, tmp_path: Path) -> Base:
    return resolve_base(store, BaseModelRef(folder=str(tiny_bert(tmp_path / "bert"))))


def artifact(task: Task, folder: Path) -> Artifact:
    meta = model_meta(Form.ADAPTER, task, LABELS[task], "b" * 64)
    return Artifact("0" * 64, "adapter", folder, meta.plain(), {})


def test_a_change_is_after_minus_before() -> None:
    found = Change("bits per byte", 2.0, 2.25)
    assert found.plain() == {"measure": "bits per byte", "before": 2.0, "after": 2.25, "change": 0.25}


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"\xff\xfe", "UTF-8"), (b" \n\n", "is empty")]
)
def test_a_corpus_must_hold_text(content: bytes | None, said: str, base: Base, tmp_path: Path) -> None:
    corpus = tmp_path / "texts.txt"
    if content is not None:
        corpus.write_bytes(content)
    with pytest.raises(InputError, match=said):
        forgetting(artifact("text-classification", tmp_path), base, corpus)


@pytest.mark.parametrize(
    ("ours", "second"), [("text-classification", "token-classification"), ("token-classification", "causal-lm")]
)
def test_transfer_needs_a_dataset_that_shows_it(ours: Task, second: Task, base: Base, store: Store) -> None:
    other = dataset_version(store, second, 24)
    with pytest.raises(InputError, match="cannot show transfer"):
        transfer(store, artifact(ours, store.root), base, other, EvaluationSettings(), 17)

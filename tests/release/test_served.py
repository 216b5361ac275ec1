"""Tags that are served are the tags that were judged, whatever the tokenizer, and whatever cut the data into tokens."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from mlflow.exceptions import MlflowException
from transformers import AutoConfig

from tasks.artifact import seal
from tasks.config.evaluation import EvaluationSettings
from tasks.evaluation.predict import predict
from tasks.meta.form import Form
from tasks.meta.model import WordsMeta
from tasks.release import ask
from tasks.release.served import Said, Served, texts_of
from tasks.training.tokenizer import load_tokenizer
from tasks.training.words import learned
from tests.factories import tiny_bert, tiny_llama
from tests.records import model_meta

LABELS = ["O", *(f"{mark}-{number}" for number in range(3) for mark in "BI")]
TOKENS = ["the", "patient", "has", "COVID-19", "(", "not", "CD4+", ")", "today", ",", "the", "patient", "'s", "asthma"]
TEXT = "the patient has COVID-19 (not CD4+) today, the patient's asthma"


class ByTokenAndPlace:
    """Says something else for every token at every place, so that any other tokenization shows."""

    device = torch.device("cpu")

    def __init__(self, folder: Path) -> None:
        self.config = AutoConfig.from_pretrained(folder)

    def __call__(self, input_ids: torch.Tensor, **_: Any) -> Any:
        chosen = (input_ids + 3 * torch.arange(input_ids.shape[1])) % len(LABELS)
        return SimpleNamespace(logits=torch.nn.functional.one_hot(chosen, len(LABELS)).float())


@pytest.mark.parametrize("make", [tiny_bert, tiny_llama])
@pytest.mark.parametrize("length", [256, 9])
@pytest.mark.parametrize(
    ("tokens", "text"),
    [(TOKENS, TEXT), (TEXT.split(), TEXT), (list("患者有哮喘，无肺炎。"), "患者有哮喘，无肺炎。")],
    ids=["tokens", "blanks", "characters"],
)
def test_words_get_the_tags_they_were_judged_with(
    make: Any, length: int, tokens: list[str], text: str, tmp_path: Path
) -> None:
    folder = make(tmp_path / "base")
    tokenizer, model, words = load_tokenizer(folder), ByTokenAndPlace(folder), learned([tokens] * 3)
    rows = [{"tokens": tokens, "tags": ["O"] * len(tokens)}]
    judged = predict(
        model,
        tokenizer,
        "token-classification",
        LABELS,
        rows,
        EvaluationSettings(),
        max_length=length,
        words=words,
    ).columns
    assert len(judged["tags"][0]) == len(tokens)

    made = model_meta(Form.ADAPTER, "token-classification", LABELS, "b")
    training = made.training.model_copy(update={"max_length": length})
    said = made.model_copy(update={"training": training, "words": words})
    answered = [line.split("\t") for line in ask._tags(said, model, tokenizer, text).splitlines()]
    assert [word for word, _ in answered] == tokens
    assert [tag.replace("?", "O") for _, tag in answered] == judged["tags"][0]
    assert ("?" in [tag for _, tag in answered]) == (length == 9)

    served = Served()
    (tmp_path / "sealed").mkdir()
    seal(tmp_path / "sealed", said.form, said.plain())
    served.said = Said.read(tmp_path / "sealed")
    served.model, served.tokenizer = model, tokenizer
    assert served._tags(text) == judged["mentions"][0] != ""


def test_a_tagger_that_does_not_say_how_is_judged_and_served_alike(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "base")
    tokenizer, model = load_tokenizer(folder), ByTokenAndPlace(folder)
    rows = [{"tokens": ["the", "patient", "has", "COVID-19"], "tags": ["O", "O", "O", "B-1"]}]
    judged = predict(model, tokenizer, "token-classification", LABELS, rows, EvaluationSettings())
    said = model_meta(Form.ADAPTER, "token-classification", LABELS, "b")
    words = [line.split("\t")[0] for line in ask._tags(said, model, tokenizer, "the patient has COVID-19").splitlines()]
    assert words == ["the", "patient", "has", "COVID", "-", "19"]
    assert "tp:1" not in judged.statistics[0], "no entity that ends within a token can be right"


@pytest.mark.parametrize("words", [None, WordsMeta(pattern=r"\S+", found_again=1.0)])
def test_a_text_without_words_has_no_mentions(words: WordsMeta | None, tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "base")
    tokenizer, model = load_tokenizer(folder), ByTokenAndPlace(folder)
    said = model_meta(Form.ADAPTER, "token-classification", LABELS, "b").model_copy(update={"words": words})
    assert ask._tags(said, model, tokenizer, " \n ") == ""


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (["one", "two"], ["one", "two"]),
        ("one", ["one"]),
        (np.array(["one", "two"]), ["one", "two"]),
        (pd.Series(["one"]), ["one"]),
        (pd.DataFrame({"any name": ["one", "two"]}), ["one", "two"]),
        ({"any name": np.array(["one", "two"])}, ["one", "two"]),
        ([], []),
    ],
)
def test_texts_come_as_mlflow_hands_them_over(given: Any, texts: list[str]) -> None:
    assert texts_of(given) == texts


@pytest.mark.parametrize(
    "given", [pd.DataFrame({"id": [1], "text": ["secret"]}), ["secret", None], [["secret"]], np.array(3), [1.5], {}]
)
def test_what_is_no_text_is_refused_without_repeating_it(given: Any) -> None:
    with pytest.raises(MlflowException, match="expected") as refused:
        texts_of(given)
    assert "secret" not in str(refused.value) and refused.value.get_http_status_code() == 400

"""Tags that are served are the tags that were judged, whatever the tokenizer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tasks.artifact import seal
from tasks.meta.form import Form
from tasks.release import ask
from tasks.release.served import Said, Served
from tasks.training.objectives.token_classification import word_pieces
from tasks.training.tokenizer import load_tokenizer
from tests.factories import tiny_bert, tiny_llama
from tests.records import model_meta

LABELS = [f"B-{number}" for number in range(7)]
TEXT = "the patient has severe asthma (not migraine) today, unbelievably so"
WORDS = ask.WORD.findall(TEXT)


class ByTokenAndPlace:
    """Says something else for every token at every place, so that any other tokenization shows."""

    device = torch.device("cpu")

    def __call__(self, input_ids: torch.Tensor) -> Any:
        chosen = (input_ids + 3 * torch.arange(input_ids.shape[1])) % len(LABELS)
        return SimpleNamespace(logits=torch.nn.functional.one_hot(chosen, len(LABELS)).float())


@pytest.mark.parametrize("make", [tiny_bert, tiny_llama])
@pytest.mark.parametrize("length", [256, 9])
def test_words_get_the_tags_they_were_judged_with(make: Any, length: int, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make(tmp_path / "base"))
    model = ByTokenAndPlace()
    (ids, firsts) = word_pieces(tokenizer, [WORDS], length)[0][0]
    best = model(torch.tensor([ids])).logits[0].argmax(-1).tolist()
    judged = {word: LABELS[best[piece]] for word, piece in firsts.items()}
    assert judged and (len(judged) == len(WORDS)) == (length == 256)

    served = Served()
    made = model_meta(Form.ADAPTER, "token-classification", LABELS, "b")
    said = made.model_copy(update={"training": made.training.model_copy(update={"max_length": length})})
    (tmp_path / "sealed").mkdir()
    seal(tmp_path / "sealed", said.form, said.plain())
    served.said = Said.read(tmp_path / "sealed")
    served.model, served.tokenizer = model, tokenizer
    assert served._word_tags(WORDS) == judged

    answered = [line.split("\t") for line in ask._tags(said, model, tokenizer, TEXT).splitlines()]
    assert answered == [[word, judged.get(place, "?")] for place, word in enumerate(WORDS)]

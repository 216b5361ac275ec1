"""The code of an export's README, run as it stands, for tokenizers of several kinds and texts that say `</s>`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tasks.config.evaluation import Generation
from tasks.evaluation.answers import generate
from tasks.meta.form import Form
from tasks.release import plain
from tasks.training.bases import Base
from tasks.training.loading import agree, load_base
from tasks.training.prompts import prompt_ids, template_of
from tasks.training.tokenizer import copy_tokenizer, load_tokenizer
from tests.factories import tiny_llama
from tests.records import model_meta
from tests.training.test_prompts import TEXT, chat_model, unigram


def unigram_model(folder: Path) -> Path:
    tiny_llama(folder)
    for file in folder.glob("token*"):
        file.unlink()
    return unigram(folder)


@pytest.mark.parametrize(
    ("make", "lines"), [(tiny_llama, ()), (chat_model, ("add_special_tokens(",)), (unigram_model, ("Regex(",))]
)
def test_the_readme_answers_as_judging_does(make: Any, lines: tuple[str, ...], tmp_path: Path) -> None:
    folder = make(tmp_path / "base")
    model, tokenizer = load_base(Base(folder, "0" * 64, {}), "causal-lm", []), load_tokenizer(folder)
    said = model_meta(Form.QUANTIZED, "causal-lm", [], "b").model_copy(update={"prompt": template_of(tokenizer)})
    most = said.recipe.evaluation.generation.max_new_tokens
    agree(model, tokenizer, "causal-lm", most)
    model.save_pretrained(tmp_path / "saved")
    copy_tokenizer(folder, tmp_path / "saved")
    questions = ["abc", TEXT, f" {TEXT} " * 60]  # the last is longer than the model's positions
    judged = generate(
        model, tokenizer, prompt_ids(tokenizer, questions), Generation(max_new_tokens=most), positions=512
    )
    shown = plain.code(said, tmp_path / "saved", "model")
    assert [one for one in ("add_special_tokens(", "Regex(") if one in shown] == list(lines)
    answer = plain.run(said, tmp_path / "saved")
    assert [answer(question) for question in questions] == judged

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tasks.errors import IntegrityError
from tasks.home import CHECKOUT
from tasks.training.library import load, new, on_meta
from tests.factories import tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")
MAKES = re.compile(r"\bfrom_pretrained\(|\bfrom_config\(")
LIBRARY = "tasks/training/library.py"
BESIDE = {
    "tasks/training/tokenizer.py": "a tokenizer",
    "tasks/training/folders.py": "a config",
    "tasks/training/adapters.py": "a config",
    "tasks/release/served.py": "runs without Galen",
    "tasks/release/export.py": "runs without Galen",
    "tasks/release/plain.py": "runs without Galen",
}


def test_two_threads_that_load_at_once_leave_the_library_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first thread leaves `from_pretrained` while the second is inside: without a lock the second puts back what
    the first had replaced `tie_weights` with, and no later model of this process is tied."""
    folder = tiny_llama(tmp_path / "base", tied=True)
    tie, make = PreTrainedModel.tie_weights, LlamaForCausalLM.__init__
    monkeypatch.setattr(PreTrainedModel, "tie_weights", tie)  # to be put back however this ends
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def meeting(model: Any, config: LlamaConfig) -> None:
        if threading.current_thread() is first:
            first_in.set()
            second_in.wait(0.3)
        else:
            second_in.set()
            first_out.wait(0.3)
        make(model, config)

    loaded: list[Any] = []

    def one() -> None:
        if threading.current_thread() is not first:
            first_in.wait(5)
        loaded.append(load(AutoModelForCausalLM, folder))
        first_out.set()

    first, second = threading.Thread(target=one), threading.Thread(target=one)
    monkeypatch.setattr(LlamaForCausalLM, "__init__", meeting)
    for thread in (first, second):
        thread.start()
    for thread in (first, second):
        thread.join()
    monkeypatch.setattr(LlamaForCausalLM, "__init__", make)
    assert PreTrainedModel.tie_weights is tie
    assert [model.lm_head.weight is model.model.embed_tokens.weight for model, _ in loaded] == [True, True]


def test_a_model_that_should_be_tied_and_is_not_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_llama(tmp_path / "base", tied=True)
    config = LlamaConfig.from_pretrained(folder)
    assert load(AutoModelForCausalLM, folder)[1]["missing_keys"] == set()
    monkeypatch.setattr(PreTrainedModel, "tie_weights", lambda *args, **kwargs: None)
    for make in (
        lambda: load(AutoModelForCausalLM, folder),
        lambda: on_meta(AutoModelForCausalLM, config),
        lambda: new(LlamaForCausalLM, config),
    ):
        with pytest.raises(IntegrityError, match=r"lm_head.weight and model.embed_tokens.weight .* must be one"):
            make()


def test_two_different_values_where_the_config_says_tied_are_two(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    model = LlamaForCausalLM.from_pretrained(folder)
    model.config.tie_word_embeddings = True
    model.save_pretrained(folder)
    opened, _ = load(AutoModelForCausalLM, folder)
    assert torch.equal(opened.get_output_embeddings().weight, model.lm_head.weight)


def test_models_are_made_in_one_place() -> None:
    found = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / "tasks").rglob("*.py")
        if MAKES.search(path.read_text())
    }
    assert found == {LIBRARY, *BESIDE}

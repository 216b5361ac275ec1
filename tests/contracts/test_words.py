"""Words of people and files are data: one function each brings them to a terminal, into Markdown and into HTML."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tasks.home import CHECKOUT
from tests.contracts.house import name_of, sources

PRINTS = {
    "flows/console.py": "`say`, which shows what would act, and the line that a stage overwrites",
    "tasks/progress.py": "rates and notices",
    "tasks/process.py": "an error of a child, whose value is shown as data",
    "tasks/errors.py": "the trace of a fault, without its message",
    "tasks/data/dvc_process.py": "DVC's own words, to the console that started it",
}
"""Files that may write to a terminal; with the reason."""
ESCAPES = {
    "tasks/plain_text.py": "`html`",
    "tasks/reports.py": "templates, which escape by themselves",
    "tasks/release/card.py": "Markdown",
}


def _calls(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
        elif isinstance(node, ast.ImportFrom):
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_commands_print_in_one_way() -> None:
    raw = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write", "click.echo_via_pager"}
    assert {name_of(file) for file in sources() if raw & _calls(file)} <= PRINTS.keys()
    assert all(PRINTS.values())


def test_html_is_escaped_in_one_place() -> None:
    escaping = {"html.escape", "markupsafe.escape", "markupsafe.Markup", "jinja2.Environment"}
    assert {name_of(file) for file in sources() if escaping & _calls(file)} <= ESCAPES.keys()


@pytest.mark.parametrize("template", sorted(CHECKOUT.glob("tasks/**/*.j2")), ids=lambda file: file.parent.name)
def test_only_drawings_of_our_own_are_put_into_a_page_as_they_are(template: Path) -> None:
    for line in template.read_text(encoding="utf-8").splitlines():
        if "|safe" in line.replace(" ", ""):
            assert "plot" in line or "history" in line, line

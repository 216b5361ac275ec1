"""Tiny bases; and the behaviour matrix as a line after the tests, and as a table where `--matrix FILE` asks for it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tasks.config.words import TASKS, Task
from tests.factories import ARCHITECTURES, tiny_model
from tests.training.recipes import METHODS, refusal

Cell = tuple[Task, str, str]
EVERY = {
    f"{task}-{architecture}-{method}": (task, architecture, method)
    for task in TASKS
    for architecture in ARCHITECTURES
    for method in METHODS
}


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny models, by architecture."""
    return {name: tiny_model(tmp_path_factory.mktemp("bases") / name, name) for name in ARCHITECTURES}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many cells ran, how many held, and how many are refused with a reason."""
    tests: dict[Cell, list[bool]] = defaultdict(list)
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            name = report.nodeid.partition("test_methods.py::")[2]
            if (cell := EVERY.get(name.partition("[")[2].rstrip("]"))) and report.when != "teardown":
                tests[cell].append(outcome == "passed")
    if not tests:
        return
    refused = {cell: reason for cell in EVERY.values() if (reason := refusal(*cell))}
    held = sum(all(results) for results in tests.values())
    line = (
        f"behaviour matrix: {len(tests)} of {len(EVERY) - len(refused)} cells ran "
        f"({sum(map(len, tests.values()))} tests), {held} hold; {len(refused)} are refused, each with its reason"
    )
    terminalreporter.write_line(line)
    if path := config.getoption("--matrix"):
        Path(path).write_text(table(line, {cell: all(results) for cell, results in tests.items()}, refused))


def table(line: str, held: dict[Cell, bool], refused: dict[Cell, str]) -> str:
    """Markdown: a row for each task and architecture, a column for each method."""
    names = list(METHODS)
    lines = [
        "# Behaviour matrix",
        "",
        f"{line[0].upper()}{line[1:]}. `make matrix` runs all; `tests/training/test_methods.py` says what must hold.",
        "",
        "| task | architecture | " + " | ".join(names) + " |",
        "|---|---|" + ":-:|" * len(names),
    ]
    for task in TASKS:
        for architecture in ARCHITECTURES:
            row = [(task, architecture, name) for name in names]
            if all(cell in refused for cell in row):
                continue
            marks = [
                "refused" if one in refused else {True: "holds", False: "FAILS", None: "not run"}[held.get(one)]
                for one in row
            ]
            lines.append(f"| {task} | {architecture} | " + " | ".join(marks) + " |")
    reasons: dict[str, int] = defaultdict(int)
    for reason in refused.values():
        reasons[reason] += 1
    lines += ["", "| refused because | cells |", "|---|---:|"]
    lines += [f"| {reason} | {count} |" for reason, count in sorted(reasons.items())]
    return "\n".join(lines) + "\n"

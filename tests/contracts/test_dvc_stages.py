"""dvc.yaml must name all that a stage runs: what is missing there would leave old data in place after a change."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

from tasks.data.stage import STAGES
from tasks.home import CHECKOUT
from tasks.settings import load_yaml

READ = re.compile(r'CHECKOUT / "data" / "(\w+)"')
STAGE_DEFINITIONS = load_yaml(CHECKOUT / "dvc.yaml")["stages"]


def imported(file: Path) -> set[Path]:
    """The files under tasks/ that a file imports, also inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith("tasks"):
                place = CHECKOUT / name.replace(".", "/")
                found |= {one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file()}
    return found


def needed(stage: str) -> set[str]:
    """Every file that a stage's code consists of."""
    seen: set[Path] = set()
    waiting = {CHECKOUT / "tasks" / "data" / f"{stage}.py"}
    # Readers are imported by name: they are all there.
    if stage == "ingest":
        waiting |= set((CHECKOUT / "tasks" / "data" / "formats").glob("*.py"))
    while waiting:
        file = waiting.pop()
        seen.add(file)
        waiting |= imported(file) - seen
    return {file.relative_to(CHECKOUT).as_posix() for file in seen if file.stat().st_size}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_runs(stage: str) -> None:
    named = STAGE_DEFINITIONS[stage]["do"]["deps"]
    missing = {file for file in needed(stage) if not any(file == one or file.startswith(f"{one}/") for one in named)}
    assert not missing


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_data_files_that_its_code_names(stage: str) -> None:
    read = {f"data/{name}" for file in needed(stage) for name in READ.findall((CHECKOUT / file).read_text())}
    assert read - {"data/built"} <= set(STAGE_DEFINITIONS[stage]["do"]["deps"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_nothing_that_is_not_there(stage: str) -> None:
    for name in STAGE_DEFINITIONS[stage]["do"]["deps"]:
        if name.startswith("tasks/") and name.endswith(".py"):
            assert name in needed(stage), f"{stage} does not run {name}"
        if "$" not in name:
            assert (CHECKOUT / name).exists()


def test_what_may_name_people_never_leaves_the_machine() -> None:
    for out in STAGE_DEFINITIONS["ingest"]["do"]["outs"]:
        assert list(out.values()) == [{"push": False}]


def test_stages_are_chained_in_order() -> None:
    assert tuple(STAGE_DEFINITIONS) == STAGES
    for before, stage in itertools.pairwise(STAGES):
        assert f"data/built/${{key}}/{before}" in STAGE_DEFINITIONS[stage]["do"]["deps"]

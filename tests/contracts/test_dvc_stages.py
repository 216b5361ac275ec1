"""dvc.yaml must name all that decides what a stage makes: what is missing would leave old data in place."""

from __future__ import annotations

import itertools

import pytest

from tasks.code import LOCK, files_of_code
from tasks.data.format import formats
from tasks.data.stage import STAGES
from tasks.home import CHECKOUT
from tasks.settings import load_yaml

STAGE_DEFINITIONS = load_yaml(CHECKOUT / "dvc.yaml")["stages"]


def needed(stage: str) -> set[str]:
    """The code and data that decide what a stage makes. Which format it reads, DVC cannot know: it depends on all."""
    readers = [type(one).__module__ for one in formats().values()] if stage == "ingest" else []
    return {*files_of_code(f"tasks.data.{stage}", *readers), LOCK}


def named(stage: str) -> list[str]:
    """Its dependencies that are files of the checkout, the same for every dataset."""
    return [one for one in STAGE_DEFINITIONS[stage]["do"]["deps"] if "$" not in one]


def covers(dependency: str, file: str) -> bool:
    return file == dependency or file.startswith(f"{dependency}/")


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_code_that_it_runs_and_the_data_that_this_declares(stage: str) -> None:
    assert not {file for file in needed(stage) if not any(covers(one, file) for one in named(stage))}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_nothing_else(stage: str) -> None:
    decides = needed(stage)
    for name in named(stage):
        assert any(covers(name, file) for file in decides), f"{stage} does not need {name}"
        for file in (CHECKOUT / name).rglob("*.py"):  # of a folder
            assert file.relative_to(CHECKOUT).as_posix() in decides or not file.stat().st_size, f"{stage}: {file}"


def test_what_may_name_people_never_leaves_the_machine() -> None:
    for out in STAGE_DEFINITIONS["ingest"]["do"]["outs"]:
        assert list(out.values()) == [{"push": False}]


def test_stages_are_chained_in_order() -> None:
    assert tuple(STAGE_DEFINITIONS) == STAGES
    for before, stage in itertools.pairwise(STAGES):
        assert f"data/built/${{key}}/{before}" in STAGE_DEFINITIONS[stage]["do"]["deps"]

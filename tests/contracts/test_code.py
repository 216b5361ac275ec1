"""Every file of code decides about some result, or stands in the table of what decides about none; data is declared."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tasks.code import DECIDES_NOTHING, decides_nothing, files_of_code
from tasks.data.format import formats
from tasks.data.stage import STAGES
from tasks.evaluation.gate import gate_kinds
from tasks.evaluation.metric import declared_metrics
from tasks.home import CHECKOUT
from tasks.meaning import SAID, Source, source_of
from tasks.training.method import Method, methods
from tasks.training.objectives import objective_module
from tests.contracts.house import name_of, sources

RESULTS = (
    "flows.retrain",
    "tasks.comparison.arm",
    "tasks.evaluation.baselines",
    "tasks.evaluation.evaluate",
    "tasks.evaluation.judge",
    "tasks.release.merge",
    "tasks.release.quantize",
    "tasks.release.reading",
    "tasks.training.named_base",
    "tasks.training.train",
)
"""Modules that make a result with a key, beside the stages of the data."""
SERVED = CHECKOUT / "tasks" / "release" / "served.py"
"""Runs in MLflow, where there is no checkout: it finds what was registered with it beside itself."""
MADE = ("data/built", "dvc.lock", "var")
GIVEN = (".dvc", ".git", "data/sample", "dvc.yaml", "params.yaml", "policies", "recipes", "requirements.lock", *MADE)
"""What is given to code rather than part of it: what a person declares, whose content is in keys, and what is made."""


def plug_ins() -> list[str]:
    """Every file that is found by name."""
    kinds = [*formats().values(), *methods().values()]
    found = [type(one).__module__ for one in kinds] + [kind.__module__ for kind in gate_kinds().values()]
    return [*found, *declared_metrics(), *(objective_module(task) for task in Method.tasks)]


def module_of(file: Path) -> str:
    return name_of(file).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def read() -> dict[Path, Source]:
    """The files of tasks/ that say anything."""
    found = {file: source_of(file.read_bytes()) for file in sources() if file.is_relative_to(CHECKOUT / "tasks")}
    return {file: source for file, source in found.items() if source.meaning}


def neither(files: Iterable[str]) -> list[str]:
    """Files that are in the closure of no result, and not in the table."""
    decides = files_of_code(*RESULTS, *(f"tasks.data.{stage}" for stage in STAGES), *plug_ins())
    return [one for one in files if one not in decides and not decides_nothing(module_of(CHECKOUT / one))]


def test_every_file_decides_about_a_result_or_says_why_it_decides_about_none() -> None:
    found = neither(name_of(file) for file in read())
    assert not found, "in no closure of a result: add it, with the reason, to DECIDES_NOTHING in tasks/code.py"


def test_a_forgotten_file_would_be_named() -> None:
    given = ["tasks/training/loop.py", "tasks/training/forgotten.py", "tasks/errors.py", "tasks/lineage/event.py"]
    assert neither(given) == ["tasks/training/forgotten.py"]


def test_who_makes_a_result_is_known_here() -> None:
    """Whoever asks for `code_of(__name__, ...)` is one of `RESULTS`."""
    asking = {module_of(one) for one in read() if "code_of(__name__" in one.read_text(encoding="utf-8")}
    assert asking - set(files_as_modules(*RESULTS)) == set()


def files_as_modules(*modules: str) -> list[str]:
    return [name.removesuffix(".py").replace("/", ".") for name in files_of_code(*modules)]


def test_the_table_names_what_is_there_and_gives_reasons() -> None:
    for module, reason in DECIDES_NOTHING.items():
        place = CHECKOUT.joinpath(*module.split("."))
        assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), module
        assert len(reason.split()) > 1, module
        inside = module.rpartition(".")[0]
        assert not decides_nothing(inside), f"{module} is left out with {inside} already"


def test_texts_that_are_only_shown_are_attributes_of_methods() -> None:
    assert set(SAID) <= set(Method.__annotations__)


@pytest.mark.parametrize("module", [*RESULTS, *(f"tasks.data.{stage}" for stage in STAGES)])
def test_what_makes_a_result_follows_nothing_of_the_table(module: str) -> None:
    assert not [one for one in files_as_modules(module) if decides_nothing(one)]


def test_opening_a_model_does_not_depend_on_how_bases_are_trained() -> None:
    opened = files_of_code("tasks.evaluation.evaluate")
    assert "tasks/training/opening.py" in opened
    assert not {f"tasks/training/{name}.py" for name in ("base", "pretraining", "loop", "train", "optimizer")} & {
        *opened
    }
    assert not [name for name in opened if "/methods/" in name], "a method is a plug-in"


def declared() -> dict[str, set[str]]:
    """Module -> data files and folders that it says it reads."""
    return {module_of(file): set(source.reads) for file, source in read().items()}


def test_data_that_code_declares_is_there_and_holds_no_code() -> None:
    for module, reads in declared().items():
        for name in reads:
            place = CHECKOUT / name
            assert place.exists() or name == "data/withdrawn.txt", f"{module} reads {name}"
            assert not list(place.rglob("*.py")), f"{name} holds code, which imports find"


@pytest.mark.parametrize("folder", ["tasks", "data/lexicons", "data/suites"])
def test_every_file_beside_the_code_is_declared_by_a_module_that_reads_it(folder: str) -> None:
    reads = {name for names in declared().values() for name in names}
    for file in (CHECKOUT / folder).rglob("*"):
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts:
            name = name_of(file)
            assert any(name == one or name.startswith(f"{one}/") for one in reads), f"{name}: in no READS"


def test_code_opens_no_file_of_the_checkout_that_it_does_not_declare() -> None:
    for file in read():
        reads = declared()[module_of(file)]
        for place in named_places(file):
            known = [*reads, *GIVEN]
            assert any(place == one or place.startswith(f"{one}/") for one in known), f"{name_of(file)}: {place}"


def test_code_finds_its_data_from_the_checkout_not_beside_itself() -> None:
    deciding = [one for one in read() if not decides_nothing(module_of(one)) and one != SERVED]
    beside = [one for one in deciding if uses_its_own_place(one)]
    assert not beside, "declare the file in READS, and open CHECKOUT / READS[0]"


def named_places(file: Path) -> Iterator[str]:
    """Paths below the checkout that a file writes out: `CHECKOUT / "data" / "lexicons"`, or a constant's value.

    Code aside: imports find it.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    inner = {id(node.left) for node in ast.walk(tree) if isinstance(node, ast.BinOp)}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and id(node) not in inner:
            parts: list[str | None] = []
            left: ast.expr = node
            while isinstance(left, ast.BinOp):
                parts.insert(0, text_of(left.right, constants))
                left = left.left
            if isinstance(left, ast.Name) and left.id == "CHECKOUT" and parts[0] is not None:
                place = "/".join(part for part in parts[: [*parts, None].index(None)] if part)
                if not place.endswith(".py"):
                    yield place


def text_of(node: ast.expr, constants: dict[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return constants.get(node.id) if isinstance(node, ast.Name) else None


def uses_its_own_place(file: Path) -> bool:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    resources = ("importlib.resources", "pkgutil.get_data")
    return any(isinstance(node, ast.Name) and node.id == "__file__" for node in nodes) or any(
        one in file.read_text(encoding="utf-8") for one in resources
    )

"""What must be true of the whole tree: who may import whom, and what an import may do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flows
import tasks
from tasks.home import CHECKOUT

SOURCES = sorted([*(CHECKOUT / "tasks").rglob("*.py"), *(CHECKOUT / "flows").rglob("*.py")])
HEAVY = {"torch", "transformers", "mlflow", "prefect", "pandas", "great_expectations", "peft", "datasets"}
ENTRY_POINTS = {"served.py"}  # run by MLflow itself
COMMAND_LINES = {
    "flows/cli/__init__.py",
    "flows/scheduled.py",
    "tasks/comparison/arm.py",
    "tasks/data/stage.py",
    "tasks/evaluation/pace.py",
    "tasks/training/rank.py",
    "tasks/tuning/trial.py",
}
"""What starts as a process of its own."""
KERNELS = ("cpu", "modules", "token_loss")  # of tasks.training: they define parts of torch; imported where used


def imports(path: Path) -> list[tuple[str, bool]]:
    """(top package, whether it is imported when the module is) of every import."""
    tree = ast.parse(path.read_text())
    inner = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.dump(outer.test))
        for node in ast.walk(outer)
    }
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        found += [(name.split(".")[0], id(node) not in inner) for name in names]
    return found


def test_the_packages_come_from_this_checkout() -> None:
    for package in (flows, tasks):
        assert Path(str(package.__file__)).parent.parent == CHECKOUT


def test_only_flows_knows_prefect_and_only_tracking_knows_mlflow() -> None:
    for path in SOURCES:
        packages = {name for name, _ in imports(path)}
        if path.is_relative_to(CHECKOUT / "tasks"):
            assert "prefect" not in packages, path
            assert "flows" not in packages, path
        if path.parent != CHECKOUT / "tasks" / "tracking" and path.name not in ENTRY_POINTS:
            assert "mlflow" not in packages, path


def test_tasks_import_nothing_heavy_by_themselves() -> None:
    for path in SOURCES:
        if path.is_relative_to(CHECKOUT / "tasks") and path.name not in ENTRY_POINTS and path.stem not in KERNELS:
            early = {name for name, at_import in imports(path) if at_import}
            assert not early & HEAVY, f"{path} imports {early & HEAVY} when it is imported"
            kernels = rf"^(import|from) tasks\.training\.({'|'.join(KERNELS)})\b"
            assert not re.search(kernels, path.read_text(), re.MULTILINE), path


def test_only_command_lines_ask_where_galen_home_is() -> None:
    """Everything below them is handed a `Store`."""
    sources = {path.relative_to(CHECKOUT).as_posix(): path.read_text() for path in SOURCES}

    def calling(name: str) -> set[str]:
        return {
            file
            for file, text in sources.items()
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
        }

    assert calling("home") == {"tasks/store.py"}
    assert calling("of_environment") == COMMAND_LINES
    assert {file for file, text in sources.items() if 'environ.get("GALEN_HOME")' in text} == {"tasks/home.py"}


def test_mlflow_folder_holds_no_python() -> None:
    assert not list((CHECKOUT / "mlflow").rglob("*.py"))


def test_importing_everything_creates_nothing(tmp_path: Path) -> None:
    modules = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in SOURCES]
    light = [name for name in modules if name.startswith("tasks.") and not name.endswith((".served", "__init__"))]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    home = tmp_path / "home"
    subprocess.run(
        [sys.executable, "-c", code, *light], cwd=CHECKOUT, env={"GALEN_HOME": str(home), "PATH": ""}, check=True
    )
    assert not home.exists()


@pytest.mark.parametrize("argument", ["--help", "data"])
def test_help_needs_none_of_the_heavy_packages(argument: str) -> None:
    code = (
        "import sys\nfrom flows.cli import galen\n"
        f"try: galen([{argument!r}, '--help'], standalone_mode=False)\nexcept SystemExit: pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_shipped_text_names_no_host_of_a_registry() -> None:
    hosts = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "huggingface" + ".co")
    for pattern in ("*.md", "*.py", "*.yaml", "*.toml", "Makefile", "*.lock"):
        for path in CHECKOUT.rglob(pattern):
            if not {".venv", "var", ".git"} & set(path.relative_to(CHECKOUT).parts):
                text = path.read_text(encoding="utf-8")
                assert not [host for host in hosts if host in text], path

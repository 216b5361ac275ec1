"""The house as its imports draw it: rooms, floors, arrows and circles. Read as text: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from tasks.home import CHECKOUT

FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "home",
        "plugins",
        "locks",
        "private",
        "progress",
        "process",
        "stuck",
        "digest",
        "model_text",
        "plain_text",
        "plain_yaml",
    ),
    ("settings", "config"),
    ("meaning", "code", "artifact", "signatures"),
    ("store", "children", "reports"),
    ("meta",),
    ("data",),
    ("tracking",),
    ("training",),
    ("evaluation",),
    ("lineage",),
    ("release",),
    ("tuning", "comparison"),
    ("flows",),
    ("flows/cli",),
)
"""From the ground up. A room imports from floors below its own; on the ground and where things are stored, files of one
floor may use each other as long as they form no circle. No two rooms above import each other."""
SHARED = 5
"""Floors, from the ground, on which rooms are single files that may use their neighbours."""


def sources() -> list[Path]:
    """Every Python file of tasks/ and flows/, sorted."""
    return sorted([*(CHECKOUT / "tasks").rglob("*.py"), *(CHECKOUT / "flows").rglob("*.py")])


def name_of(file: Path) -> str:
    """`tasks/data/split.py` for a file of the checkout."""
    return file.relative_to(CHECKOUT).as_posix()


def room_of(file: str) -> str:
    """The room that a file belongs to: a folder of tasks/, a file of tasks/, flows, or flows/cli."""
    parts = file.removesuffix(".py").split("/")
    if parts[0] == "flows":
        return "flows/cli" if parts[1] == "cli" else "flows"
    return parts[1]


@cache
def arrows() -> Mapping[str, frozenset[str]]:
    """File -> files that it imports, inside functions and for types alone included. Without `__init__.py` files."""
    known = {name_of(file) for file in sources()}
    return {
        name_of(file): frozenset(_imported(file, known) - {name_of(file)})
        for file in sources()
        if file.name != "__init__.py"
    }


def _imported(file: Path, known: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {path for name in names if (path := f"{name.replace('.', '/')}.py") in known}
    return found


def room_arrows() -> dict[str, set[str]]:
    """Room -> rooms that it imports from."""
    found: dict[str, set[str]] = {}
    for file, imported in arrows().items():
        found.setdefault(room_of(file), set()).update({room_of(one) for one in imported} - {room_of(file)})
    return found


def floor_of(room: str) -> int:
    """The floor of a room; 0 is the ground.

    Raises:
        LookupError: FLOORS does not know the room.
    """
    for number, rooms in enumerate(FLOORS):
        if room in rooms:
            return number
    raise LookupError(f"{room} stands on no floor: add it to FLOORS in tests/contracts/house.py")


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other (Tarjan 1972), each sorted."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def drawing() -> str:
    """The house from the top floor down, as a Markdown table: each room, and the rooms that it imports from."""
    lines = ["| floor | room | imports from |", "|---:|---|---|"]
    imported = room_arrows()
    for number in range(len(FLOORS) - 1, -1, -1):
        for room in FLOORS[number]:
            if room in imported:
                below = sorted(imported[room], key=lambda one: (-floor_of(one), one))
                lines.append(f"| {number} | `{room}` | {', '.join(below) or '-'} |")
    return "\n".join(lines) + "\n"

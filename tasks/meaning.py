"""What a Python file means to a machine: its syntax tree without what is only said to people."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

PACKAGES = ("flows", "tasks")
_READS = "READS"
"""Name of the constant in which a module declares the data files and folders that it reads."""
ERRORS = "tasks.errors"
"""Where the errors come from whose arguments are words for people, and nothing else."""
SAID = {
    "summary": "a method in one sentence, for `galen methods`",
    "paper": "who published a method",
    "why_not": "why a method cannot do a task, for the words of an error",
}
"""Texts in the body of a class that are shown and decide nothing: their names, and what they are."""

_MODULE = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)+")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """What one file says."""

    meaning: str
    """SHA-256 of the tree; empty where nothing is left of it."""
    imports: tuple[str, ...]
    """Names that may be modules of this checkout: what it imports, inside functions too, and what a string names, for
    `python -m`. What is imported for type checkers is left out."""
    reads: tuple[str, ...]
    """Data files and folders that it declares in `READS`."""


def source_of(text: bytes) -> Source:
    """Read a file's text.

    Raises:
        SyntaxError: it is not Python.
        ValueError: `READS` is not a tuple of plain strings, or an import is relative.
    """
    tree = _Bare().visit(ast.parse(text))
    for node in ast.walk(tree):
        if isinstance(node, Function):
            _drop_texts(node)
    body = ast.dump(tree, annotate_fields=False) if tree.body else ""
    meaning = hashlib.sha256(body.encode()).hexdigest() if body else ""
    return Source(meaning, tuple(sorted(set(_imports(tree)))), tuple(_reads(tree)))


class _Bare(ast.NodeTransformer):
    """Takes out docstrings, imports for type checkers, shown texts of classes, and the arguments of errors.

    Comments, line numbers and line breaks are not in a tree anyway.
    """

    def __init__(self) -> None:
        self._errors: set[str] = set()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module == ERRORS:
            self._errors |= {alias.asname or alias.name for alias in node.names if alias.name[0].isupper()}
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" and not node.orelse:
            return None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [one for one in node.body if not _is_said(one)]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """`InputError(...)` and `ConfigError.of(...)`: which error it is counts, what it says does not."""
        kind = node.func
        if isinstance(kind, ast.Attribute) and kind.attr == "of":
            kind = kind.value
        if isinstance(kind, ast.Name) and kind.id in self._errors:
            return ast.Call(node.func, [], [])
        return self.generic_visit(node)


def _is_said(node: ast.stmt) -> bool:
    """Whether a statement of a class sets a text of `SAID`."""
    if isinstance(node, ast.AnnAssign):
        target: ast.expr = node.target
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    else:
        return False
    named = isinstance(target, ast.Name) and target.id in SAID
    return named and (node.value is None or _is_text(node.value))


def _is_text(node: ast.expr) -> bool:
    """Whether an expression is put together from texts alone: it can have no effect but the text."""
    match node:
        case ast.Constant(value=str() | None) | ast.JoinedStr():
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return _is_text(body) and _is_text(orelse)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_text(left) and _is_text(right)
        case ast.Call(func=ast.Attribute(value=inner)):
            return _is_text(inner)  # ", ".join(...), f"...".removeprefix(...)
    return False


def _drop_texts(function: Function) -> None:
    """Take out assignments of texts to names that nobody reads any more: those that served errors only."""
    while True:
        read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        declared = (node.names for node in ast.walk(function) if isinstance(node, ast.Global | ast.Nonlocal))
        unread = _Unread(read.union(*declared))
        unread.visit(function)
        if not unread.found:
            return


class _Unread(ast.NodeTransformer):
    """Takes out `name = text` where the name is not among those that are read."""

    def __init__(self, read: set[str]) -> None:
        self._read = read
        self.found = False

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        target = node.targets[0]
        alone = len(node.targets) == 1 and isinstance(target, ast.Name) and target.id not in self._read
        if alone and _is_text(node.value):
            self.found = True
            return None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node  # attributes are read from elsewhere


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError("imports are absolute here: a relative one cannot be followed")
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        yield from (name for name in names if _MODULE.fullmatch(name))


def _reads(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == _READS for one in node.targets):
            found = ast.literal_eval(node.value)
            if not (isinstance(found, tuple) and all(isinstance(one, str) for one in found)):
                raise ValueError(f"{_READS} must be a tuple of plain strings")
            return list(found)
    return []

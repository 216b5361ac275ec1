"""What is found by being there: the files of a package, and the classes that they define."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def modules_in(package: ModuleType) -> list[ModuleType]:
    """Every file of a package, imported, in the order of their names. A package may lie in several folders."""
    return [importlib.import_module(f"{package.__name__}.{one.name}") for one in pkgutil.iter_modules(package.__path__)]


def kinds_in(package: ModuleType, base: type[T]) -> list[type[T]]:
    """Every class below `base` that a file of a package defines; what it imports does not count."""
    return [
        kind
        for module in modules_in(package)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == module.__name__
    ]

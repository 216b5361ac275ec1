"""Recipes by name: what comes by the network names a recipe of this checkout, and never a file."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.errors import InputError
from tasks.home import CHECKOUT

RECIPES = CHECKOUT / "recipes"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What a scheduled recipe may be called."""


def recipe_called(name: str) -> Path:
    """The recipe of a name, `recipes/NAME.yaml`.

    Raises:
        InputError: this is no name, or there is no such recipe.
    """
    path = RECIPES / f"{name}.yaml"
    if not NAME.fullmatch(name) or not path.is_file():
        raise InputError("no scheduled recipe has this name", hint="name a file of recipes/, without .yaml")
    return path

"""params.yaml as it is written: one entry per dataset, unchecked. A stage starts from here, and knows no format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tasks.config.words import Name
from tasks.errors import ConfigError, InputError
from tasks.home import CHECKOUT, shown
from tasks.settings import load_yaml

PARAMS = "params.yaml"


def params_file() -> Path:
    """The params.yaml of this checkout."""
    return CHECKOUT / PARAMS


def one_entry(name: str, path: Path | None = None) -> tuple[Any, str]:
    """One entry, and where it stands, for messages.

    Raises:
        InputError: the name is no name, or there is no such entry.
        ConfigError: the file holds no entries.
    """
    path = path or params_file()
    check_name(name)
    entries = _entries(path)
    if name not in entries:
        known = ", ".join(sorted(map(str, entries))) or "none yet"
        raise InputError(
            "no such dataset", value=name, hint=f"there are: {known}; `galen data add NAME PATH` declares one"
        )
    return entries[name], f"{shown(path)}, datasets.{name}"


def check_name(name: str) -> None:
    """Refuse what is not a dataset name: it becomes a folder's name and part of a DVC target.

    Raises:
        InputError: small letters, digits and single hyphens only; a path is not a name.
    """
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        hint = "small letters, digits and hyphens, at most 64, e.g. medquad-2024"
        if "/" in name or "\\" in name or name.endswith((".yaml", ".csv", ".jsonl", ".json", ".parquet")):
            hint = f"this looks like a path; a dataset is named by its entry in {PARAMS} ({hint})"
        raise InputError("not a dataset name", value=name, hint=hint) from None


def _entries(path: Path) -> Mapping[str, Any]:
    data = load_yaml(path)
    entries = data.get("datasets") if isinstance(data, Mapping) else None
    if not isinstance(entries, Mapping):
        raise ConfigError.of(shown(path), ["datasets: expected one entry per dataset"])
    return entries

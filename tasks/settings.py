"""Settings: frozen, typed, declared once; read from YAML with every fault at once, each with its path."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.errors import ConfigError, InputError
from tasks.plain_yaml import plain_yaml


class Settings(BaseModel):
    """The base of every setting: frozen; an unknown key is an error, and so is a number that is none (NaN, infinity).

    Every number has a least and a greatest value (tests/contracts/test_bounds.py).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """The settings as plain data, for digests and records."""
        return self.model_dump(mode="json")


S = TypeVar("S", bound=Settings)
LONGEST_SHOWN = 100
"""Characters of a wrong value that a message repeats."""


def load_yaml(path: Path) -> Any:
    """Plain data from a YAML file (safe loader).

    Raises:
        InputError: the file is not there, not UTF-8, or not what `tasks.plain_yaml` takes.
    """
    if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would be waited for without end
        raise InputError("this is no file", value=path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        near = sorted(other.name for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        hint = f"there are: {', '.join(near)}" if near else "check the path"
        raise InputError("no such file", value=path, hint=hint) from error
    except IsADirectoryError as error:
        raise InputError("this is a folder, not a YAML file", value=path) from error
    except UnicodeDecodeError as error:
        raise InputError("this YAML file is not UTF-8", value=path, hint="save it as UTF-8") from error
    except OSError as error:
        if error.errno != errno.EIO:  # what else can be wrong with a file is said where all errors are
            raise
        raise InputError("this file cannot be read", value=path, hint="does the disk still read it?") from error
    return plain_yaml(text, path)


def parse(kind: type[S], data: Any, file: object, context: object = None) -> S:
    """Settings from plain data.

    Args:
        kind: what they are.
        data: keys and values.
        file: where they come from, for messages.
        context: what a validator of `kind` may need to know (pydantic's validation context).

    Raises:
        ConfigError: every fault at once, each with its path and what is allowed.
    """
    if not isinstance(data, Mapping):
        raise ConfigError.of(file, [f"expected keys and values, found {type(data).__name__}"])
    try:
        return kind.model_validate(data, context=context)
    except ValidationError as error:
        raise ConfigError.of(file, [_fault(kind, item) for item in error.errors()]) from None


def _fault(kind: type[BaseModel], item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"] if part != "[key]") or "(the whole file)"
    text = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        known = _keys_at(kind, item["loc"][:-1])
        text = f"unknown key (known: {', '.join(known)})" if known else "unknown key"
    elif item["type"] not in ("missing", "value_error") and isinstance(item.get("input"), str | int | float | bool):
        found = repr(item["input"])
        text = f"{text} (found {found if len(found) <= LONGEST_SHOWN else f'{found[:LONGEST_SHOWN]}...'})"
    return f"{where}: {text}"


def _keys_at(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that a place of the settings knows, found by walking the declared types."""
    current: Any = kind
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel) and part in current.model_fields:
            current = current.model_fields[str(part)].annotation
        arguments = [one for one in getattr(current, "__args__", ()) if isinstance(one, type)]
        settings = [one for one in arguments if issubclass(one, BaseModel)]
        current = settings[0] if settings else current
    return sorted(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def load(kind: type[S], path: Path) -> S:
    """Settings from a YAML file, all faults at once."""
    return parse(kind, load_yaml(path), path)

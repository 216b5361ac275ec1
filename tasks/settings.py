"""Settings: frozen, typed, declared once; read from YAML with every fault at once, each with its path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.errors import ConfigError, InputError


class Settings(BaseModel):
    """The base of every setting: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def plain(self) -> dict[str, Any]:
        """The settings as plain data, for digests and records."""
        return self.model_dump(mode="json")


S = TypeVar("S", bound=Settings)


def load_yaml(path: Path) -> Any:
    """Plain data from a YAML file (safe loader).

    Raises:
        InputError: the file is not there, not UTF-8, or not YAML.
    """
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        near = sorted(other.name for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        hint = f"there are: {', '.join(near)}" if near else "check the path"
        raise InputError("no such file", value=path, hint=hint) from error
    except IsADirectoryError as error:
        raise InputError("this is a folder, not a YAML file", value=path) from error
    except UnicodeDecodeError as error:
        raise InputError("this YAML file is not UTF-8", value=path, hint="save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise InputError(f"not YAML ({where}: {getattr(error, 'problem', error)})", value=path) from error


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
        text = f"{text} (found {item['input']!r})"
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

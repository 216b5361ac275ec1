"""References made from the code: every command of `galen`, every setting of every YAML file."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tasks.data.format import Format
from tasks.evaluation.gate import Gate
from tasks.evaluation.metric import Metric
from tasks.evaluation.perturb import Perturbation
from tasks.training.method import Method

MADE = "<!-- Made from the code by `make docs`; do not edit. -->\n"


def commands(galen: click.Group) -> str:
    """`docs/reference/commands.md`: each command with its arguments and options, in the order of `galen --help`."""
    parts = ["# Commands\n", MADE, f"{_text(galen.help)}\n"]
    for name, command in _walk(galen, "galen"):
        context = click.Context(command, info_name=name)
        usage = " ".join(command.collect_usage_pieces(context))
        note = _text(command.help)
        parts.append(f"## {name}\n\n```console\n{name} {usage}\n```\n\n{note}\n")
        options = [one.get_help_record(context) for one in command.params if isinstance(one, click.Option)]
        if rows := [f"| `{record[0]}` | {_cell(record[1])} |" for record in options if record]:
            parts.append("| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _walk(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from _walk(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


def settings(title: str, files: Mapping[str, Sequence[tuple[str, type[BaseModel]]]]) -> str:
    """`docs/reference/settings.md`: per file, each class of settings with its keys, their values, defaults and uses."""
    parts = [f"# {title}\n", MADE]
    seen: set[type[BaseModel]] = set()
    for file, kinds in files.items():
        parts.append(f"## {file}\n")
        for place, kind in kinds:
            parts += _tables(place, kind, seen)
    return "\n".join(parts)


def catalogue(
    formats: Iterable[Format],
    methods: Iterable[Method[Any]],
    gates: Mapping[str, type[Gate]],
    perturbations: Iterable[Perturbation],
    metrics: Iterable[Metric],
) -> str:
    """`docs/reference/catalogue.md`: what there is of each kind that is found by being there."""
    tables = {
        "Data formats": _table(
            ("format", "records", "files", "what it is"),
            ((f"`{one.name}`", ", ".join(one.tasks), ", ".join(one.suffixes), one.__doc__ or "") for one in formats),
        ),
        "Methods": _table(("method", "models", "merges", "what it trains", "paper"), map(_method, methods)),
        "Gate kinds": _table(
            ("kind", "passes when"), ((f"`{name}`", kind.__doc__ or "") for name, kind in gates.items())
        ),
        "Perturbations": _table(
            ("perturbation", "records", "what is done to texts", "why the answer stays"),
            ((f"`{one.name}`", ", ".join(one.tasks), one.does, one.why) for one in perturbations),
        ),
        "Metrics": _table(
            ("metric", "records", "of", "better", "what it is"),
            ((f"`{one.name}`", one.task, one.over, one.better, one.meaning) for one in metrics),
        ),
    }
    parts = [f"## {name}\n\n{rows}\n" for name, rows in tables.items()]
    return "\n".join(["# Formats, methods, gates and metrics\n", MADE, *parts])


def _method(one: Method[Any]) -> tuple[str, ...]:
    return f"`{one.name}`", ", ".join(sorted(one.tasks)), "yes" if one.mergeable else "no", one.summary, one.paper


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _tables(place: str, kind: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    """The table of one class, then those of the classes that its keys hold and that no table shows yet."""
    if kind in seen:
        return
    seen.add(kind)
    rows = [
        f"| `{name}` | {_cell(_type(field))} | {_default(field)} | {_cell(field.description or '')} |"
        for name, field in kind.model_fields.items()
    ]
    head = "| key | values | default | what it is for |\n|---|---|---|---|\n"
    yield f"### {place}\n\n{_text(kind.__doc__)}\n\n{head}" + "\n".join(rows) + "\n"
    for name, field in kind.model_fields.items():
        for inner in _classes(field.annotation):
            yield from _tables(f"{place}.{name}" if place[0].islower() else name, inner, seen)


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _classes(inner)


def _type(field: FieldInfo) -> str:
    """The values of a key in a few words: choices, bounds, or the kind of value."""
    bounds = [f"{_BOUNDS[name]} {value}" for one in field.metadata for name, value in _bounds(one)]
    return " ".join([_words(field.annotation), *bounds]).strip()


_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "min_length": "length ≥", "max_length": "length ≤"}
_PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", type(None): "none"}


def _bounds(mark: Any) -> Iterator[tuple[str, Any]]:
    for name in _BOUNDS:
        if (value := getattr(mark, name, None)) is not None:
            yield name, value


def _words(annotation: Any) -> str:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin is typing.Annotated:
        marks = [f"{_BOUNDS[name]} {value}" for mark in inner[1:] for part in (mark, *getattr(mark, "metadata", ()))
                 for name, value in _bounds(part)]  # fmt: skip
        return " ".join([_words(inner[0]), *marks])
    if origin in (tuple, list):
        return f"list of {_words(inner[0])}"
    if origin is dict:
        return f"{_words(inner[1])} by {_words(inner[0])}"
    if inner:  # a union
        return " or ".join(words for one in inner if (words := _words(one)) != "none")
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "settings, see below"
    return _PLAIN.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == ():
        return "-"
    if isinstance(value, BaseModel):
        return "as below"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _text(words: str | None) -> str:
    return re.sub(r"[ \t]*\n[ \t]*", "\n", (words or "").strip())


def _cell(words: str) -> str:
    return re.sub(r"\s+", " ", words).replace("|", "\\|").strip()

"""Every number that a person can set has a least and a greatest value, and is a number."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

import tasks
from tasks.home import CHECKOUT
from tasks.settings import Settings

FREE = {("tasks.comparison.config", "method"), ("tasks.comparison.config", "training")}
"""Settings without a type of their own: each arm is parsed as a recipe, where they have one."""
PROGRAMS = {"tasks.release.served"}  # run by MLflow: importing it loads what it serves


def kinds() -> list[type[Settings]]:
    """Every class of settings that there is."""
    for module in pkgutil.walk_packages(tasks.__path__, "tasks."):
        if module.name not in PROGRAMS:
            importlib.import_module(module.name)
    found, waiting = set[type[Settings]](), [Settings]
    while waiting:
        kind = waiting.pop()
        here = (CHECKOUT / kind.__module__.replace(".", "/")).with_suffix(".py").exists()  # a test adds a method's file
        if kind not in found and kind.__module__.startswith("tasks.") and here:
            found.add(kind)
            waiting += kind.__subclasses__()
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def numbers(annotation: Any, bounds: tuple[Any, ...] = ()) -> Iterator[tuple[type, tuple[Any, ...]]]:
    """The numbers of an annotation, each with what is said of it."""
    if annotation in (int, float):
        yield annotation, bounds
    elif hasattr(annotation, "__metadata__"):
        more = tuple(
            one
            for held in annotation.__metadata__
            for one in (held.metadata if isinstance(held, FieldInfo) else [held])
        )
        yield from numbers(annotation.__origin__, (*bounds, *more))
    elif get_origin(annotation) is not None:
        inner = bounds if get_origin(annotation) is not tuple else ()
        for one in get_args(annotation):
            yield from numbers(one, inner)


def untyped(annotation: Any) -> bool:
    """Whether anything at all may stand somewhere in it."""
    return annotation is Any or any(untyped(one) for one in get_args(annotation))


def said(bounds: tuple[Any, ...], *names: str) -> list[float]:
    """What is said of a number under one of these names."""
    return [value for one in bounds for name in names if (value := getattr(one, name, None)) is not None]


def test_every_number_has_bounds() -> None:
    open_ended = []
    count = 0
    for kind in kinds():
        for name, field in kind.model_fields.items():
            for type_, bounds in numbers(field.annotation, tuple(field.metadata)):
                count += 1
                least, most = said(bounds, "ge", "gt"), said(bounds, "le", "lt")
                if not (least and most and all(map(math.isfinite, [*least, *most]))):
                    open_ended.append(f"{kind.__module__}.{kind.__name__}.{name}: {type_.__name__}")
    assert open_ended == []
    assert count > 80


def test_no_setting_takes_what_is_no_number() -> None:
    assert all(kind.model_config.get("allow_inf_nan") is False for kind in kinds())


def test_a_setting_without_a_type_is_one_that_is_parsed_later() -> None:
    loose = {
        (kind.__module__, name)
        for kind in kinds()
        for name, field in kind.model_fields.items()
        if untyped(field.annotation)
    }
    assert loose - FREE <= {("tasks.tuning.config", "choices")}


@pytest.mark.parametrize(
    ("annotation", "found"), [(int, 1), (int | None, 1), (tuple[float, ...], 1), (dict[str, int], 1), (str, 0)]
)
def test_numbers_are_found_wherever_they_stand(annotation: Any, found: int) -> None:
    assert len(list(numbers(annotation))) == found

"""What several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from flows.working import working
from tasks.errors import InputError
from tasks.store import Store

hand_store = click.make_pass_decorator(Store)
"""Hands a command the store, which it does not work on itself: one that waits must not keep others from cleaning up."""
F = TypeVar("F", bound=Callable[..., Any])


def pass_store(command: F) -> F:
    """Hand a command the store that `galen` made, and be known as one who works on it."""
    return _passing(command, make=True)


def pass_store_to_read(command: F) -> F:
    """As `pass_store`, for a command that makes no store where there is none."""
    return _passing(command, make=False)


def _passing(command: F, *, make: bool) -> F:
    def run(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        store = context.find_object(Store)
        assert store is not None
        context.with_resource(working(store, make=make))
        return context.invoke(command, store, *args, **kwargs)

    return cast("F", update_wrapper(run, command))


set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any setting of a dataset: columns.text=note, identified=false.",
)


def by_person(command: F) -> F:
    """Who decides, and why: what every decision of a person needs."""
    why = click.option("--reason", required=True, help="What the decision rests on.")
    return click.option("--by", required=True, help="Printed name of the person who decides.")(why(command))


class FormatName(click.ParamType[str]):
    """The name of a data format, as `click.Choice` takes it. The formats are found when a command asks for one."""

    name = "format"

    def _names(self) -> click.Choice[str]:
        from tasks.data.format import formats

        return click.Choice(list(formats()))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, if there is such a format."""
        return self._names().convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """All names."""
        return self._names().get_metavar(param, ctx)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """All names."""
        return self._names().get_missing_message(param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so."""
        return self._names().shell_complete(ctx, param, incomplete)


_GIVEN_OTHERWISE = frozenset({"task", "source", "format", "licence"})
"""Settings of a dataset that have flags or arguments of their own."""


def settings_of(pairs: tuple[str, ...]) -> dict[str, object]:
    """`columns.text=note` as nested plain data; values are read as YAML.

    Raises:
        InputError: no KEY=VALUE, no setting that another flag does not give, or the value is not YAML.
    """
    from tasks.config.data import Dataset
    from tasks.plain_yaml import plain_yaml

    known = sorted(Dataset.model_fields.keys() - _GIVEN_OTHERWISE)
    settings: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError("a setting is KEY=VALUE", value=pair, hint="for example --set columns.text=note")
        *path, last = key.split(".")
        first = path[0] if path else last
        if first not in known or len(path) > 1:
            hint = f"there are: {', '.join(known)}; within one, as in columns.text"
            raise InputError("no setting that can be given so", value=key[:100], hint=hint)
        place = settings
        for part in path:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise InputError("two settings contradict each other", value=pair, hint="give each KEY once")
            place = inner
        try:
            place[last] = plain_yaml(value, f"--set {key}")
        except InputError as error:
            error.hint = error.hint or "quote it: KEY='\"...\"'"
            raise
    return settings

"""What an option of the command line may be, where the list is made from the code."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem


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

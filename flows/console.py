"""What a person sees: a line when a stage starts, to wait on, and one when it has a verdict; tables."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

from tasks.errors import ApprovalNeeded, GateRejected, Interrupted
from tasks.plain_text import one_line, terminal


def say(text: object, *, err: bool = False, fg: str | None = None, nl: bool = True) -> None:
    """Print for people: the one way of commands to do so. What words of others would do to a terminal is only shown."""
    click.secho(terminal(text), err=err, fg=fg, nl=nl)


STOPPED = threading.Event()
"""Set once this process was told to stop: nothing new begins then."""


@dataclass
class Row:
    """One stage of a run. `seconds` is its own work, without orchestration."""

    stage: str
    seconds: float = 0.0
    verdict: str = "done"
    detail: str = ""


@dataclass
class Console:
    """Prints stages as they go, and keeps them for the table and the report."""

    rows: list[Row] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[Row]:
        """Time a stage; the block sets the row's verdict and detail."""
        if STOPPED.is_set():  # a library swallowed the interruption
            raise KeyboardInterrupt
        row = Row(name)
        if sys.stdout.isatty():
            click.echo(f"  {one_line(name)} ...\r", nl=False)
        started = time.monotonic()
        try:
            yield row
        except BaseException as error:
            row.verdict = _verdict_of(error)
            raise
        finally:
            row.seconds = time.monotonic() - started
            self.rows.append(row)
            colour = {"failed": "red", "rejected": "red", "interrupted": "yellow", "waiting": "yellow"}.get(row.verdict)
            say(f"  {row.stage:<22} {row.seconds:7.1f} s  {row.verdict:<9} {one_line(row.detail)}".rstrip(), fg=colour)
            sys.stdout.flush()


def _verdict_of(error: BaseException) -> str:
    if isinstance(error, GateRejected):
        return "rejected"
    if isinstance(error, ApprovalNeeded):
        return "waiting"
    return "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit | Interrupted) else "failed"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns; numbers to the right."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(line[place]) for line in [list(header), *cells]) for place in range(len(header))]
    numeric = [bool(cells) and all(_is_number(row[place]) for row in cells) for place in range(len(header))]

    def line(parts: Sequence[str]) -> str:
        return "  ".join(
            part.rjust(width) if right else part.ljust(width)
            for part, width, right in zip(parts, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, cells)])


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else one_line(cell)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "", 1).replace("-", "", 1).isdigit() or text == "-"

"""What a person sees while a chain runs: one line when a stage starts to wait on, one when it has a verdict."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

from tasks.errors import ApprovalNeeded, GateRejected, Interrupted


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
        row = Row(name)
        if sys.stdout.isatty():
            click.echo(f"  {name} ...\r", nl=False)
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
            click.secho(f"  {row.stage:<22} {row.seconds:7.1f} s  {row.verdict:<9} {row.detail}".rstrip(), fg=colour)
            sys.stdout.flush()

    def table(self) -> str:
        """Each stage, its time, its verdict."""
        width = max((len(row.stage) for row in self.rows), default=5)
        lines = [f"{'stage':<{width}}  {'seconds':>8}  verdict"]
        lines += [
            f"{row.stage:<{width}}  {row.seconds:8.1f}  {row.verdict:<9} {row.detail}".rstrip() for row in self.rows
        ]
        return "\n".join(lines)


def _verdict_of(error: BaseException) -> str:
    if isinstance(error, GateRejected):
        return "rejected"
    if isinstance(error, ApprovalNeeded):
        return "waiting"
    return "interrupted" if isinstance(error, KeyboardInterrupt | SystemExit | Interrupted) else "failed"

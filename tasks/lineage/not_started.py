"""The report of a scheduled run that an error ended before its chain began: the recipe may not even be readable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tasks.artifact import write_atomically
from tasks.plain_text import html
from tasks.store import Store

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{recipe}: not started</title></head>
<body><h1>{recipe}: ended with an error before the first step</h1>
<p>Run {run}, {started:%Y-%m-%d %H:%M} UTC, asked for by {actor}. Nothing was built, trained or registered.</p>
<pre>{reason}</pre>
</body></html>
"""


@dataclass(frozen=True)
class NotStarted:
    """A run of which nothing happened."""

    run: str
    """Its id."""
    recipe: str
    """The recipe's name."""
    started: datetime
    actor: str


def report_of(store: Store, run: str) -> Path:
    """Where the report of a run lies, if it has one."""
    return store.root / "reports" / run / "report.html"


def write_not_started(store: Store, run: NotStarted, reason: str) -> Path:
    """Write `GALEN_HOME/reports/RUN/report.html`; returns its path.

    Args:
        store: where everything is kept.
        run: what was to run.
        reason: the words of the error.
    """
    path = report_of(store, run.run)
    path.parent.mkdir(parents=True, exist_ok=True)
    page = _PAGE.format(
        recipe=html(run.recipe), run=run.run, started=run.started, actor=html(run.actor), reason=html(reason)
    )
    write_atomically(path, page.encode("utf-8"))
    return path

"""A search as one HTML page. Numbers and settings, never records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.home import CHECKOUT
from tasks.reports import fill
from tasks.tuning.plots import history, setting

READS = ("tasks/tuning/report.html.j2",)
TEMPLATE = CHECKOUT / READS[0]


def render(found: Mapping[str, Any]) -> str:
    """The page of what `tasks.tuning.result.summarise` returned."""
    name = metric_name(found["metric"])
    trials, space = found["trials"], found["space"]
    return fill(
        TEMPLATE,
        {"number": lambda value: "–" if value is None else f"{value:.5g}"},
        found=found,
        metric=name,
        history=history(trials, name, found["better"] == "higher"),
        settings=[setting(trials, path, name, log=values["log"]) for path, values in space.items()],
    )


def metric_name(metric: str) -> str:
    """What people call what was looked at."""
    return f"validation {metric}"

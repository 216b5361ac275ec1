"""A search as one HTML page that loads nothing from elsewhere, and as JSON. Numbers and settings, never records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically
from tasks.tuning.plots import history, setting

TEMPLATE = Path(__file__).with_name("report.html.j2")


def write(out: Path, found: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder; returns their paths."""
    page, data = out / "report.html", out / "report.json"
    write_atomically(data, json.dumps(found, indent=1, sort_keys=True).encode() + b"\n")
    write_atomically(page, render(found).encode())
    return page, data


def render(found: Mapping[str, Any]) -> str:
    """The page of what `tasks.tuning.result.summarise` returned."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["number"] = lambda value: "–" if value is None else f"{value:.5g}"
    name = metric_name(found["metric"])
    trials, space = found["trials"], found["space"]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        found=found,
        metric=name,
        history=history(trials, name, found["better"] == "higher"),
        settings=[setting(trials, path, name, log=values["log"]) for path, values in space.items()],
    )


def metric_name(metric: str) -> str:
    """What people call what was looked at."""
    return f"validation {metric}"

"""Reports of numbers: one HTML page that loads nothing from elsewhere, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically


def write_report(out: Path, found: Mapping[str, Any], page: str) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into a folder; returns their paths."""
    html, data = out / "report.html", out / "report.json"
    write_atomically(data, json.dumps(found, indent=1, sort_keys=True).encode() + b"\n")
    write_atomically(html, page.encode())
    return html, data


def fill(template: Path, filters: Mapping[str, Callable[..., str]], **values: Any) -> str:
    """A page from its Jinja template; a value that it does not get is an error, and values are escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= dict(filters)
    return environment.from_string(template.read_text(encoding="utf-8")).render(**values)

"""A comparison as one HTML page. Numbers, never records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tasks.comparison.plots import Point, scatter
from tasks.home import CHECKOUT
from tasks.reports import fill
from tasks.training.method import methods

READS = ("tasks/comparison/report.html.j2",)
TEMPLATE = CHECKOUT / READS[0]
EVERY = {
    "weights": ("Change of the weights by layer", "Size of the change over the size of the weights (Frobenius norms)."),
    "states": (
        "Change of what layers make",
        "How far the states of some inputs moved, relative to their size.",
    ),
}
"""Tables of what any method learned: key -> title and explanation. A method adds its own."""


JUDGED_ON = {
    "test": "judged on the sealed test split: each arm and seed is a look at it",
    "validation": "judged on the validation split: the test split was not looked at",
}
CHOSEN = ", and training chose by the loss on these records which weights to keep, so that figures flatter a little"


FILTERS: dict[str, Callable[..., str]] = {
    "whole": lambda value: "–" if value is None else f"{value:,.0f}",
    "percent": lambda value: "–" if value is None else f"{100 * value:.3g} %",
}


def render(found: Mapping[str, Any]) -> str:
    """The page of what `tasks.comparison.summary.summarise` returned."""
    return fill(
        TEMPLATE,
        {**FILTERS, "number": _number, "estimate": estimate, "verdict": verdict, "heat": _heat},
        found=found,
        judged_on=judged_on(found),
        plots=[
            _plot(found, "parameters.trained", "trained weights", log_x=True),
            _plot(found, "cost.training_seconds", "training seconds"),
        ],
        metrics=list(dict.fromkeys(name for arm in found["arms"] for name in arm["quality"])),
        heats=list(_heats(found)),
    )


def judged_on(found: Mapping[str, Any]) -> str:
    """On which split, and what that means for the figures."""
    return JUDGED_ON[found["split"]] + (CHOSEN if found["chosen_by_it"] else "")


def _plot(found: Mapping[str, Any], number: str, name: str, *, log_x: bool = False) -> str:
    points = []
    for arm in found["arms"]:
        x, y = arm["numbers"][number], arm["quality"].get(found["metric"])
        if x is not None and y is not None:
            points.append(Point(arm["name"], x, y["value"], y["low"], y["high"]))
    return scatter(points, name, found["metric"], log_x=log_x)


def _heats(found: Mapping[str, Any]) -> Iterable[tuple[str, str, list[tuple[str, dict[str, float]]], list[str]]]:
    """Title, explanation, rows (arm, values by column) and columns of each table that has any row."""
    own = {key: table for method in methods().values() for key, table in method.tables.items()}
    for key, (title, lead) in (EVERY | own).items():
        rows = [(arm["name"], arm["learned"][key]) for arm in found["arms"] if arm["learned"].get(key)]
        if rows:
            columns = sorted({column for _, values in rows for column in values}, key=_by_number)
            yield title, lead, rows, columns


def _by_number(name: str) -> list[tuple[bool, int, str]]:
    """`layer.10` after `layer.9`, and what has no number first."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def estimate(found: Mapping[str, Any] | None, signed: bool = False) -> str:
    """`0.812 [0.790, 0.834]`."""
    if not found:
        return "–"
    form = "+.3f" if signed else ".3f"
    span = "" if found["low"] is None else f" [{found['low']:{form}}, {found['high']:{form}}]"
    return f"{found['value']:{form}}{span}"


def verdict(found: Mapping[str, Any] | None) -> str:
    """better or worse where the whole interval of a gain is on one side of zero, else nothing."""
    if not found or found["low"] is None:
        return ""
    return "better" if found["low"] > 0 else "worse" if found["high"] < 0 else ""


def _heat(value: float | None, most: float) -> str:
    """A colour as strong as the value is beside the row's largest."""
    return f"rgb(74 127 193 / {0.75 * value / most:.2f})" if value and most else "none"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"

"""Plots of a search as inline SVG: its history, and each setting against what came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.plain_text import html

WIDTH, HEIGHT = 620, 260
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 16, 40
Place = Callable[[float], float]


def history(trials: Sequence[Mapping[str, Any]], metric: str, higher_is_better: bool) -> str:
    """The value of every finished trial by its number, and the best so far as a line; empty where none finished."""
    ended = [one for one in trials if one["value"] is not None]
    if not ended:
        return ""
    x, y = _places(ended, [one["number"] for one in ended], log=False)
    best, line = ended[0]["value"], []
    for one in ended:
        line.append((one["number"], best))  # a step: level up to the trial that is better
        best = max(best, one["value"]) if higher_is_better else min(best, one["value"])
        line.append((one["number"], best))
    path = " ".join(f"{x(number):.1f},{y(value):.1f}" for number, value in line)
    return _frame(
        ended, [one["number"] for one in ended], "trial", metric, [f'<polyline points="{path}" class="best"/>'], x, y
    )


def setting(trials: Sequence[Mapping[str, Any]], name: str, metric: str, *, log: bool) -> str:
    """The value of every finished trial by one setting; numbers at their place, anything else side by side."""
    ended = [one for one in trials if one["value"] is not None]
    if len(ended) < 2:
        return ""
    said = [one["values"][name] for one in ended]
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in said)
    kinds = sorted({str(one) for one in said})
    at = [float(one) for one in said] if numbers else [float(kinds.index(str(one))) for one in said]
    x, y = _places(ended, at, log=log and numbers)
    return _frame(ended, at, name, metric, [], x, y, None if numbers else kinds)


def _places(ended: Sequence[Mapping[str, Any]], at: Sequence[float], *, log: bool) -> tuple[Place, Place]:
    """Where values stand on the two axes, in units of the SVG."""
    return (
        _scale(at, LEFT + 12, WIDTH - RIGHT - 12, log=log),
        _scale([one["value"] for one in ended], HEIGHT - BOTTOM - 8, TOP + 8, log=False),
    )


def _scale(values: Sequence[float], first: float, last: float, *, log: bool) -> Place:
    def measured(value: float) -> float:
        return math.log(value) if log else value

    low, high = measured(min(values)), measured(max(values))
    span = (high - low) or 1.0
    return lambda value: first + (last - first) * (measured(value) - low) / span


def _frame(
    ended: Sequence[Mapping[str, Any]],
    at: Sequence[float],
    x_name: str,
    y_name: str,
    lines: Sequence[str],
    x: Place,
    y: Place,
    kinds: Sequence[str] | None = None,
) -> str:
    """A point for each trial, and the smallest and largest value at each axis."""
    values = [one["value"] for one in ended]
    parts = [f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" class="axis"/>', *lines]
    for value in sorted({min(values), max(values)}):
        parts.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.5g}</text>')
    for place in sorted(set(at)) if kinds else sorted({min(at), max(at)}):
        said = kinds[int(place)] if kinds else f"{place:.4g}"
        parts.append(f'<text x="{x(place):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{html(said)}</text>')
    parts += [f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{html(x_name)}</text>']
    for one, place in zip(ended, at, strict=True):
        title = f"trial {one['number']}: {y_name} {one['value']:.5g}"
        parts.append(
            f'<circle cx="{x(place):.1f}" cy="{y(one["value"]):.1f}" r="4"><title>{html(title)}</title></circle>'
        )
    label = html(f"{y_name} by {x_name}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html(label)}">{"".join(parts)}</svg>'

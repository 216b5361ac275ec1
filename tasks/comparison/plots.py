"""Plots as inline SVG: nothing to load, readable in print and by screen readers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.plain_text import html

WIDTH, HEIGHT = 620, 340
Scale = Callable[[float], float]
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 16, 44  # names of points stand to their right


@dataclass(frozen=True)
class Point:
    """One arm in a plot."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def scatter(points: Sequence[Point], x_name: str, y_name: str, *, log_x: bool = False) -> str:
    """Points with names and vertical intervals. With `log_x`, points at x <= 0 are left out."""
    shown = sorted((one for one in points if not log_x or one.x > 0), key=lambda one: one.y)
    if not shown:
        return ""
    x_of, x_ticks = _axis([one.x for one in shown], LEFT, WIDTH - RIGHT, log=log_x)
    ends = [value for one in shown for value in (one.y, one.low, one.high) if value is not None]
    y_of, y_ticks = _axis(ends, HEIGHT - BOTTOM, TOP, log=False)
    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(t):.1f}" y2="{y_of(t):.1f}" class="grid"/>' for t in y_ticks
    ]
    parts += [f'<text x="{LEFT - 6}" y="{y_of(t) + 4:.1f}" text-anchor="end">{_short(t)}</text>' for t in y_ticks]
    parts += [
        f'<text x="{x_of(t):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{_short(t)}</text>' for t in x_ticks
    ]
    middle = HEIGHT / 2
    parts += [f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{html(x_name)}</text>']
    parts += [
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{html(y_name)}</text>'
    ]
    lowest = float("inf")
    for one in shown:  # from below: a name that would cover another moves up
        x, y = x_of(one.x), y_of(one.y)
        if one.low is not None and one.high is not None:
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y_of(one.low):.1f}" y2="{y_of(one.high):.1f}" class="span"/>'
            )
        place = min(y, lowest - 13)
        lowest = place
        said = f"{one.name}: {x_name} {_short(one.x)}, {y_name} {_short(one.y)}"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"><title>{html(said)}</title></circle>')
        parts.append(f'<text x="{x + 8:.1f}" y="{place + 4:.1f}">{html(one.name)}</text>')
    title = html(f"{y_name} against {x_name}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html(title)}">{"".join(parts)}</svg>'


def _axis(values: Sequence[float], first: float, last: float, *, log: bool) -> tuple[Scale, list[float]]:
    """A scale from values to places between `first` and `last` (SVG units), and where its ticks are."""
    low, high = min(values), max(values)
    if log:
        bottom, top = float(math.floor(math.log10(low))), float(math.ceil(math.log10(high)))
        top = max(top, bottom + 1)
        ticks = [10.0**power for power in range(int(bottom), int(top) + 1)]
        return lambda value: first + (last - first) * (math.log10(value) - bottom) / (top - bottom), ticks
    step = _nice((high - low) or abs(high) or 1.0)
    bottom, top = step * math.floor(low / step), step * math.ceil(high / step)
    top = max(top, bottom + step)
    ticks = [bottom + step * number for number in range(round((top - bottom) / step) + 1)]
    return lambda value: first + (last - first) * (value - bottom) / (top - bottom), ticks


def _nice(span: float) -> float:
    """A round step of about a fifth of a span: 1, 2 or 5 times a power of ten."""
    rough = span / 5
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= rough)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"

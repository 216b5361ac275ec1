"""Plots of a run's report as SVG within the page, drawn by Matplotlib: no script, text that stays text.

Colours are variables of the page's style sheet, so that a plot is dark where the page is.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.evaluation.metrics.labels import BINS
from tasks.plain_text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tasks.evaluation.evaluation import Evaluation
    from tasks.lineage.side_by_side import Line, SideBySide

INK, SOFT, FIRST, SECOND, LIMIT = "#010101", "#020202", "#030303", "#040404", "#050505"
"""Placeholders that Matplotlib accepts, for the colours that the style sheet defines."""
VARIABLES = {INK: "var(--ink)", SOFT: "var(--line)", FIRST: "var(--one)", SECOND: "var(--two)", LIMIT: "var(--bad)"}
WIDTH = 4.6
"""Inches: narrow, so that the words are still to be read on a telephone."""
DRAWN = 30
"""Slices in the forest plot, the worst first."""
NAME = 34
"""Characters of a slice's name in a plot; the table has all."""


def forest(found: SideBySide) -> str:
    """The gain of the candidate in each slice, with interval and the gate's margin; "" where there is no gain."""
    overall = [line for line in found.overall if line.metric == found.metric]
    lines = [line for line in (*overall, *found.slices[:DRAWN]) if any(one.gain for one in line.beside)]
    if not lines:
        return ""
    axes, finish = _axes(0.42 * len(lines) + 0.9)
    for place, line in enumerate(lines):
        _spans(axes, line, len(lines) - place)
    axes.axvline(0, color=INK, linewidth=0.8)
    for number, one in enumerate(found.earlier):
        axes.plot([], [], _MARKS[number], color=_COLOURS[number], label=f"gain over the {one.called}", markersize=4)
    if any(one.margin is not None for line in lines for one in line.beside):
        axes.plot([], [], "|", color=LIMIT, markersize=10, markeredgewidth=2, label="most that a gate lets it lose")
    axes.set_yticks([])
    axes.set_ylim(0.3, len(lines) + 0.8)
    axes.set_xlabel("gain (right of the line: the candidate is better)", parse_math=False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.6 / (0.42 * len(lines) + 0.9) - 0.02), frameon=False)
    return finish(f"Gain of the candidate by slice, {len(lines)} rows")


def _spans(axes: Axes, line: Line, height: float) -> None:
    name = f"{line.slice or 'all records'}"
    shown = one_line(name if len(name) <= NAME else name[: NAME - 1] + "…")
    axes.annotate(
        f"{shown} · {line.metric}",
        (0, height + 0.26),
        xycoords=("axes fraction", "data"),
        parse_math=False,
        color=INK,
        fontsize=8,
    )
    for number, one in enumerate(line.beside):
        at = height - 0.22 * number
        if one.gain is None:
            continue
        if one.gain.low is not None and one.gain.high is not None:
            axes.plot([one.gain.low, one.gain.high], [at, at], color=_COLOURS[number], linewidth=1.6)
        axes.plot([one.gain.gain], [at], _MARKS[number], color=_COLOURS[number], markersize=4)
        if one.margin is not None:
            axes.plot([one.margin], [at], "|", color=LIMIT, markersize=8, markeredgewidth=2)


def reliability(evaluation: Evaluation) -> str:
    """How often a classifier is right at each confidence; "" for models that give no confidence."""
    scores = evaluation.scores()
    points = []
    for place in range(BINS):
        sure = scores.statistic(f"bin-confidence:{place:02d}")
        count = int((sure > 0).sum())
        if count:
            right = float(scores.statistic(f"bin-correct:{place:02d}").sum())
            points.append((float(sure.sum()) / count, right / count, count))
    if not points:
        return ""
    axes, finish = _axes(3.4)
    axes.plot([0, 1], [0, 1], "--", color=SOFT, linewidth=1)
    confidence, right_share, counts = (np.array(column) for column in zip(*points, strict=True))
    axes.plot(confidence, right_share, color=FIRST, linewidth=1.2)
    axes.scatter(confidence, right_share, s=12 + 120 * counts / counts.max(), color=FIRST, alpha=0.7)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(-0.02, 1.05)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    return finish("Share of right labels by confidence; points on the diagonal are calibrated")


def learning(curves: dict[str, Sequence[dict[str, float]]]) -> str:
    """Training and validation loss by step; "" where none was kept."""
    if not any(curves.values()):
        return ""
    axes, finish = _axes(2.8)
    for number, (name, points) in enumerate(curves.items()):
        known = [(one["step"], one["loss"]) for one in points if np.isfinite(one["loss"])]
        if known:
            steps, losses = zip(*known, strict=True)
            axes.plot(steps, losses, _MARKS[number] + "-", color=_COLOURS[number], label=name, markersize=2.5)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    axes.legend(frameon=False)
    return finish("Loss on train and validation records by step")


_COLOURS, _MARKS = (FIRST, SECOND), ("o", "s")


def _axes(height: float) -> tuple[Axes, Callable[[str], str]]:
    """Axes of a figure of its own, and what turns it into SVG with a title."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    plain: dict[Any, Any] = {f"{part}.color": INK for part in ("xtick", "ytick")} | {
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": SOFT,
        "font.size": 9,
        "legend.fontsize": 8,
        "svg.fonttype": "none",
    }
    with rc_context(plain):
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)

    def finish(title: str) -> str:
        written = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with rc_context({**plain, "svg.hashsalt": title}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph")  # the reader's browser has the letters
            figure.savefig(written, format="svg", metadata=nothing, transparent=True, bbox_inches="tight")
        return _for_page(written.getvalue(), title)

    return axes, finish


def _for_page(svg: str, title: str) -> str:
    """SVG for a page that holds several: no prologue, no style that reaches out of it, fonts of the page."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"font-family: [^;\"]*;?", "", body)
    body = re.sub(r' id="(?:[a-z]+[a-z0-9]*_|matplotlib\.)[^"]*"', "", body)
    body = re.sub(r'(<svg[^>]*?) width="([\d.]+)pt" height="[\d.]+pt"', r'\1 style="max-width:\2pt"', body, count=1)
    for placeholder, variable in VARIABLES.items():
        body = body.replace(placeholder, variable)
    return body.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)

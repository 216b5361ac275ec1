"""Progress with rate and remaining time: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

LINE_EVERY = 5.0  # seconds


class Progress:
    """How far one piece of work is. `advance` is cheap enough for inner loops."""

    def __init__(self, what: str, total: int | None, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._done = 0
        self._started = self._shown = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, desc=what, unit=f" {unit}", leave=False, dynamic_ncols=True, smoothing=0.1)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count steps done; `note` (no content of records) is shown behind the rate."""
        self._done += steps
        if self._bar is not None:
            if note:
                self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(steps)
        elif time.monotonic() - self._shown >= LINE_EVERY:
            self._shown = time.monotonic()
            self._line(note)

    def _line(self, note: str) -> None:
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        text = f"{self._what}: {self._done:,}"
        if self._total:
            left = max(self._total - self._done, 0) / max(rate, 1e-9)
            text += f" of {self._total:,} {self._unit} ({100 * self._done / self._total:.0f} %), {left:.0f} s left"
        else:
            text += f" {self._unit}"
        print(f"{text}, {speed(rate, self._unit)}{', ' + note if note else ''}", file=sys.stderr, flush=True)  # noqa: T201

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.close()


def speed(rate: float, unit: str) -> str:
    """A rate per second in words; a slow one as seconds for each: "2.5 steps/s", "40 s per step"."""
    if rate >= 1 or rate <= 0:
        return f"{rate:,.1f} {unit}/s"
    return f"{1 / rate:,.{1 if rate > 0.1 else 0}f} s per {unit.removesuffix('s')}"


def notice(text: str) -> None:
    """Say aloud what a person should know of and need not act on; no content of records."""
    print(f"note: {text}", file=sys.stderr, flush=True)  # noqa: T201


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "records") -> Iterator[Progress]:
    """Show progress while a block runs; what ends within a few seconds prints nothing off a terminal."""
    shown = Progress(what, total, unit)
    try:
        yield shown
    finally:
        shown.close()

"""What gates may ask to have measured of a served form, beside its answers to the test records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Probe:
    """A perturbation that a gate asks about, of so many records of a split."""

    perturbation: str
    records: int

    @property
    def name(self) -> str:
        """What its evaluation is called."""
        return f"{self.perturbation}:{self.records}"


Measure = Literal["size", "memory", "pace"]
"""What can be measured of the resources that a model needs."""


@dataclass(frozen=True)
class Pace:
    """How fast a model answers: a number for each round; in each round, both models have their turn."""

    latency: tuple[float, ...]
    """Seconds that one text alone takes, the median of a round."""
    tokens: tuple[float, ...]
    """Tokens in a second, for texts together: written by models that write, read by others."""


@dataclass(frozen=True)
class Resources:
    """What a candidate needs as it would be served; None: nobody measured it."""

    candidate: str
    """Digest of the candidate."""
    size: int
    """Bytes of its files."""
    memory: float | None = None
    """MiB: the most that a fresh process held which opened it and answered a few texts; on a GPU, the GPU's."""
    champion: str | None = None
    """Digest of the model that took turns with it."""
    paces: tuple[Pace, Pace] | None = None
    """The candidate's, and the champion's."""

"""Settings of gates, as a recipe or a policy declares them."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from tasks.config.words import Name
from tasks.settings import Settings


class Budget(Settings):
    """How often a test split may be looked at, and the chance of a wrong pass that all these looks share."""

    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """Chance that any of the looks passes a candidate that has lost as much as the tolerance."""
    looks: int = Field(default=52, ge=1, le=10_000)
    """Each look is about another candidate, so their chances add up: each gets `alpha / looks` (Bonferroni)."""

    @property
    def level(self) -> float:
        """Chance of a wrong pass that one look may have, one-sided."""
        return self.alpha / self.looks


class GateEntry(Settings):
    """A gate whose kind is not known here: `tasks.evaluation.gate` knows the kinds, and what else each is told."""

    model_config = ConfigDict(extra="allow")

    name: Name
    kind: str

"""Settings of evaluation: what is measured, and how surely."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tasks.settings import Settings


class Generation(Settings):
    """How answers are generated when a model is judged or asked. Always greedy: a judgement must repeat."""

    max_new_tokens: int = Field(default=96, ge=1, le=65_536)


class EvaluationSettings(Settings):
    """What is measured, and how surely."""

    generation: Generation = Generation()
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap resamples of the groups, for intervals over groups and seeds in `galen compare`. Gates need none."""
    max_records: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Judge at most this many test records (whole groups, chosen by digest); default: all."""

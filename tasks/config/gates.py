"""Settings of gates: policies/NAME.yaml, and what a recipe tightens."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.config.words import DatasetTask, Name
from tasks.settings import Settings


class Gate(Settings):
    """One named condition on an evaluation of the test split."""

    name: Name
    kind: Literal["threshold", "better-than-base", "not-worse-than-champion", "not-worse-than-parent", "train-gap"]
    """threshold: `metric` within `min` and `max`. better-than-base: beats the untrained base by `margin`.
    not-worse-than-champion, -parent: loses at most `tolerance` to the champion, or to the form it was made from.
    train-gap: validation loss minus train loss is at most `max`."""
    metric: str | None = None
    min: float | None = None
    max: float | None = None
    margin: float = Field(default=0.0, ge=0)
    tolerance: float = Field(default=0.0, ge=0)
    slice: str | None = None
    """Judge this slice, e.g. `language=zh`; `category=*` judges each category. Default: all records."""
    significant: bool = False
    """better-than-base: the confidence interval of the difference must lie above `margin`."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind != "train-gap" and self.metric is None:
            raise ValueError(f"gate {self.name}: {self.kind} needs a metric")
        if self.kind == "threshold" and self.min is None and self.max is None:
            raise ValueError(f"gate {self.name}: threshold needs min or max")
        if self.kind == "train-gap" and self.max is None:
            raise ValueError(f"gate {self.name}: train-gap needs max")
        return self


class Policy(Settings):
    """policies/NAME.yaml: an approved set of gates. A recipe names one, and may only tighten it."""

    name: Name
    task: DatasetTask
    """What the records hold that it judges by: a policy for causal-lm serves recipes for seq2seq-lm, too."""
    description: str
    gates: tuple[Gate, ...] = Field(min_length=1)

    @field_validator("gates")
    @classmethod
    def _distinct(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        names = [gate.name for gate in gates]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"gate names must differ: {', '.join(doubled)}")
        return gates

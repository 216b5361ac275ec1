"""A trained model must be worth more than a rule that needs no training."""

from __future__ import annotations

from typing import ClassVar, Literal

from tasks.evaluation.rival import BetterGate, RuleGate


class BetterThanRival(BetterGate, RuleGate):
    """Gains more than `margin` over a simple rival, such as the majority label or the nearest training text."""

    kind: Literal["better-than-rival"]

    always: ClassVar[bool] = True

"""A trained model may lose only so much to a rule that needs no training."""

from __future__ import annotations

from typing import Literal

from tasks.evaluation.rival import NotWorseGate, RuleGate


class NotWorseThanRival(NotWorseGate, RuleGate):
    """Loses at most `tolerance` to a simple rival: for a metric that the training does not aim at, such as accuracy
    where rare labels count as much as frequent ones."""

    kind: Literal["not-worse-than-rival"]

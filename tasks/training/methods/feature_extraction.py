"""Feature extraction: a linear probe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.method import MethodOptions, Tested
from tasks.training.whole import WholeModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class FeatureExtraction(WholeModel[MethodOptions]):
    """The base stays as it is; only the head made for the task learns from its features."""

    name = "feature-extraction"
    summary = "Trains the new head on frozen features: the fastest, and the baseline that every method must beat."
    paper = "Alain and Bengio 2016, Understanding intermediate layers using linear classifier probes"
    tested = Tested(3e-2)
    rate = 10.0
    tasks = frozenset({"text-classification", "token-classification"})
    why_not = "a frozen model with its own output layer learns nothing: generation needs another method"

    def prepare(
        self, model: PreTrainedModel, options: MethodOptions, task: Task, heads: Sequence[str]
    ) -> PreTrainedModel:
        """The model itself; everything but the heads is frozen.

        Raises:
            InputError: there is no head to train.
        """
        model.requires_grad_(False)
        for head in heads:
            model.get_submodule(head).requires_grad_(True)
        if not heads:
            raise InputError("the model has no head that could learn", hint="choose another method (galen methods)")
        return model

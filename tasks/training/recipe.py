"""A recipe: one trained model, declared whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, SerializeAsAny, field_validator, model_validator
from pydantic_core import PydanticKnownError

from tasks.config.evaluation import EvaluationSettings
from tasks.config.gates import GateEntry
from tasks.config.release import Quantization, Schedule
from tasks.config.training import BaseModelRef, Training
from tasks.config.words import Name, Seed, Task
from tasks.settings import Settings
from tasks.training.method import MethodOptions, parse_options


class Recipe(Settings):
    """recipes/NAME.yaml: one trained model."""

    model: Name
    """Name in the registry."""
    task: Task
    intended_use: str = Field(min_length=10)
    """What the model is for, and for whom."""
    base_model: BaseModelRef
    dataset: Name
    """An entry of params.yaml."""
    method: SerializeAsAny[MethodOptions]
    """`name`, and that method's own settings (`galen methods`)."""
    training: Training = Training()
    evaluation: EvaluationSettings = EvaluationSettings()
    policy: Name
    """policies/NAME.yaml"""
    tighten: tuple[GateEntry, ...] = ()
    """Gates to add; one with a name of the policy's must be at least as strict."""
    quantization: Quantization = Quantization()
    first_release: Literal["approval", "base"] = "approval"
    """With no champion to compare to: wait for a person, or compare with the base model."""
    approval: Literal["first", "every"] = "first"
    """Which releases wait for a person: the first (unless `first_release` is `base`), or every one. A policy that says
    `every` cannot be loosened."""
    schedule: Schedule | None = None
    seed: Seed = 17

    @model_validator(mode="after")
    def _classes_to_weigh(self) -> Self:
        if self.training.class_weights != "equal" and self.task != "text-classification":
            raise ValueError(f"training.class_weights weighs the labels of texts: {self.task} has none, remove it")
        return self

    @field_validator("method", mode="before")
    @classmethod
    def _options_of_the_method(cls, method: object) -> MethodOptions:
        if isinstance(method, MethodOptions):
            return method
        if not isinstance(method, Mapping):
            raise PydanticKnownError("dict_type")
        return parse_options(method)

"""Prefix tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from tasks.config.words import Task
from tasks.training.inserted import Inserted
from tasks.training.method import MethodOptions, Tested
from tasks.training.prefixed import add_prefixes, baked

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class PrefixOptions(MethodOptions):
    """Settings of prefix tuning."""

    length: int = Field(default=16, ge=2, le=4096)
    """Trained keys and values per attention."""
    init: Literal["activations", "random", "network"] = "activations"
    """Where they start: keys and values of random tokens of the vocabulary (steady, and best with few records); small
    random numbers; or behind a small network per attention that trains with them and is dropped afterwards."""
    network_size: int = Field(default=64, ge=1, le=16_384)
    """Inner size of that network."""


class Prefix(Inserted[PrefixOptions]):
    """Every attention sees trained keys and values before those of the input."""

    name = "prefix"
    summary = "Trains keys and values that every attention sees first. Few weights; the input keeps all its positions."
    paper = "Li and Liang 2021, Prefix-Tuning: Optimizing Continuous Prompts for Generation"
    tested = Tested(1e-1, {"length": 4}, epochs=20)  # they only steer what a random model sees
    rate = 50.0
    options = PrefixOptions
    plain_attention = False

    def insert(self, model: PreTrainedModel, options: PrefixOptions, task: Task) -> PreTrainedModel:
        """A prefix on each attention."""
        return add_prefixes(model, options.length, options.init, options.network_size)

    def at_rest(self, options: PrefixOptions) -> PrefixOptions:
        """The network is not kept: what it makes is."""
        return options.model_copy(update={"init": "random"})

    def kept(self, model: Any) -> dict[str, torch.Tensor]:
        """Keys and values as the network makes them, where there is one."""
        return baked(model, super().kept(model))

"""Mix-and-match adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.config.words import Task
from tasks.training.blocks import layers
from tasks.training.inserted import Inserted
from tasks.training.method import MethodOptions, Tested
from tasks.training.prefixed import add_prefixes

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class MamOptions(MethodOptions):
    """Settings of mix-and-match adapters."""

    length: int = Field(default=16, ge=2, le=4096)
    """Trained keys and values per attention."""
    init: Literal["activations", "random"] = "activations"
    """Where they start: see `prefix`."""
    reduction: int = Field(default=4, ge=1, le=4096)
    """The bottleneck beside the feed-forward has a hidden state's features divided by this: the paper gives most of
    the weights to it."""
    activation: Literal["relu", "gelu", "silu", "tanh"] = "relu"
    scale: float = Field(default=4.0, gt=0, le=1e6)
    """Of what the bottleneck adds."""


class Mam(Inserted[MamOptions]):
    """A short prefix on attention, and a wide bottleneck beside the feed-forward."""

    name = "mam"
    summary = "Trains a short prefix and a wide parallel adapter: more weights than either, near full fine-tuning."
    paper = "He et al. 2021, Towards a Unified View of Parameter-Efficient Transfer Learning"
    tested = Tested(1e-2, {"length": 4})
    options = MamOptions
    plain_attention = False

    def check(self, model: PreTrainedModel, options: MamOptions, task: Task, heads: Sequence[str]) -> None:
        """See that the layers of the architecture are known."""
        layers(model)

    def insert(self, model: PreTrainedModel, options: MamOptions, task: Task) -> PreTrainedModel:
        """The model with prefixes and parallel bottlenecks."""
        from tasks.training.modules import bottleneck_at, put_beside

        add_prefixes(model, options.length, options.init, 0)
        for layer in layers(model):
            entry, exit_ = model.get_submodule(layer.entry), model.get_submodule(layer.exit)
            put_beside(entry, exit_, bottleneck_at(exit_, options.reduction, options.activation, options.scale))
        return model

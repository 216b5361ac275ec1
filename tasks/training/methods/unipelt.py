"""UniPELT: LoRA, adapter and prefix, each behind a gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.blocks import layers
from tasks.training.inserted import Inserted
from tasks.training.method import MethodOptions
from tasks.training.prefixed import add_prefixes

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class UnipeltOptions(MethodOptions):
    """Settings of UniPELT."""

    rank: int = Field(default=8, ge=1)
    """Of the low-rank updates of queries and values."""
    alpha: float = Field(default=16.0, gt=0)
    """They are scaled by alpha / rank."""
    reduction: int = Field(default=16, ge=1)
    """The bottleneck after the feed-forward has a hidden state's features divided by this."""
    activation: Literal["relu", "gelu", "silu", "tanh"] = "relu"
    length: int = Field(default=10, ge=2)
    """Trained keys and values per attention."""
    init: Literal["activations", "random"] = "activations"
    """Where they start: see `prefix`."""


class Unipelt(Inserted[UnipeltOptions]):
    """Three adapters in each layer, and gates that learn which of them to use.

    The paper averages a gate over the sequence. Here each token has its own: an average would let a causal model look
    at tokens that it is to predict.
    """

    name = "unipelt"
    summary = (
        "Trains LoRA, adapter and prefix together, each behind a gate: steady where the best single one is unknown."
    )
    paper = "Mao et al. 2022, UniPELT: A Unified Framework for Parameter-Efficient Language Model Tuning"
    options = UnipeltOptions
    plain_attention = False

    def check(self, model: PreTrainedModel, options: UnipeltOptions, task: Task, heads: Sequence[str]) -> None:
        """See that the layers of the architecture are known, and their queries and values."""
        if not all(layer.queries and layer.values for layer in layers(model)):
            hint = "choose another method (galen methods)"
            raise InputError(f"the queries and values of a {model.config.model_type} model are not known", hint=hint)

    def insert(self, model: PreTrainedModel, options: UnipeltOptions, task: Task) -> PreTrainedModel:
        """The model with all three in its layers."""
        from tasks.training.modules import LowRank, bottleneck_at, in_features, out_features, put_gated, put_low_rank

        add_prefixes(model, options.length, options.init, 0, gated=True)
        for layer in layers(model):
            for name in sorted({*layer.queries, *layer.values}):
                linear = model.get_submodule(name)
                update = LowRank(in_features(linear), out_features(linear), options.rank, options.alpha, gated=True)
                put_low_rank(linear, update.to(model.device))
            entry, exit_ = model.get_submodule(layer.entry), model.get_submodule(layer.exit)
            put_gated(entry, exit_, bottleneck_at(exit_, options.reduction, options.activation, 1.0, gated=True))
        return model

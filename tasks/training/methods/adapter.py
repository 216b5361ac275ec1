"""Bottleneck adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from tasks.config.words import Task
from tasks.training.blocks import layers
from tasks.training.inserted import Inserted
from tasks.training.method import MethodOptions, Tested

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class AdapterOptions(MethodOptions):
    """Settings of bottleneck adapters."""

    placement: Literal["houlsby", "pfeiffer", "parallel"] = "pfeiffer"
    """houlsby: after attention and after the feed-forward; pfeiffer: after the feed-forward only; parallel: beside the
    feed-forward, reading its input (He et al. 2021)."""
    reduction: int = Field(default=16, ge=1, le=4096)
    """The bottleneck has a hidden state's features divided by this."""
    activation: Literal["relu", "gelu", "silu", "tanh"] = "relu"
    scale: float = Field(default=1.0, gt=0, le=1e6)
    """Of what the adapter adds; He et al. use 4 in parallel."""


class Adapter(Inserted[AdapterOptions]):
    """Small two-layer networks inside each layer."""

    name = "adapter"
    summary = "Trains a small two-layer network in each layer. As good as LoRA; cannot merge, so it costs at inference."
    paper = "Houlsby et al. 2019, Parameter-Efficient Transfer Learning for NLP; Pfeiffer et al. 2021, AdapterFusion"
    tested = Tested(1e-2, {"reduction": 4})
    options = AdapterOptions

    def check(self, model: PreTrainedModel, options: AdapterOptions, task: Task, heads: Sequence[str]) -> None:
        """See that the layers of the architecture are known."""
        layers(model)

    def insert(self, model: PreTrainedModel, options: AdapterOptions, task: Task) -> PreTrainedModel:
        """The model with bottlenecks in its layers."""
        from tasks.training.modules import bottleneck_at, put_after, put_beside

        for layer in layers(model):
            entry, exit_ = model.get_submodule(layer.entry), model.get_submodule(layer.exit)
            if options.placement == "parallel":
                put_beside(entry, exit_, bottleneck_at(exit_, options.reduction, options.activation, options.scale))
                continue
            ends = (layer.exit, *layer.attention) if options.placement == "houlsby" else (layer.exit,)
            for end in map(model.get_submodule, ends):
                put_after(end, bottleneck_at(end, options.reduction, options.activation, options.scale))
        return model

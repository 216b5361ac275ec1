"""UniPELT: LoRA, adapter and prefix, each behind a gate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.blocks import layer_of, layers
from tasks.training.inserted import Inserted
from tasks.training.method import MethodOptions, Tested, Trained
from tasks.training.prefixed import add_prefixes

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


class UnipeltOptions(MethodOptions):
    """Settings of UniPELT."""

    rank: int = Field(default=8, ge=1, le=4096)
    """Of the low-rank updates of queries and values."""
    alpha: float = Field(default=16.0, gt=0, le=1e6)
    """They are scaled by alpha / rank."""
    reduction: int = Field(default=16, ge=1, le=4096)
    """The bottleneck after the feed-forward has a hidden state's features divided by this."""
    activation: Literal["relu", "gelu", "silu", "tanh"] = "relu"
    length: int = Field(default=10, ge=2, le=4096)
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
    tested = Tested(1e-2, {"length": 4})
    options = UnipeltOptions
    tables: ClassVar[Mapping[str, tuple[str, str]]] = {
        "gates": ("Gates of UniPELT", "Mean over some test inputs; 0 is closed, 1 is open.")
    }
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

    def learned(self, trained: Trained) -> dict[str, Any]:
        """`gates`: layer and kind of what is gated -> mean gate over the texts' tokens."""
        from tasks.training.modules import Gate

        sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

        def listener(kind: str) -> Callable[[object, object, torch.Tensor], None]:
            def listen(_: object, __: object, value: torch.Tensor) -> None:
                sums[kind][0] += float(value.float().sum())
                sums[kind][1] += value.numel()

            return listen

        gates = [(name, module) for name, module in trained.model.named_modules() if isinstance(module, Gate)]
        hooks = [module.register_forward_hook(listener(_gated(name))) for name, module in gates]
        try:
            for text in trained.texts:
                trained.read(text)
        finally:
            for hook in hooks:
                hook.remove()
        return {"gates": {kind: total / count for kind, (total, count) in sums.items() if count}}


def _gated(name: str) -> str:
    """`bert.encoder.layer.3.attention.self.query.low_rank.gate` -> `bert.encoder.layer.3 low_rank`."""
    return f"{layer_of(name)} {name.split('.')[-2]}"

"""Where the layers of a transformer are, and where in them attention and feed-forward begin and end.

Methods that put something into a layer, or train some layers only, find their places here. An architecture is known
by the names of its modules; one with other names is refused, never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import InputError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

ATTENTION_ENDS = (
    "self_attn.o_proj",  # Llama, Mistral, Qwen, Gemma
    "self_attn.out_proj",  # BART
    "encoder_attn.out_proj",
    "attn.c_proj",  # GPT-2
    "attention.output.dense",  # BERT, RoBERTa, ELECTRA
    "attention.out_lin",  # DistilBERT
    "layer.0.SelfAttention.o",  # T5
    "layer.1.EncDecAttention.o",
)
FEED_FORWARDS = (  # where it begins, and the matrix that it ends with
    ("mlp", "mlp.down_proj"),
    ("mlp", "mlp.c_proj"),
    ("intermediate", "output.dense"),
    ("ffn", "ffn.lin2"),
    ("layer.1.DenseReluDense", "layer.1.DenseReluDense.wo"),
    ("layer.2.DenseReluDense", "layer.2.DenseReluDense.wo"),
    ("fc1", "fc2"),
)
QUERIES = ("q_proj", "query", "q_lin", "c_attn", "q")
KEYS = ("k_proj", "key", "k_lin", "c_attn", "k")
VALUES = ("v_proj", "value", "v_lin", "c_attn", "v")
"""Names of projections; GPT-2 has one for all three."""
NUMBERED = re.compile(r"(.*?\.\d+)(\.|$)")


@dataclass(frozen=True)
class Layer:
    """One transformer layer: full names of its modules."""

    name: str
    attention: tuple[str, ...]
    """The matrices that attentions end with (two in a decoder that also reads an encoder)."""
    entry: str
    """The module whose input is the feed-forward's."""
    exit: str
    """The matrix whose output is the feed-forward's, before it is added to the residual stream."""
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    values: tuple[str, ...]


def stacks(model: PreTrainedModel) -> list[list[Layer]]:
    """The layers of a model, in order: one stack for an encoder or a decoder, two where there are both.

    Raises:
        InputError: the architecture is not known here.
    """
    from torch import nn

    lists = [name for name, module in model.named_modules() if isinstance(module, nn.ModuleList)]
    outer = [name for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
    found = []
    for name in outer:
        layers = [_layer(f"{name}.{number}", child) for number, child in enumerate(model.get_submodule(name))]
        if layers and all(layers):
            found.append([layer for layer in layers if layer])
    if not found:
        hint = "methods that work on single layers know Llama, Mistral, Qwen, Gemma, GPT-2, BERT, RoBERTa, T5 and BART"
        raise InputError(f"the layers of a {model.config.model_type} model are not known", hint=hint)
    return found


def layer_of(name: str) -> str:
    """The layer that a weight or module belongs to, by its name; what is in none is named by its first two parts."""
    inside = NUMBERED.match(name)
    return inside.group(1) if inside else ".".join(name.split(".")[:2])


def layers(model: PreTrainedModel) -> list[Layer]:
    """All layers of all stacks."""
    return [layer for stack in stacks(model) for layer in stack]


def _layer(name: str, module: nn.Module) -> Layer | None:
    inside = {one for one, _ in module.named_modules()}
    attention = tuple(f"{name}.{end}" for end in ATTENTION_ENDS if end in inside)
    feed_forward = [pair for pair in FEED_FORWARDS if inside.issuperset(pair)]
    if not attention or not feed_forward:
        return None
    # A T5 decoder has its feed-forward third: the last pair that fits is the right one.
    entry, exit_ = feed_forward[-1]

    def named(wanted: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f"{name}.{one}" for one in sorted(inside) if one.rpartition(".")[2] in wanted)

    return Layer(name, attention, f"{name}.{entry}", f"{name}.{exit_}", named(QUERIES), named(KEYS), named(VALUES))

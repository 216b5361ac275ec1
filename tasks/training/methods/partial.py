"""Partial fine-tuning."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.blocks import stacks
from tasks.training.method import MethodOptions, Tested
from tasks.training.whole import WholeModel

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


class PartialOptions(MethodOptions):
    """Settings of partial fine-tuning: what trains is everything that any of them names."""

    last_layers: Annotated[int, Field(ge=1, le=256)] | None = None
    """The last so many layers (of each stack, where there is an encoder and a decoder)."""
    parameters: tuple[str, ...] = ()
    """Names of parameters as `fnmatch` patterns, e.g. ["*.layers.5.*", "*.v_proj.weight"]."""
    embeddings: bool = False
    """The input embeddings (and the output's, where they are one)."""
    output: bool = False
    """The output embeddings of a language model. A head made for classification trains in any case."""
    norms: bool = False
    """Every LayerNorm or RMSNorm."""
    biases: bool = False
    """Every bias (BitFit: Ben Zaken et al. 2022)."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        chosen = self.last_layers, self.parameters, self.embeddings, self.output, self.norms, self.biases
        if not any(chosen):
            raise ValueError("nothing would train: give last_layers, parameters, embeddings, output, norms or biases")
        return self


class Partial(WholeModel[PartialOptions]):
    """Chosen weights of the base move, the others stay; frozen layers below the first chosen one build no graph."""

    name = "partial"
    summary = "Trains chosen layers, norms, biases or named weights. The last third of the layers is much faster."
    paper = "Howard and Ruder 2018, ULMFiT (layers); Ben Zaken et al. 2022, BitFit (biases)"
    tested = Tested(1e-2, {"last_layers": 1})
    rate = 1.0
    example: ClassVar[Mapping[str, Any]] = {"last_layers": 1}
    options = PartialOptions

    def check(self, model: PreTrainedModel, options: PartialOptions, task: Task, heads: Sequence[str]) -> None:
        """See that every setting names something."""
        chosen_parameters(model, options)

    def prepare(
        self, model: PreTrainedModel, options: PartialOptions, task: Task, heads: Sequence[str]
    ) -> PreTrainedModel:
        """The model itself, with `requires_grad` where the options say, and on the heads."""
        model.requires_grad_(False)
        for weight in chosen_parameters(model, options).values():
            weight.requires_grad = True
        for head in heads:
            model.get_submodule(head).requires_grad_(True)
        return model


def chosen_parameters(model: PreTrainedModel, options: PartialOptions) -> dict[str, nn.Parameter]:
    """The parameters that the options name; tied ones count once.

    Raises:
        InputError: a setting names nothing in this model.
    """
    names = dict(model.named_parameters())
    chosen: dict[str, nn.Parameter] = {}

    def add(setting: str, value: object, found: dict[str, nn.Parameter]) -> None:
        if not found:
            some = ", ".join(sorted(names)[:3])
            raise InputError(f"method.{setting} names no weight of this model", value=value, hint=f"it has {some}, ...")
        chosen.update(found)

    if options.last_layers is not None:
        layers = [layer for stack in stacks(model) for layer in stack[-options.last_layers :]]
        shortest = min(len(stack) for stack in stacks(model))
        if options.last_layers > shortest:
            hint = f"the model has {shortest}; `full` trains all of them"
            raise InputError("method.last_layers is more than there are", value=options.last_layers, hint=hint)
        prefixes = tuple(f"{layer.name}." for layer in layers)
        add("last_layers", options.last_layers, {name: one for name, one in names.items() if name.startswith(prefixes)})
    for pattern in options.parameters:
        add("parameters", pattern, {name: one for name, one in names.items() if fnmatch.fnmatchcase(name, pattern)})
    if options.norms:
        norms = tuple(f"{name}." for name, one in model.named_modules() if "norm" in type(one).__name__.lower())
        add("norms", True, {name: one for name, one in names.items() if norms and name.startswith(norms)})
    if options.biases:
        add("biases", True, {name: one for name, one in names.items() if name.endswith("bias")})
    for setting, module in (
        ("embeddings", model.get_input_embeddings()),
        ("output", model.get_output_embeddings()),
    ):
        if getattr(options, setting):
            own = {id(one) for one in module.parameters()} if module is not None else set()
            add(setting, True, {name: one for name, one in names.items() if id(one) in own})
    return chosen

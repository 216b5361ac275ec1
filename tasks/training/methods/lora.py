"""LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tasks.config import Fraction, Task
from tasks.training.adapters import TASK_TYPES, PeftMethod, attach, leaves, linear_names
from tasks.training.method import MethodOptions

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


class LoraOptions(MethodOptions):
    """Settings of LoRA."""

    rank: int = Field(default=16, ge=1)
    """Inner size of the two small matrices beside each adapted one."""
    alpha: float = Field(default=32.0, gt=0)
    """Their product is scaled by alpha / rank."""
    dropout: Fraction = 0.0
    """On the input of the adapter."""
    targets: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all-linear"
    """Which linear modules: all, or those whose names end so, e.g. [q_proj, v_proj]."""
    rslora: bool = False
    """Scale by alpha / sqrt(rank) instead (Kalajdzievski 2023): for high ranks."""
    dora: bool = False
    """Learn the length of each weight row apart from its direction (Liu et al. 2024); slower."""
    init: Literal["default", "gaussian", "orthogonal"] = "default"
    """What the matrices start with; the product starts at zero, except with `orthogonal` (even ranks only)."""


class Lora(PeftMethod):
    """A low-rank update beside each linear module."""

    name = "lora"
    summary = "Trains two small matrices beside each linear module, and the head. The usual choice."
    paper = "Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models"
    options = LoraOptions

    def check(self, model: PreTrainedModel, options: LoraOptions, task: Task, heads: Sequence[str]) -> None:
        """See that `targets` names modules."""
        linear_names(model, options.targets, heads)

    def prepare(self, model: PreTrainedModel, options: LoraOptions, task: Task, heads: Sequence[str]) -> PeftModel:
        """The base with an adapter on it; base weights are frozen, heads train whole."""
        from peft import LoraConfig

        init: bool | str = True if options.init == "default" else options.init
        return attach(
            model,
            LoraConfig(
                task_type=TASK_TYPES[task],
                r=options.rank,
                lora_alpha=options.alpha,
                lora_dropout=options.dropout,
                target_modules=linear_names(model, options.targets, heads),
                modules_to_save=leaves(model, heads),
                use_rslora=options.rslora,
                use_dora=options.dora,
                init_lora_weights=init,
            ),
        )

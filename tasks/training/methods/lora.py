"""LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import Fraction, Task
from tasks.errors import InputError
from tasks.training.adapters import PeftMethod, attach, leaves, linear_names, stored_sideways, write_adapter
from tasks.training.method import MethodOptions, Tested

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

MUTATING = ("pissa", "olora")
START = "galen_start"
"""Attribute of a model: the adapter's first values, where they were taken out of the base."""


class LoraOptions(MethodOptions):
    """Settings of LoRA."""

    rank: int = Field(default=16, ge=1, le=4096)
    """Inner size of the two small matrices beside each adapted one."""
    alpha: float = Field(default=32.0, gt=0, le=1e6)
    """Their product is scaled by alpha / rank."""
    dropout: Fraction = 0.0
    """On the input of the adapter."""
    targets: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all-linear"
    """Which linear modules: all, or those whose names end so, e.g. [q_proj, v_proj]."""
    rslora: bool = False
    """Scale by alpha / sqrt(rank) instead (Kalajdzievski 2023): for high ranks."""
    dora: bool = False
    """Learn the length of each weight row apart from its direction (Liu et al. 2024); slower."""
    init: Literal["default", "gaussian", "orthogonal", "pissa", "olora"] = "default"
    """What the matrices start with. With `orthogonal` (Büyükakyüz 2024; even ranks only) the product is not zero.
    `pissa` (Meng et al. 2024) and `olora` start with the base's own strongest directions, taken out of the base while
    it trains; what is saved is the difference, of twice the rank. PEFT's initialisations from data are not offered."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.init == "orthogonal" and self.rank % 2:
            raise ValueError("init: orthogonal needs an even rank")
        if self.init in MUTATING and self.dora:
            raise ValueError(f"init: {self.init} changes the base's weights, whose lengths dora measures: choose one")
        return self


class Lora(PeftMethod[LoraOptions]):
    """A low-rank update beside each linear module."""

    name = "lora"
    summary = "Trains two small matrices beside each linear module, and the head. The usual choice."
    paper = "Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models"
    tested = Tested(1e-2, {"rank": 8})
    options = LoraOptions

    def check(self, model: PreTrainedModel, options: LoraOptions, task: Task, heads: Sequence[str]) -> None:
        """See that `targets` names modules, and that the base's weights can be taken apart where that is asked for."""
        targets = linear_names(model, options.targets, heads)
        if options.init not in MUTATING:
            return
        hint = "use another init"
        if self.base_quantization is not None:
            raise InputError(f"method {self.name}: a 4-bit base cannot be taken apart", value=options.init, hint=hint)
        if options.init == "olora" and stored_sideways(model, targets):
            raise InputError("init: olora does not fit how GPT-2 stores its matrices", value=options.init, hint=hint)
        for name in targets:
            sides = tuple(model.get_submodule(name).weight.shape)
            if options.rank > min(sides):
                size = f"{name} is {sides[0]} x {sides[1]}"
                hint = f"init: {options.init} needs a rank of {min(sides)} at most here"
                raise InputError("method.rank is more than a matrix has directions", value=size, hint=hint)

    def prepare(self, model: PreTrainedModel, options: LoraOptions, task: Task, heads: Sequence[str]) -> PeftModel:
        """The base with an adapter on it; base weights are frozen, heads train whole."""
        from peft import LoraConfig

        targets = linear_names(model, options.targets, heads)
        init: bool | str = True if options.init == "default" else options.init
        wrapped = attach(
            model,
            LoraConfig(
                r=options.rank,
                lora_alpha=options.alpha,
                lora_dropout=options.dropout,
                target_modules=targets,
                fan_in_fan_out=stored_sideways(model, targets),
                modules_to_save=leaves(model, heads),
                use_rslora=options.rslora,
                use_dora=options.dora,
                init_lora_weights=init,
            ),
        )
        if options.init in MUTATING:
            setattr(wrapped, START, {name: one.float().clone() for name, one in _state(wrapped).items()})
        return wrapped

    def save(self, model: PeftModel, folder: Path) -> None:
        """The adapter alone; if it started inside the base's weights, as its difference from that start.

        W - B0 A0 + B A is what trained. Beside the whole W, [B, -B0] [A; A0] says the same.
        """
        start = getattr(model, START, None)
        if start is None:
            super().save(model, folder)
            return
        import torch

        config = model.peft_config["default"]
        twice = {"r": 2 * config.r, "init_lora_weights": True}
        twice["lora_alpha"] = config.lora_alpha * (2**0.5 if config.use_rslora else 2)
        state = _state(model)
        for name, first in start.items():
            if ".lora_A." in name:
                state[name] = torch.cat([state[name], first.to(state[name].device)], 0)
            elif ".lora_B." in name:
                state[name] = torch.cat([state[name], -first.to(state[name].device)], 1)
        write_adapter(state, config.to_dict() | twice, folder)


def _state(model: PeftModel) -> dict[str, torch.Tensor]:
    from peft import get_peft_model_state_dict

    found: dict[str, torch.Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return found

"""AdaLoRA."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import Fraction, Task
from tasks.errors import InputError
from tasks.training.adapters import PeftMethod, attach, leaves, linear_names, stored_sideways
from tasks.training.method import MethodOptions, Tested, Trained

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel

RANK_MAP = "rank_map.json"


class AdaloraOptions(MethodOptions):
    """Settings of AdaLoRA."""

    initial_rank: int = Field(default=12, ge=2, le=4096)
    """Of every update, at first."""
    target_rank: int = Field(default=8, ge=1, le=4096)
    """Average over the updates, at last."""
    alpha: float = Field(default=32.0, gt=0, le=1e6)
    dropout: Fraction = 0.0
    """On the input of the adapter."""
    targets: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all-linear"
    """Which linear modules: all, or those whose names end so."""
    start: Fraction = 0.1
    """Share of the steps before the first rank is taken away."""
    finish: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of the steps after the last one is: the ranks that are left learn on."""
    every: int = Field(default=1, ge=1, le=10_000_000)
    """Steps between two allocations."""
    orthogonality: float = Field(default=0.5, ge=0, le=1e6)
    """Weight of the penalty that keeps singular vectors apart."""

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.target_rank >= self.initial_rank:
            raise ValueError("target_rank must be below initial_rank: there would be nothing to take away")
        if self.start + self.finish >= 1:
            raise ValueError(
                "start + finish must leave steps in between to take ranks away (their sum must be below 1)"
            )
        return self


class AdaLora(PeftMethod[AdaloraOptions]):
    """Low-rank updates as singular values and vectors; the least important values are taken away while training."""

    name = "adalora"
    summary = (
        "LoRA that moves its ranks to the modules that need them. For a tight budget; its rank map is worth reading."
    )
    paper = "Zhang et al. 2023, AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning"
    tested = Tested(2e-2, {"initial_rank": 8, "target_rank": 4})
    options = AdaloraOptions
    tables: ClassVar[Mapping[str, tuple[str, str]]] = {
        "ranks": ("Ranks that AdaLoRA left", "Singular values kept, by module.")
    }

    def check(self, model: PreTrainedModel, options: AdaloraOptions, task: Task, heads: Sequence[str]) -> None:
        """See that `targets` names modules."""
        linear_names(model, options.targets, heads)

    def prepare(self, model: PreTrainedModel, options: AdaloraOptions, task: Task, heads: Sequence[str]) -> PeftModel:
        """The base with an adapter of the initial rank; base weights are frozen, heads train whole."""
        from peft import AdaLoraConfig

        targets = linear_names(model, options.targets, heads)
        return attach(
            model,
            AdaLoraConfig(
                init_r=options.initial_rank,
                target_r=options.target_rank,
                lora_alpha=options.alpha,
                lora_dropout=options.dropout,
                target_modules=targets,
                fan_in_fan_out=stored_sideways(model, targets),
                modules_to_save=leaves(model, heads),
                total_step=1,  # the real number is known when the batches are planned: `companion`
            ),
        )

    def companion(self, model: PeftModel, options: AdaloraOptions, steps: int) -> Allocation:
        """The budget, tied to the real steps."""
        return Allocation(model, options, steps)

    def save(self, model: PeftModel, folder: Path) -> None:
        """The adapter, and the rank that each module kept."""
        super().save(model, folder)
        (folder / RANK_MAP).write_text(json.dumps(rank_map(model), indent=2, sort_keys=True) + "\n")

    def learned(self, trained: Trained) -> dict[str, Any]:
        """`ranks`: the rank that each module kept."""
        return {"ranks": json.loads((trained.folder / RANK_MAP).read_bytes())}


def rank_map(model: PeftModel) -> dict[str, int]:
    """Module -> how many singular values its update kept."""
    return {
        name.removeprefix("base_model.model.").rpartition(".lora_E.")[0]: int((weight != 0).sum())
        for name, weight in model.named_parameters()
        if ".lora_E." in name
    }


class Allocation:
    """PEFT's rank allocator, working on the float32 weights and their gradients."""

    def __init__(self, model: PeftModel, options: AdaloraOptions, steps: int) -> None:
        """Plan the budget: cubic decay from `start` to `finish`.

        Raises:
            InputError: so few steps that no rank could be taken away.
        """
        from peft.tuners.adalora.layer import RankAllocator

        first, last = round(options.start * steps), round((1 - options.finish) * steps)
        if last - first < 2 * options.every or last >= steps:
            hint = "train longer, or lower method.every, start or finish"
            raise InputError(f"{steps} steps are too few for AdaLoRA to take ranks away", hint=hint)
        config = model.peft_config["default"]
        config.total_step, config.tinit, config.tfinal = steps, first, steps - last
        config.deltaT = options.every
        self.ready_at = last + 1
        self._allocator = RankAllocator(model, config, "default")
        self._mean = options.orthogonality
        self._sides = [
            (weight, ".lora_A." in name)
            for name, weight in model.named_parameters()
            if ".lora_A." in name or ".lora_B." in name
        ]
        self._device = self._sides[0][0].device

    def penalty(self) -> torch.Tensor:
        """orthogonality * mean |P'P - I| (Frobenius) over the matrices of singular vectors."""
        import torch

        total: torch.Tensor = torch.zeros((), device=self._sides[0][0].device)
        for weight, left in self._sides:
            matrix = weight.float()
            product = matrix @ matrix.T if left else matrix.T @ matrix
            total = total + torch.linalg.matrix_norm(product - torch.eye(len(product), device=product.device))
        return self._mean * total / len(self._sides)

    def after_step(self, step: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Weigh every triplet, and take away what the budget of this step no longer allows."""
        self._allocator.update_and_allocate(_Named(weights), step)

    def state(self) -> dict[str, Any]:
        """Importance and uncertainty of every weight."""
        one = self._allocator
        return {"ipt": one.ipt, "exp_avg_ipt": one.exp_avg_ipt, "exp_avg_unc": one.exp_avg_unc}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        for kind, values in state.items():  # a checkpoint is read onto the CPU
            setattr(self._allocator, kind, {name: value.to(self._device) for name, value in values.items()})


@dataclass(frozen=True)
class _Named:
    """Float32 weights with the one method of a module that PEFT's allocator calls."""

    weights: Mapping[str, torch.Tensor]

    def named_parameters(self) -> ItemsView[str, torch.Tensor]:
        return self.weights.items()

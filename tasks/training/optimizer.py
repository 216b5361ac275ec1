"""AdamW over float32 master weights, while the model itself computes in bfloat16.

The model holds bfloat16 weights (no cast per forward pass, as autocast would do); what trains has a float32 copy that
the optimizer moves and that is saved. Gradients of several forward passes are summed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.config import Training

if TYPE_CHECKING:
    import torch


def learning_rate(step: int, total: int, settings: Training) -> float:
    """Share of the peak rate at a step (0-based): linear warm-up, then linear or cosine decay to 0, or constant."""
    warmup = math.ceil(settings.warmup * total)
    if step < warmup:
        return (step + 1) / warmup
    if settings.schedule == "constant":
        return 1.0
    done = (step - warmup) / max(1, total - warmup)
    return 1 - done if settings.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


class Masters:
    """The float32 weights that learn, and their optimizer."""

    def __init__(
        self,
        model: torch.nn.Module,
        dtype: torch.dtype,
        settings: Training,
        fresh: Sequence[str],
        *,
        paged: bool = False,
    ) -> None:
        """Cast the model to `dtype`, keeping float32 masters of what trains.

        Args:
            fresh: names of newly made modules: they learn at `head_learning_rate`.
            paged: let the GPU driver move optimizer state to CPU memory under pressure; nothing without CUDA.
        """
        import torch

        self.names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        self.weights: list[torch.Tensor] = [weight for weight in model.parameters() if weight.requires_grad]
        self.tensors = [weight.detach().float() for weight in self.weights]
        self._separate = dtype != torch.float32
        if self._separate:
            self.tensors = [tensor.clone() for tensor in self.tensors]
            for weight in model.parameters():
                if weight.is_floating_point():  # 4-bit weights are uint8
                    weight.data = weight.data.to(dtype)
        else:
            for weight in model.parameters():
                if weight.is_floating_point():
                    weight.data = weight.data.float()
            self.tensors = [weight.data for weight in self.weights]
        self._sums: list[torch.Tensor] = []
        groups = _groups(model, self.names, self.tensors, settings, fresh)
        self.peaks = [group["lr"] for group in groups]
        self._limit = settings.max_gradient_norm
        if paged and torch.cuda.is_available():
            import bitsandbytes

            self.optimizer: torch.optim.Optimizer = bitsandbytes.optim.PagedAdamW32bit(groups)
        else:
            self.optimizer = torch.optim.AdamW(groups, fused=True)

    def gather(self) -> None:
        """Add the gradients of one backward pass to the masters', in float32, and drop them from the model.

        The float32 gradients live in buffers made once: fresh memory costs more than the sum that goes into it.
        """
        import torch

        if not self._sums:
            self._sums = [torch.empty_like(tensor) for tensor in self.tensors]
            self._scratch = torch.empty(max(tensor.numel() for tensor in self.tensors), device=self.tensors[0].device)
        for master, weight, total in zip(self.tensors, self.weights, self._sums, strict=True):
            if weight.grad is None:
                continue
            if master.grad is None:
                master.grad = total.copy_(weight.grad)
            else:  # converted first: adding across types takes PyTorch ten times as long
                master.grad.add_(self._scratch[: master.numel()].view_as(master).copy_(weight.grad))
            weight.grad = None

    def step(self, factor: float, after: Callable[[Mapping[str, torch.Tensor]], None] | None = None) -> torch.Tensor:
        """One optimizer step at `factor` of the peak rates; returns the norm of the gradient before clipping.

        Args:
            after: looks at the moved masters by name, their gradients still there, and may change them in place.
        """
        import torch

        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        norm = torch.nn.utils.clip_grad_norm_(self.tensors, self._limit)
        self.optimizer.step()
        if after is not None:
            after(dict(zip(self.names, self.tensors, strict=True)))
        self.optimizer.zero_grad(set_to_none=True)
        self._publish()
        return norm

    def values(self) -> dict[str, torch.Tensor]:
        """A copy of the masters by parameter name, on the CPU."""
        return {name: tensor.detach().cpu().clone() for name, tensor in zip(self.names, self.tensors, strict=True)}

    def set_values(self, values: Mapping[str, torch.Tensor]) -> None:
        """Put masters back, and the model's own weights with them."""
        for name, tensor in zip(self.names, self.tensors, strict=True):
            tensor.copy_(values[name])
        self._publish()

    def _publish(self) -> None:
        import torch

        if self._separate:
            with torch.no_grad():
                torch._foreach_copy_(self.weights, self.tensors)


def _groups(
    model: torch.nn.Module,
    names: Sequence[str],
    tensors: Sequence[torch.Tensor],
    settings: Training,
    fresh: Sequence[str],
) -> list[dict[str, Any]]:
    """Parameter groups: by learning rate (head, embeddings, rest), and with or without weight decay."""
    import torch

    embeddings = {
        id(weight)
        for module in model.modules()
        if isinstance(module, torch.nn.Embedding)
        for weight in module.parameters()
    }
    by_name = dict(model.named_parameters())
    found: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, tensor in zip(names, tensors, strict=True):
        rate = settings.learning_rate
        if any(f".{module}." in f".{name}" for module in fresh):
            rate = settings.head_learning_rate or rate
        elif id(by_name[name]) in embeddings:
            rate = settings.embedding_learning_rate or rate
        decay = settings.weight_decay if tensor.ndim >= 2 else 0.0  # biases and norms are vectors
        found.setdefault((rate, decay), []).append(tensor)
    return [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in found.items()]

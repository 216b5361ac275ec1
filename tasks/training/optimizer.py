"""Optimizers over float32 master weights, while the model itself computes in bfloat16.

The model holds bfloat16 weights (no cast per forward pass, as autocast would do); what trains has a float32 copy that
the optimizer moves and that is saved. Gradients of several forward passes are summed in float32, and so are those of
several processes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.config.training import Training
from tasks.training.distributed import ALONE, Team

if TYPE_CHECKING:
    import torch

    Make = Callable[[Mapping[str, torch.Tensor]], Sequence[torch.optim.Optimizer]]
    """Optimizers for float32 weights by name, in the model's order; their rates are the peak rates."""


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
    """The float32 weights that learn, and their optimizers."""

    def __init__(
        self,
        model: torch.nn.Module,
        dtype: torch.dtype,
        make: Make,
        max_gradient_norm: float,
        team: Team = ALONE,
    ) -> None:
        """Cast the model's weights to `dtype`, keeping float32 masters of what trains.

        Args:
            make: gives the optimizers of the masters.
            max_gradient_norm: of all gradients together; longer ones are shortened to it.
            team: the processes that train together; where they shard, the model's parameters become slices, and so do
                the masters.
        """
        import torch

        self.names = [name for name, weight in model.named_parameters() if weight.requires_grad]
        self._team, self._separate = team, dtype != torch.float32
        for weight in model.parameters():  # a prefix taken from activations lies in memory as those do: the fused AdamW
            weight.data = weight.data.contiguous()  # needs weight and gradient alike, and slices need rows
        trained = [weight.detach() for weight in model.parameters() if weight.requires_grad]
        masters = [team.slice(weight.float()).clone() for weight in trained] if self._separate else []
        for weight in model.parameters():
            if weight.is_floating_point():  # 4-bit weights are uint8
                weight.data = weight.data.to(dtype)
        team.shard(model)
        self.weights: list[torch.Tensor] = [weight for weight in model.parameters() if weight.requires_grad]
        self._published = [_local(weight.detach()) for weight in self.weights]
        self.tensors = [master.to(self._published[0].device) for master in masters] or self._published
        self._sums: list[torch.Tensor] = []
        self.optimizers = make(dict(zip(self.names, self.tensors, strict=True)))
        self.peaks = [group["lr"] for optimizer in self.optimizers for group in optimizer.param_groups]
        self._limit = max_gradient_norm

    def gather(self) -> None:
        """Add the gradients of one backward pass to the masters', in float32, and drop them from the model.

        The float32 gradients live in buffers made once: fresh memory costs more than the sum that goes into it.
        """
        if not self._sums:
            self._make_sums()
        for master, weight, total in zip(self.tensors, self.weights, self._sums, strict=True):
            if weight.grad is None:
                continue
            gradient = _local(weight.grad)
            if master.grad is None:
                master.grad = total.copy_(gradient)
            else:  # converted first: adding across types takes PyTorch ten times as long
                master.grad.add_(self._scratch[: master.numel()].view_as(master).copy_(gradient))
            weight.grad = None

    def _make_sums(self) -> None:
        import torch

        sizes, device = [tensor.numel() for tensor in self.tensors], self.tensors[0].device
        self._scratch = torch.empty(max(sizes), device=device)
        if self._team.size == 1 or self._team.sharded:
            self._sums = [torch.empty_like(tensor) for tensor in self.tensors]
        else:  # one piece of memory, so that one message adds all of it up; zeros where no gradient ever comes
            self._flat = torch.zeros(sum(sizes), device=device)
            pieces = zip(torch.split(self._flat, sizes), self.tensors, strict=True)
            self._sums = [piece.view_as(tensor) for piece, tensor in pieces]

    def step(self, factor: float, after: Callable[[Mapping[str, torch.Tensor]], None] | None = None) -> torch.Tensor:
        """One step of every optimizer at `factor` of the peak rates; returns the norm of the gradient before clipping.

        Args:
            after: looks at the moved masters by name, their gradients still there, and may change them in place.
        """
        import torch

        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        for group, peak in zip(groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        if self._team.sharded:  # the gradients are summed already, but each process sees its slices only
            own = torch.nn.utils.get_total_norm([one.grad for one in self.tensors if one.grad is not None])
            norm = torch.tensor(math.sqrt(self._team.total(float(own) ** 2)[0]), device=own.device)
            torch.nn.utils.clip_grads_with_norm_(self.tensors, self._limit, norm)
        else:
            if self._team.size > 1:
                self._team.add(self._flat)
            norm = torch.nn.utils.clip_grad_norm_(self.tensors, self._limit)
        for optimizer in self.optimizers:
            optimizer.step()
        if after is not None:
            after(dict(zip(self.names, self.tensors, strict=True)))
        for tensor in self.tensors:
            tensor.grad = None
        self._publish()
        return norm

    def values(self) -> dict[str, torch.Tensor]:
        """A copy of the masters by parameter name, on the CPU: what this process holds of them."""
        return {name: tensor.detach().cpu().clone() for name, tensor in zip(self.names, self.tensors, strict=True)}

    def set_values(self, values: Mapping[str, torch.Tensor]) -> None:
        """Put masters back, and the model's own weights with them."""
        for name, tensor in zip(self.names, self.tensors, strict=True):
            tensor.copy_(values[name])
        self._publish()

    def whole(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What `values` gave, put together from all processes, for the first one to keep; the others get nothing."""
        if not self._team.sharded:
            return dict(values)
        like = dict(zip(self.names, self.weights, strict=True))
        found = {}
        for name, piece in values.items():
            one = self._team.whole(piece.to(self.tensors[0].device), like[name]).cpu()
            if self._team.rank == 0:
                found[name] = one
        return found

    def own(self, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What this process holds of whole masters: the way back from `whole`."""
        return {name: self._team.slice(value) for name, value in values.items()}

    def optimizer_states(self) -> list[dict[str, Any]]:
        """The state of each optimizer, put together as by `whole`."""
        return [self._converted(one, one.state_dict(), self._team.whole) for one in self.optimizers]

    def set_optimizer_states(self, states: Sequence[dict[str, Any]]) -> None:
        """Go on from what `optimizer_states` gave."""
        for one, state in zip(self.optimizers, states, strict=True):
            one.load_state_dict(self._converted(one, state, lambda value, _: self._team.slice(value)))

    def _converted(
        self,
        optimizer: torch.optim.Optimizer,
        state: dict[str, Any],
        convert: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> dict[str, Any]:
        """The state with each of its tensors that has a weight's shape converted; counters stay."""
        if not self._team.sharded:
            return state
        weight_of = {id(tensor): weight for tensor, weight in zip(self.tensors, self.weights, strict=True)}
        order = [weight_of[id(tensor)] for group in optimizer.param_groups for tensor in group["params"]]
        made = {
            index: {
                key: convert(value, order[index]) if getattr(value, "ndim", 0) else value
                for key, value in entry.items()
            }
            for index, entry in state["state"].items()
        }
        return {**state, "state": made}

    def _publish(self) -> None:
        import torch

        if self._separate:
            with torch.no_grad():
                torch._foreach_copy_(self._published, self.tensors)


def _local(tensor: torch.Tensor) -> torch.Tensor:
    """The slice that this process holds of a sharded tensor, the same memory; any other as it is."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor


def adamw(
    masters: Mapping[str, torch.Tensor],
    model: torch.nn.Module,
    settings: Training,
    fresh: Sequence[str] = (),
    *,
    paged: bool = False,
) -> list[torch.optim.Optimizer]:
    """AdamW in groups: by learning rate (head, embeddings, rest), and with or without weight decay.

    Args:
        fresh: names of newly made modules: they learn at `head_learning_rate`.
        paged: let the GPU driver move optimizer state to CPU memory under pressure; nothing without CUDA.
    """
    import torch

    embeddings = {
        id(weight)
        for module in model.modules()
        if isinstance(module, torch.nn.Embedding)
        for weight in module.parameters()
    }
    by_name = dict(model.named_parameters())
    found: dict[tuple[float, float], list[torch.Tensor]] = {}
    for name, tensor in masters.items():
        rate = settings.learning_rate
        if any(f".{module}." in f".{name}" for module in fresh):
            rate = settings.head_learning_rate or rate
        elif id(by_name[name]) in embeddings:
            rate = settings.embedding_learning_rate or rate
        # Biases and norms are vectors, and so are IA3's factors, however they are stored: decay would pull them to 0.
        matrix = sum(size > 1 for size in by_name[name].shape) >= 2
        decay = settings.weight_decay if matrix else 0.0
        found.setdefault((rate, decay), []).append(tensor)
    groups = [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in found.items()]
    if paged and torch.cuda.is_available():
        import bitsandbytes

        return [bitsandbytes.optim.PagedAdamW32bit(groups)]
    return [torch.optim.AdamW(groups, fused=True)]

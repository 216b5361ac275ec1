"""Several processes that train one model together: who computes what, and how their numbers become one.

Every process makes the same plan of steps and takes its share of each. Losses are sums divided by the targets of the
whole step, which the plan knows, so gradients only need adding: the curve is one process's, up to rounding.

Sharded weights (`training.sharding: full`) are PyTorch's FSDP2: each process keeps a slice of every weight, gradient
and optimizer state, and a layer is whole only while it computes (Zhao et al. 2023, PyTorch FSDP; Rajbhandari et al.
2020, ZeRO).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tasks.errors import InputError
from tasks.training.batches import Micro
from tasks.training.method import Method, method_of
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    import torch

PATIENCE = timedelta(minutes=30)  # for the slowest process, at one step


@dataclass(frozen=True)
class Team:
    """The processes of one training, and this one's place among them. Methods that speak of all processes must be
    called by all of them; alone, they give back what they are given."""

    rank: int = 0
    size: int = 1
    sharded: bool = False
    """Each process holds a slice of the weights, not all of them."""

    def share(self, micros: Sequence[Micro]) -> list[Micro]:
        """This process's part of some forward passes: as many for every process, each record in exactly one of them.

        What cannot be dealt out evenly is cut up by rows, and packed rows by records; a part may be empty.
        """
        even = len(micros) // self.size * self.size
        mine = list(micros[self.rank : even : self.size])
        if rest := micros[even:]:
            number = self.rank % len(rest)
            parts = len(range(number, self.size, len(rest)))
            mine.append(_part(rest[number], self.rank // len(rest), parts))
        return mine

    def total(self, *values: float) -> list[float]:
        """The sum of each value over all processes."""
        return self._reduced(values, "SUM")

    def most(self, value: float) -> float:
        """The greatest value of any process."""
        return self._reduced((value,), "MAX")[0]

    def add(self, tensor: torch.Tensor) -> None:
        """Make a tensor, in place, the sum of all processes' ones."""
        if self.size > 1:
            import torch.distributed as dist

            dist.all_reduce(tensor)

    def each(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The tensors of all processes, in the order of their ranks; all of one shape, on the CPU."""
        import torch
        import torch.distributed as dist

        if self.size == 1:
            return [tensor]
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        dist.all_gather(found, tensor)
        return found

    def slice(self, whole: torch.Tensor) -> torch.Tensor:
        """What this process keeps of a weight: its rows, which may be none, or all of it."""
        if not self.sharded:
            return whole
        pieces = whole.chunk(self.size)
        return pieces[self.rank] if self.rank < len(pieces) else whole[:0]

    def whole(self, piece: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """A weight put together from all processes' slices.

        Args:
            piece: of this process, on the device that trains.
            like: the model's parameter of that shape.
        """
        if not self.sharded:
            return piece
        from torch.distributed.tensor import DTensor, Shard

        given: Any = like
        made = DTensor.from_local(
            piece, given.device_mesh, [Shard(0)], run_check=False, shape=like.shape, stride=like.stride()
        )
        return made.full_tensor()

    def shard(self, model: torch.nn.Module) -> None:
        """Slice a model's parameters, layer by layer, onto the device that trains; nothing where all keep the whole.

        The names stay. Gradients are summed in float32.
        """
        if not self.sharded:
            return
        import torch
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
        from transformers.modeling_layers import GradientCheckpointingLayer

        from tasks.training.hardware import device

        mesh = init_device_mesh(device().type, (self.size,))
        # Also the outermost part is sliced again after a forward pass: one kept whole by an evaluation would be stale
        # as soon as other weights are put into the model.
        how: dict[str, Any] = {"mesh": mesh, "reshard_after_forward": True}
        how["mp_policy"] = MixedPrecisionPolicy(reduce_dtype=torch.float32)
        for module in model.modules():
            if isinstance(module, GradientCheckpointingLayer):  # what transformers calls a layer
                fully_shard(module, **how)
        fully_shard(model, **how)
        for part in model.modules():
            if isinstance(part, FSDPModule):
                part.set_gradient_divide_factor(1.0)
                part.set_force_sum_reduction_for_comms(True)  # gloo knows no other

    def _reduced(self, values: Sequence[float], how: str) -> list[float]:
        if self.size == 1:
            return list(values)
        import torch
        import torch.distributed as dist

        together = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(together, op=getattr(dist.ReduceOp, how))
        return [float(value) for value in together]


ALONE = Team()


def _part(micro: Micro, place: int, parts: int) -> Micro:
    """One of so many parts of a forward pass: of its rows, or where they are too few, of the records in them."""
    if parts == 1:
        return micro
    if len(micro) >= parts or all(len(row) == 1 for row in micro):
        return micro[place::parts]
    return [some for row in micro if (some := row[place::parts])]


@contextmanager
def joined(sharded: bool) -> Iterator[Team]:
    """Within the block, this process, which torchrun started, is one of a team: on a GPU of its own where there are."""
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # Numbers and random states go between CPUs in either case.
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), dist.get_world_size(), sharded)
    finally:
        dist.destroy_process_group()


def check_processes(recipe: Recipe) -> None:
    """See that this machine has room for the processes, and that the method can share its work among them.

    Raises:
        InputError: it has not, or cannot.
    """
    asked, sharding = recipe.training.processes, recipe.training.sharding
    if asked == 1:
        return
    kind, room = places()
    if asked > room:
        hint = f"set training.processes to {room} or less, or train on another machine"
        raise InputError(f"training.processes is more than this machine's {kind}s ({room})", value=asked, hint=hint)
    method = method_of(recipe.method)
    if sharding == "full" and (reason := _why_whole(method)):
        raise InputError(
            f"training.sharding: full cannot be combined with {method.name}", value=reason, hint="set it to none"
        )


def places() -> tuple[str, int]:
    """What a process needs one of, and how many there are: GPUs, or CPUs where there is none."""
    import torch

    if torch.cuda.is_available():
        return "GPU", torch.cuda.device_count()
    return "CPU", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _why_whole(method: Method[Any]) -> str:
    """Why every process must hold all the weights that a method trains or freezes; empty where it need not."""
    if method.base_quantization is not None:
        return "4-bit weights are blocks with shared constants, which slices would tear apart"
    if type(method).companion is not Method.companion:
        return "it looks at whole weights in every step"
    return ""

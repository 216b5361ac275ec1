"""The training of a base as the loop sees it: a corpus without end, until its loss no longer falls.

The rates warm up, stay level until the loss no longer falls, then decay linearly to 0 (Hu et al. 2024, "MiniCPM").
Matrices learn with Muon (Jordan et al. 2024), which needed a fifth of AdamW's steps here; embeddings and norms with
AdamW.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from tasks.training.base_spec import BaseSpec
from tasks.training.batches import Batch
from tasks.training.course import Course, Progressed, Work
from tasks.training.distributed import Team

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

CACHED_ROWS = 128
"""Rows of logits worked on at a time."""


class Plateau:
    """Tells when a loss has stopped falling."""

    def __init__(self, patience: int, tolerance: float) -> None:
        self._patience, self._tolerance = patience, tolerance
        self._best: float | None = None
        self._stale = 0

    def reached(self, loss: float) -> bool:
        """Take the next value, and say whether `patience` values in a row brought no relative fall of `tolerance`."""
        if self._best is None or loss < self._best * (1 - self._tolerance):
            self._best, self._stale = loss, 0
        else:
            self._stale += 1
        return self._stale >= self._patience


@dataclass(frozen=True)
class Pretraining(Course):
    """The documents of a corpus, in a new order each time around, one behind the other without padding."""

    title = "base model"
    lower = "the learning rates"

    ids: list[list[int]]
    """Tokens of each document."""
    spec: BaseSpec

    @property
    def peak(self) -> float:
        """Muon's learning rate."""
        return self.spec.learning_rate

    @property
    def point_every(self) -> int:
        """A window: its mean loss is compared with earlier ones'."""
        return self.spec.window

    def plateau(self, now: Progressed) -> int | None:
        """The step after which the loss was seen to fall no longer."""
        spec = self.spec
        seen = Plateau(spec.patience, spec.tolerance)
        for point in now.train_curve:
            if spec.warmup_steps <= point["step"] < self._latest and seen.reached(point["loss"]):
                return int(point["step"])
        return None

    @property
    def _latest(self) -> int:
        """Where the rates begin to decay at the latest."""
        return self.spec.max_steps - self.spec.decay_steps

    def _decays_from(self, now: Progressed) -> int:
        found = self.plateau(now)
        return self._latest if found is None else found

    def total(self, now: Progressed) -> int:
        """`max_steps`, or fewer once a plateau is found."""
        return self._decays_from(now) + self.spec.decay_steps

    def factor(self, now: Progressed) -> float:
        """Warm-up, level, then linear decay to 0."""
        if now.step < self.spec.warmup_steps:
            return (now.step + 1) / self.spec.warmup_steps
        return min(1.0, 1 - (now.step - self._decays_from(now)) / self.spec.decay_steps)

    def works(self, first: int, device: torch.device, team: Team) -> Iterator[Work]:
        """Without end."""
        for inputs, targets in islice(self._cuts(), first, None):
            batch = Batch({"input_ids": inputs.to(device)}, targets.to(device))
            yield Work([batch], 1, self.spec.batch_tokens)

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Mean cross entropy of every next token."""
        from tasks.training.token_loss import is_wide, summed

        if is_wide(model, batch.targets.numel()):
            places = (batch.targets >= 0).nonzero(as_tuple=True)
            return summed(model, batch.inputs, places, batch.targets[places]) / batch.targets.numel()
        logits = model(**batch.inputs, use_cache=False).logits
        function: Any = cross_entropy()
        loss: torch.Tensor = function.apply(logits.flatten(0, 1), batch.targets.flatten())
        return loss

    def _cuts(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Inputs and next tokens, (rows, row) each."""
        import torch

        spec = self.spec
        chance = random.Random(spec.seed)
        order = list(range(len(self.ids)))
        stream: list[int] = []
        while True:
            chance.shuffle(order)
            for place in order:
                stream += self.ids[place]
                while len(stream) > spec.batch_tokens:
                    cut = torch.tensor(stream[: spec.batch_tokens + 1])
                    yield cut[:-1].view(-1, spec.row), cut[1:].view(-1, spec.row)
                    del stream[: spec.batch_tokens]


def muon_and_adamw(
    masters: Mapping[str, torch.Tensor], model: PreTrainedModel, spec: BaseSpec
) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for embeddings and norms."""
    import torch

    outer = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    weights = dict(model.named_parameters())
    inside = [name for name in masters if weights[name].ndim == 2 and id(weights[name]) not in outer]
    matrices = [masters[name] for name in inside]
    others = [master for name, master in masters.items() if name not in inside]
    return [
        torch.optim.Muon(matrices, lr=spec.learning_rate, weight_decay=spec.weight_decay),
        torch.optim.AdamW(others, lr=spec.embedding_learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


@cache
def cross_entropy() -> type[torch.autograd.Function]:
    """Mean cross entropy of logits (tokens, vocabulary) in any float dtype, computed in float32.

    The vocabulary is this model's widest matrix. PyTorch's own function walks five times through float32 copies of all
    logits; here a few rows at a time stay in the cache, and the gradient is made on the way: half the time.
    """
    import torch

    class CrossEntropy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            gradient = torch.empty_like(logits)
            total = logits.new_zeros((), dtype=torch.float32)
            for first in range(0, len(targets), CACHED_ROWS):
                piece = slice(first, first + CACHED_ROWS)
                wanted = targets[piece, None]
                logs = logits[piece].float().log_softmax(-1)
                total -= logs.gather(-1, wanted).sum()
                slope = logs.exp_().scatter_add_(-1, wanted, logs.new_full(wanted.shape, -1.0))
                gradient[piece] = slope / len(targets)
            ctx.save_for_backward(gradient)
            return total / len(targets)

        @staticmethod
        def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor, None]:
            return ctx.saved_tensors[0] * outer[0], None

    return CrossEntropy

"""The modules that methods put into a frozen base. d is the size of a hidden state, k a number of trained vectors."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

SCALE = 0.02  # standard deviation of random starting values
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class Gate(nn.Module):
    """How much of an update a token gets, between 0 and 1: sigmoid of a learned projection of what the token holds."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.project = nn.Linear(size, 1)
        nn.init.normal_(self.project.weight, std=SCALE)
        nn.init.zeros_(self.project.bias)

    def forward(self, states: Tensor) -> Tensor:
        """(..., size) in, (..., 1) out."""
        return torch.sigmoid(self.project(states))


class Bottleneck(nn.Module):
    """Down to a few features, a nonlinearity, and up again: scale * U f(D x). U starts at zero, so nothing changes."""

    def __init__(self, size: int, inner: int, activation: str, scale: float, gated: bool = False) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(size, inner), nn.Linear(inner, size)
        self.activation = ACTIVATIONS[activation]()
        self.scale = scale
        self.gate = Gate(size) if gated else None
        nn.init.kaiming_uniform_(self.down.weight, a=5**0.5)
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, states: Tensor) -> Tensor:
        """The update, shape of the states (..., size)."""
        return cast("Tensor", self.up(self.activation(self.down(states)))) * self.scale


class LowRank(nn.Module):
    """The update of a linear module as the product of two small matrices; the second starts at zero."""

    def __init__(self, inputs: int, outputs: int, rank: int, alpha: float, gated: bool = False) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False)
        self.scale = alpha / rank
        self.gate = Gate(inputs) if gated else None
        nn.init.kaiming_uniform_(self.down.weight, a=5**0.5)
        nn.init.zeros_(self.up.weight)

    def forward(self, states: Tensor) -> Tensor:
        """(..., inputs) in, (..., outputs) out."""
        update = cast("Tensor", self.up(self.down(states))) * self.scale
        return update if self.gate is None else update * self.gate(states)


class Prefixes(nn.Module):
    """Keys and values, each (heads, k, size of a head), that come before those of the tokens."""

    def __init__(self, key: Tensor, value: Tensor, gate: Gate | None = None) -> None:
        super().__init__()
        self.key, self.value, self.gate = nn.Parameter(key), nn.Parameter(value), gate

    def tables(self) -> tuple[Tensor, Tensor]:
        """Keys and values."""
        return self.key, self.value

    def forward(self, query: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keys, values, and for queries (rows, heads, tokens, size) a bias on their scores, (rows, 1, tokens, k).

        The gate g of a token weighs what it sees of the prefix against what it sees of the input: log g on the scores
        makes softmax weights proportional to g * exp(score).
        """
        keys, values = self.tables()
        if self.gate is None:
            return keys, values, None
        bias = self.gate(query.transpose(1, 2).flatten(2)).clamp_min(1e-6).log()  # (rows, tokens, 1)
        return keys, values, bias[:, None].expand(-1, 1, -1, keys.shape[1])


class NetworkPrefixes(Prefixes):
    """The same, made by a small network from k trained vectors: steadier at high rates (Li and Liang 2021, 4.3)."""

    def __init__(self, heads: int, length: int, size: int, inner: int) -> None:
        nn.Module.__init__(self)
        self.shape, self.gate = (length, 2, heads, size), None
        self.vectors = nn.Parameter(torch.randn(length, inner))
        self.network = nn.Sequential(nn.Linear(inner, inner), nn.Tanh(), nn.Linear(inner, 2 * heads * size))

    def tables(self) -> tuple[Tensor, Tensor]:
        """Keys and values."""
        made = self.network(self.vectors).view(self.shape).permute(1, 2, 0, 3)
        return made[0], made[1]


class PromptTable(nn.Module):
    """k trained vectors, (k, d)."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(values)

    def forward(self) -> Tensor:
        """(k, d)."""
        return self.vectors


class PromptNetwork(PromptTable):
    """The same, passed through an MLP or a bidirectional LSTM: P-tuning (Liu et al. 2021)."""

    def __init__(self, values: Tensor, kind: str, inner: int) -> None:
        super().__init__(values)
        size = values.shape[1]
        self.lstm = nn.LSTM(size, inner, bidirectional=True, batch_first=True) if kind == "lstm" else None
        first = 2 * inner if kind == "lstm" else size
        self.network = nn.Sequential(nn.Linear(first, inner), nn.ReLU(), nn.Linear(inner, size))

    def forward(self) -> Tensor:
        """(k, d): the vectors, and what the network adds to them."""
        states = self.vectors if self.lstm is None else self.lstm(self.vectors[None])[0][0]
        return self.vectors + cast("Tensor", self.network(states))


class ExtendedEmbedding(nn.Module):
    """The model's token embedding, with ids from `first` on standing for the vectors of a prompt."""

    def __init__(self, embedding: nn.Module, prompt: PromptTable, first: int) -> None:
        super().__init__()
        self.embedding, self.prompt, self.first = embedding, prompt, first

    @property
    def weight(self) -> Tensor:
        """The token embedding's own: what ties and dtypes are read from."""
        return cast("Tensor", self.embedding.weight)

    def forward(self, ids: Tensor) -> Tensor:
        """(rows, tokens) in, (rows, tokens, d) out."""
        virtual = ids >= self.first
        states: Tensor = self.embedding(ids.masked_fill(virtual, 0))
        if not bool(virtual.any()):  # a step of generation
            return states
        prompt = self.prompt().to(states.dtype)
        return torch.where(virtual[..., None], prompt[(ids - self.first).clamp_min(0)], states)


class Prompted(nn.Module):
    """A model that reads k trained vectors with every input, and answers as if they were not there.

    They are tokens to the model, with ids beyond its vocabulary, put into each row at place `at`; logits come back for
    the caller's tokens only, so labels and tags stay aligned.
    """

    def __init__(self, inner: Any, prompt: PromptTable, length: int, at: int) -> None:
        super().__init__()
        embedding = inner.get_input_embeddings()
        self.first = int(embedding.weight.shape[0])
        inner.set_input_embeddings(ExtendedEmbedding(embedding, prompt, self.first))
        if isinstance(positions := getattr(inner.config, "max_position_embeddings", None), int) and positions > 0:
            inner.config.max_position_embeddings = positions - length  # the prompt takes the others
        self.inner, self.length, self.at = inner, length, at
        self._starts: Tensor | None = None
        output = inner.get_output_embeddings()
        if output is not None and not inner.config.is_encoder_decoder:
            output.register_forward_pre_hook(self._drop)

    def __getattr__(self, name: str) -> Any:
        """What is not the wrapper's is the model's."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def get_base_model(self) -> Any:
        """The model inside."""
        return self.inner

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **others: Any) -> Any:
        """As the model's own: logits (rows, tokens, ...) or (rows, labels)."""
        ids, mask, self._starts = self._with_prompt(input_ids, attention_mask)
        try:
            found = self.inner(input_ids=ids, attention_mask=mask, **others)
            one_each = found.logits.dim() == 3 and found.logits.shape[:2] == ids.shape  # not some places of many rows
            if one_each and not self.inner.config.is_encoder_decoder:
                found.logits = self._without_prompt(found.logits, self._starts)
        finally:
            self._starts = None
        return found

    def generate(self, input_ids: Tensor, attention_mask: Tensor | None = None, **others: Any) -> Tensor:
        """As the model's own: the input, without the prompt, and what follows it."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        ids, longer, starts = self._with_prompt(input_ids, mask)
        written: Tensor = self.inner.generate(input_ids=ids, attention_mask=longer, **others)
        return written if self.inner.config.is_encoder_decoder else self._without_prompt(written, starts)

    def _with_prompt(self, ids: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None, Tensor]:
        """Longer ids and mask, and where the prompt begins in each row, (rows, 1): behind padding on the left, so that
        it is as near to the text as in training."""
        rows, tokens = ids.shape
        starts = ids.new_full((rows, 1), self.at)
        if mask is not None:
            starts = starts + mask.int().argmax(1, keepdim=True)
        places = torch.arange(tokens + self.length, device=ids.device).expand(rows, -1)
        virtual = (places >= starts) & (places < starts + self.length)
        source = torch.where(places < starts, places, places - self.length).clamp_min(0)
        longer = torch.where(virtual, self.first + places - starts, ids.gather(1, source))
        return longer, None if mask is None else mask.gather(1, source).masked_fill(virtual, 1), starts

    def _without_prompt(self, values: Tensor, starts: Tensor) -> Tensor:
        """(rows, tokens, ...) without the places of the prompt."""
        places = torch.arange(values.shape[1] - self.length, device=values.device).expand(len(values), -1)
        source = torch.where(places < starts, places, places + self.length)
        return values[torch.arange(len(values), device=values.device)[:, None], source]

    def _drop(self, _: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        """The prompt's own hidden states go no further: nobody needs their logits."""
        if self._starts is None:
            return None
        return (self._without_prompt(arguments[0], self._starts), *arguments[1:])


def out_features(module: nn.Module) -> int:
    """Features that a linear module gives (GPT-2's Conv1D names them otherwise)."""
    found = getattr(module, "out_features", None)
    return int(cast("int", module.nf) if found is None else found)


def in_features(module: nn.Module) -> int:
    """Features that a linear module takes."""
    found = getattr(module, "in_features", None)
    return int(cast("int", module.nx) if found is None else found)


def bottleneck_at(exit_: nn.Module, reduction: int, activation: str, scale: float, gated: bool = False) -> Bottleneck:
    """A bottleneck for the output of a linear module: its features divided by `reduction`, on its device."""
    size = out_features(exit_)
    made = Bottleneck(size, max(1, size // reduction), activation, scale, gated)
    return made.to(cast("Tensor", exit_.weight).device)


def put_after(module: nn.Module, bottleneck: Bottleneck, name: str = "bottleneck") -> None:
    """Add to the output of a module what a bottleneck makes of that output."""
    module.add_module(name, bottleneck)
    module.register_forward_hook(lambda _, __, output: output + bottleneck(output))


def put_beside(entry: nn.Module, exit_: nn.Module, bottleneck: Bottleneck, name: str = "bottleneck") -> None:
    """Add to the output of `exit_` what a bottleneck makes of the input of `entry`; they may be one module."""
    exit_.add_module(name, bottleneck)
    held: list[Tensor] = []
    entry.register_forward_pre_hook(lambda _, arguments: held.append(arguments[0]))
    exit_.register_forward_hook(lambda _, __, output: output + bottleneck(held.pop()))


def put_gated(entry: nn.Module, exit_: nn.Module, bottleneck: Bottleneck, name: str = "bottleneck") -> None:
    """Add to the output of `exit_` what a bottleneck makes of it, as much as its gate lets through.

    The gate looks at the input of `entry`.
    """
    exit_.add_module(name, bottleneck)
    held: list[Tensor] = []
    gate = cast("Gate", bottleneck.gate)
    entry.register_forward_pre_hook(lambda _, arguments: held.append(arguments[0]))
    exit_.register_forward_hook(lambda _, __, output: output + bottleneck(output) * gate(held.pop()))


def put_low_rank(module: nn.Module, update: LowRank, name: str = "low_rank") -> None:
    """Add to the output of a linear module a low-rank function of its input."""
    module.add_module(name, update)
    module.register_forward_hook(lambda _, arguments, output: output + update(arguments[0]))

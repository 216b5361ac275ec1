"""Prompt tuning and P-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.inserted import WEIGHTS, Inserted
from tasks.training.method import MethodOptions, Tested, Trained
from tasks.training.shapes import longest_input

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


UNLIMITED = 1 << 30  # positions
WORDS = 3  # of the vocabulary, beside each trained vector


class PromptOptions(MethodOptions):
    """Settings of prompt tuning."""

    length: int = Field(default=20, ge=1, le=4096)
    """Trained vectors; each takes a position of the input."""
    init: Literal["vocabulary", "random", "text"] = "vocabulary"
    """Where they start: embeddings of random tokens, random numbers as large as embeddings are, or those of `text`."""
    text: str | None = Field(default=None, min_length=1)
    """For `init: text`; repeated or cut to `length` tokens."""
    network: Literal["mlp", "lstm"] | None = None
    """P-tuning: the vectors pass through this network while they train; only what it makes of them is kept."""
    network_size: int = Field(default=128, ge=1, le=16_384)
    """Inner size of that network."""

    @model_validator(mode="after")
    def _text_where_it_is_used(self) -> Self:
        if (self.init == "text") != (self.text is not None):
            raise ValueError("`text` and `init: text` belong together")
        return self


class Prompt(Inserted[PromptOptions]):
    """The model reads trained vectors with every input."""

    name = "prompt"
    summary = "Trains vectors that the model reads with every input: the fewest weights. For large bases."
    paper = "Lester et al. 2021, The Power of Scale for Parameter-Efficient Prompt Tuning; Liu et al. 2021, P-tuning"
    tested = Tested(1e-1, {"length": 4}, epochs=20)  # they only steer what a random model sees
    rate = 100.0
    options = PromptOptions
    plain_attention = False
    packs = False
    reads_vocabulary = True

    def check(self, model: PreTrainedModel, options: PromptOptions, task: Task, heads: Sequence[str]) -> None:
        """See that the vectors leave the input most of the model's positions."""
        positions = longest_input(model.config, UNLIMITED)
        if 2 * options.length > positions:
            hint = f"the model has {positions} positions: leave the input at least half of them"
            raise InputError("method.length is too long for this model", value=options.length, hint=hint)

    def insert(self, model: PreTrainedModel, options: PromptOptions, task: Task) -> Any:
        """The model in a wrapper that puts the vectors into its input: at the front, where every token of a decoder
        sees them; behind the opening token of an encoder, whose state a classifier reads."""
        from transformers import MODEL_FOR_MASKED_LM_MAPPING

        from tasks.training.modules import Prompted, PromptNetwork, PromptTable

        start = _start(model, options)
        network = options.network
        prompt = PromptNetwork(start, network, options.network_size) if network else PromptTable(start)
        labels = task in ("text-classification", "token-classification")
        decoder = type(model.config) not in MODEL_FOR_MASKED_LM_MAPPING and not model.config.is_encoder_decoder
        at = 1 if labels and not decoder else 0
        return Prompted(model, prompt.to(model.device), options.length, at)

    def at_rest(self, options: PromptOptions) -> PromptOptions:
        """Neither network nor text: the vectors are kept."""
        return options.model_copy(update={"init": "random", "text": None, "network": None})

    def kept(self, model: Any) -> dict[str, torch.Tensor]:
        """The vectors as the network makes them, where there is one."""
        import torch

        weights = super().kept(model)
        prompt = model.inner.get_input_embeddings().prompt
        mine = {id(one) for one in prompt.parameters()}
        where = next(name for name, module in model.named_modules() if module is prompt)
        kept = {name: one for name, one in weights.items() if id(model.get_parameter(name)) not in mine}
        with torch.no_grad():
            return {**kept, f"{where}.vectors": prompt()}

    def learned(self, trained: Trained) -> dict[str, Any]:
        """`words`: for each trained vector, the tokens whose embeddings are nearest, with their cosine."""
        from safetensors.torch import load_file
        from torch.nn.functional import normalize

        stored = load_file(trained.folder / WEIGHTS)
        vectors = next(value.float() for name, value in stored.items() if name.endswith(".vectors"))
        embedding: torch.Tensor = trained.base.get_input_embeddings().weight.detach().float().cpu()
        best = (normalize(vectors, dim=-1) @ normalize(embedding, dim=-1).T).topk(WORDS, dim=-1)
        words = [
            [
                {"token": trained.tokenizer.decode([int(token)]).strip(), "cosine": float(value)}
                for value, token in zip(*pair, strict=True)
            ]
            for pair in zip(best.values, best.indices, strict=True)
        ]
        return {"words": words}


def _start(model: PreTrainedModel, options: PromptOptions) -> torch.Tensor:
    """The first values of the vectors, (length, d), float32, as the model's embedding would give them."""
    import torch

    embedding = model.get_input_embeddings()
    if options.init == "random":
        with torch.no_grad():  # some embeddings scale what their table holds
            some = embedding(torch.arange(min(1000, len(embedding.weight)), device=embedding.weight.device)).float()
        return torch.randn(options.length, some.shape[1]) * float(some.std())
    if options.init == "text":
        from tasks.training.tokenizer import load_tokenizer

        ids = load_tokenizer(Path(model.name_or_path))(str(options.text), add_special_tokens=False)["input_ids"]
        if not ids:
            raise InputError("method.text holds no token of the model", value=options.text)
        tokens = torch.tensor((ids * options.length)[: options.length])
    else:
        tokens = torch.randint(0, embedding.weight.shape[0], (options.length,))
    with torch.no_grad():
        found: torch.Tensor = embedding(tokens.to(embedding.weight.device)).float().cpu()
    return found

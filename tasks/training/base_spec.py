"""How a small base model is made: recipes/bases/NAME.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import Seed
from tasks.settings import Settings

if TYPE_CHECKING:
    from transformers import LlamaConfig

BLOCK = 64  # NF4 quantizes blocks of 64 values: widths that are multiples leave no remainder


class BaseSpec(Settings):
    """A small Llama-type model and its tokenizer, made from one text corpus."""

    corpus: str
    """UTF-8 text, a document per line; relative to the checkout, or absolute."""
    vocabulary: int = Field(default=4096, ge=320, le=65_536)
    """Tokens of the byte-level BPE tokenizer, special ones included; a small corpus may fill fewer."""
    hidden: int = Field(default=256, ge=BLOCK, le=16_384)
    """Width of the model, a multiple of 64."""
    intermediate: int = Field(default=768, ge=BLOCK, le=65_536)
    """Width of the feed-forward layers, a multiple of 64."""
    layers: int = Field(default=4, ge=1, le=256)
    heads: int = Field(default=4, ge=1, le=512)
    """Attention heads; `hidden` divides into them evenly."""
    tied_embeddings: bool = True
    """Use the input embeddings for the output as well."""
    context: int = Field(default=1024, ge=64, le=1 << 20)
    """Tokens that the model may read at once."""
    row: int = Field(default=128, ge=8, le=1 << 20)
    """Tokens per training row: documents follow each other without padding."""
    batch_tokens: int = Field(default=2048, ge=8, le=1 << 24)
    """Tokens per step, a multiple of `row`."""
    learning_rate: float = Field(default=0.03, gt=0, le=100)
    """Muon's, for the matrices inside the layers."""
    embedding_learning_rate: float = Field(default=0.01, gt=0, le=100)
    """AdamW's, for embeddings and norms."""
    weight_decay: float = Field(default=0.1, ge=0, le=100)
    """Of the matrices inside the layers."""
    max_gradient_norm: float = Field(default=1.0, gt=0, le=1e6)
    warmup_steps: int = Field(default=20, ge=0, le=10_000_000)
    max_steps: int = Field(default=400, ge=1, le=10_000_000)
    """Steps in all, the decay included."""
    decay_steps: int = Field(default=150, ge=1, le=10_000_000)
    """Last steps, in which the rates fall to 0: they begin at a plateau, or so that `max_steps` is kept."""
    window: int = Field(default=25, ge=1, le=10_000_000)
    """Steps whose mean loss is compared to find a plateau."""
    patience: int = Field(default=2, ge=1, le=10_000)
    """Windows without improvement that make a plateau."""
    tolerance: float = Field(default=0.01, ge=0, lt=1)
    """Relative fall of the loss that counts as improvement."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto: bf16 where the CPU or GPU computes it natively."""
    seed: Seed = 17

    @model_validator(mode="after")
    def _fits(self) -> Self:
        faults = [
            f"{name} must be a multiple of {BLOCK}, for 4 bits"
            for name in ("vocabulary", "hidden", "intermediate")
            if getattr(self, name) % BLOCK
        ]
        if self.hidden % (2 * self.heads):
            faults.append("hidden must be a multiple of 2 * heads, for rotary positions")
        if self.batch_tokens % self.row:
            faults.append("batch_tokens must be a multiple of row")
        if self.row > self.context:
            faults.append("row must not exceed context")
        if self.warmup_steps + self.decay_steps > self.max_steps:
            faults.append("warmup_steps + decay_steps must not exceed max_steps")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def llama_config(spec: BaseSpec, vocabulary: int, **special: int) -> LlamaConfig:
    """The shape of a base, and the ids of its special tokens."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=spec.hidden,
        intermediate_size=spec.intermediate,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.heads,
        max_position_embeddings=spec.context,
        tie_word_embeddings=spec.tied_embeddings,
        **special,
    )

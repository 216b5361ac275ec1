"""Makes a small base model, tokenizer and weights, from a text corpus."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import InputError
from tasks.training.base_spec import BLOCK, BaseSpec, llama_config
from tasks.training.base_text import read_corpus, train_tokenizer
from tasks.training.checkpoint import Checkpoints
from tasks.training.course import Progressed
from tasks.training.hardware import device, precision
from tasks.training.library import new
from tasks.training.loop import run
from tasks.training.optimizer import Masters
from tasks.training.pretraining import Pretraining, muon_and_adamw
from tasks.training.quiet import quiet

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


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


def train_base(spec: BaseSpec, corpus: Path, out: Path, kept: Checkpoints) -> BaseReport:
    """Train a tokenizer and a Llama from scratch, and save them as a Hugging Face folder.

    The same spec, corpus, machine and number of threads give the same bytes.

    Args:
        corpus: UTF-8 text, a document per line.
        out: the folder to write; it must not exist, or be empty. It appears complete, or not at all.
        kept: where a training that is stopped leaves its state.

    Raises:
        InputError: the corpus is missing, empty, not UTF-8, or too small; or `out` holds something.
        Stopped: by a signal; the state is on disk.
    """
    import torch

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("the folder for the base model is in use", value=out, hint="name another, or empty it")
    documents = read_corpus(corpus)
    quiet()
    began = time.perf_counter()
    tokenizer = train_tokenizer(documents, spec)
    plain = tokenizer(documents, split_special_tokens=True)["input_ids"]
    ids = [[tokenizer.bos_token_id, *one, tokenizer.eos_token_id] for one in plain]
    corpus_tokens = sum(map(len, ids))
    if corpus_tokens <= spec.batch_tokens:
        raise InputError(
            f"the corpus has {corpus_tokens} tokens and one step takes {spec.batch_tokens}",
            value=corpus,
            hint="give more text, or a smaller batch_tokens",
        )
    course, dtype = Pretraining(ids, spec), precision(spec.precision)
    with torch.random.fork_rng():
        torch.manual_seed(spec.seed)
        model = new_model(tokenizer, spec)
        now = _train(model, course, dtype, kept)
    draft = out.with_name(f".{out.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return BaseReport(
        parameters=model.num_parameters(),
        vocabulary=model.config.vocab_size,
        corpus_tokens=corpus_tokens,
        tokens=now.tokens,
        steps=now.step,
        plateau=course.plateau(now) is not None,
        loss=now.train_curve[-1]["loss"],
        curve=[(int(point["step"]), point["loss"]) for point in now.train_curve],
        precision=str(dtype).removeprefix("torch."),
        seconds=time.perf_counter() - began,
    )


def new_model(tokenizer: PreTrainedTokenizerFast, spec: BaseSpec) -> LlamaForCausalLM:
    """A Llama with random weights, drawn from torch's generator."""
    from transformers import LlamaForCausalLM

    special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    return new(LlamaForCausalLM, llama_config(spec, -(-len(tokenizer) // BLOCK) * BLOCK, **special))


def _train(model: LlamaForCausalLM, course: Pretraining, dtype: torch.dtype, kept: Checkpoints) -> Progressed:
    """Train in place; the weights end on the CPU in float32."""
    import torch

    from tasks.training.cpu import speed_up

    attention = model.config._attn_implementation
    if dtype == torch.bfloat16 and device().type == "cpu":
        speed_up(model)
    model.to(device())
    for buffer in model.buffers():  # also the rotary frequencies: with others a base would not be the same again
        buffer.data = buffer.data.to(dtype)
    make = partial(muon_and_adamw, model=model, spec=course.spec)
    masters = Masters(model, dtype, make, course.spec.max_gradient_norm)
    now = run(model, masters, course, kept).progressed
    values = masters.values()
    model.to("cpu", torch.float32)
    for name, weight in model.named_parameters():
        weight.data = values[name]
    model.config._attn_implementation = attention
    return now

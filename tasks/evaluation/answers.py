"""What a model says, and how likely it holds given answers: greedy generation and log-likelihood.

A decoder reads a prompt and goes on behind it. An encoder-decoder reads it beside what it writes, so each of the two
has all positions to itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from tasks.config.evaluation import Generation
from tasks.errors import InputError
from tasks.evaluation.batches import batches_by_length, padded
from tasks.evaluation.options import Asked, behind_prompts, reads_prompts_once
from tasks.training.abilities import abilities
from tasks.training.objectives.causal_lm import KEPT_OF_PROMPT
from tasks.training.objectives.seq2seq_lm import shifted_right
from tasks.training.prompts import answer_text, decoder_start, end_of, greedy, without_beginning, write_greedily

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.progress import Progress

CACHED_TOKENS = 65_536
"""Rows times positions while generating: what bounds the memory of the key-value cache."""
SCORED_TOKENS = 4_096
"""Tokens of one forward pass while scoring, padding included."""
FIRST_STEPS = 24
"""New tokens before those answers that have not ended go on without the others, for twice as many: a batch would
otherwise be as slow as its longest answer. What was read is read again then, which costs little beside that."""


@dataclass(frozen=True)
class Likelihood:
    """How likely one continuation is after its prompt."""

    nll: float
    """Negative log-likelihood in nats, summed over its tokens."""
    tokens: int
    """How many of its tokens were scored: fewer than all where it does not fit into the model's positions."""
    cut: bool
    """Whether prompt or continuation did not fit."""


def generate(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Sequence[int]],
    settings: Generation,
    *,
    positions: int | None,
    shown: Progress | None = None,
) -> list[str]:
    """Greedy answers, in the order of the prompts.

    Args:
        model: a decoder or an encoder-decoder in evaluation mode.
        tokenizer: its tokenizer.
        prompts: token ids; one too long to leave room for the answer loses its beginning.
        settings: how many new tokens at most.
        positions: how many tokens the model has positions for, None for no limit.
        shown: told of each answer.

    Raises:
        InputError: the model's positions leave no room for a question and an answer of that length.
    """
    _room(model, settings, positions)
    ends, most = write_greedily(model, tokenizer), settings.max_new_tokens
    kept = [end_of(tokenizer, model.config, prompt, positions, most) for prompt in prompts]
    answers = [""] * len(kept)
    alone = not model.config.is_encoder_decoder and not abilities(model.config, "causal-lm").pads_left
    for batch in batches_by_length([len(ids) + most for ids in kept], 1 if alone else CACHED_TOKENS):
        written = _continued(model, tokenizer, [kept[row] for row in batch], most, ends)
        for row, ids in zip(batch, written, strict=True):
            answers[row] = answer_text(tokenizer, ids, ends)
        if shown is not None:
            shown.advance(len(batch))
    return answers


def _continued(
    model: Any, tokenizer: PreTrainedTokenizerBase, texts: list[list[int]], most: int, ends: list[int]
) -> list[list[int]]:
    """The tokens that follow each text of one batch, or answer it, up to the first end token, at most `most`."""
    import torch

    start = decoder_start(model.config)
    said: list[list[int]] = [[] for _ in texts]
    pending, steps = list(range(len(texts))), FIRST_STEPS
    while pending:
        steps = min(steps, most - len(said[pending[0]]))
        how = greedy(ends, tokenizer.pad_token_id, start, steps)
        given, before = _before_next(model, tokenizer, [texts[row] for row in pending], [said[row] for row in pending])
        with torch.inference_mode():
            made = model.generate(**given, generation_config=how)
        going_on = []
        for row, new in zip(pending, made[:, before:].tolist(), strict=True):
            before_end = list(takewhile(lambda token: token not in ends, new))
            said[row] += before_end
            if len(before_end) == len(new) and len(said[row]) < most:
                going_on.append(row)
        pending, steps = going_on, 2 * steps
    return said


def _before_next(
    model: Any, tokenizer: PreTrainedTokenizerBase, texts: list[list[int]], said: list[list[int]]
) -> tuple[dict[str, torch.Tensor], int]:
    """What a model reads before its next tokens, and how much of it `generate` gives back before the new ones."""
    import torch

    padding, start = int(tokenizer.pad_token_id or 0), decoder_start(model.config)
    if start is None:
        read = [text + so_far for text, so_far in zip(texts, said, strict=True)]
        ids, mask = padded(read, padding, model.device, left=True)
        return {"input_ids": ids, "attention_mask": mask}, ids.shape[1]
    ids, mask = padded(texts, padding, model.device)
    written = torch.tensor([[start, *so_far] for so_far in said], device=model.device)  # none has ended: one length
    return {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": written}, written.shape[1]


def likelihoods(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    positions: int | None,
) -> list[Likelihood]:
    """The likelihood of each continuation after its prompt (of each answer to it), in the order of the pairs of ids.

    As in training, a prompt that is too long loses its beginning; a continuation that still does not fit is scored as
    far as it goes. Nothing is left out. A prompt with several continuations is read once, where the model can.
    """
    fitted = [_fitted(model, tokenizer, list(prompt), list(answer), positions) for prompt, answer in pairs]
    keys = [(tuple(prompt), tuple(answer)) for prompt, answer, _ in fitted]
    answers: dict[tuple[int, ...], dict[tuple[int, ...], None]] = {}
    for prompt, answer in keys:
        answers.setdefault(prompt, {})[answer] = None
    several = [Asked(prompt, tuple(some)) for prompt, some in answers.items() if prompt and len(some) > 1 and all(some)]
    found = behind_prompts(model, tokenizer, several) if several and reads_prompts_once(model) else {}
    alone = [key for key in dict.fromkeys(keys) if key not in found]
    found.update(zip(alone, _one_by_one(model, tokenizer, alone), strict=True))
    return [Likelihood(found[key], len(answer), cut) for key, (_, answer, cut) in zip(keys, fitted, strict=True)]


def _one_by_one(
    model: Any, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[float]:
    """Negative log-likelihood of each continuation, each read with its prompt."""
    import torch

    from tasks.training.token_loss import each

    found = [0.0] * len(pairs)
    for batch in batches_by_length([len(prompt) + len(answer) for prompt, answer in pairs], SCORED_TOKENS):
        given, rows, places, tokens = _scored(model, tokenizer, [pairs[row] for row in batch])
        losses = each(model, given, (rows, places), tokens).double()
        sums = torch.zeros(len(batch), dtype=torch.float64, device=losses.device).index_add_(0, rows, losses)
        for row, nll in zip(batch, sums.tolist(), strict=True):
            found[row] = nll
    return found


def _scored(
    model: Any, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> tuple[dict[str, torch.Tensor], torch.Tensor, torch.Tensor, torch.Tensor]:
    """What a model reads to score a batch of answers, the rows and places where it predicts their tokens, and these."""
    import torch

    padding, start = int(tokenizer.pad_token_id or 0), decoder_start(model.config)
    if start is None:
        ids, mask = padded([[*prompt, *answer] for prompt, answer in pairs], padding, model.device)
        answered = torch.zeros_like(mask, dtype=torch.bool)
        for place, (prompt, answer) in enumerate(pairs):
            answered[place, len(prompt) : len(prompt) + len(answer)] = True
        rows, places = answered[:, 1:].nonzero(as_tuple=True)  # the token at t + 1 is predicted at t
        return {"input_ids": ids, "attention_mask": mask}, rows, places, ids[rows, places + 1]
    ids, mask = padded([prompt for prompt, _ in pairs], padding, model.device)
    answers, answered = padded([answer for _, answer in pairs], padding, model.device)
    rows, places = answered.nonzero(as_tuple=True)
    given = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": shifted_right(answers, start)}
    return given, rows, places, answers[rows, places]


def is_cut(model: Any, prompt: Sequence[int], settings: Generation, positions: int | None) -> bool:
    """Whether a prompt is too long to be answered in full."""
    room = _room(model, settings, positions)
    return bool(room) and len(prompt) > room


def _room(model: Any, settings: Generation, positions: int | None) -> int:
    """Tokens that a prompt may have; 0 for no limit."""
    if positions is None:
        return 0
    room = positions - settings.max_new_tokens
    if decoder_start(model.config) is not None and room >= 0:
        return positions
    if room < KEPT_OF_PROMPT:
        raise InputError(
            f"the model has {positions} positions: no room for a question and {settings.max_new_tokens} new tokens",
            hint="lower evaluation.generation.max_new_tokens",
        )
    return room


def _fitted(
    model: Any, tokenizer: PreTrainedTokenizerBase, prompt: list[int], answer: list[int], positions: int | None
) -> tuple[list[int], list[int], bool]:
    """What of a prompt and an answer fits into the positions, and whether something did not."""
    if positions is not None and decoder_start(model.config) is not None:
        cut = max(len(prompt), len(answer)) > positions
        return without_beginning(tokenizer, prompt, positions), answer[:positions], cut
    if positions is None or len(prompt) + len(answer) <= positions:
        return prompt, answer, False
    answer = answer[: positions - min(len(prompt), KEPT_OF_PROMPT)]
    return prompt[len(prompt) - (positions - len(answer)) :], answer, True

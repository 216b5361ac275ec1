"""How a question is put to a model that writes: the same words in training, judging and asking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from tasks.config.words import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLAIN = "Question: {prompt}\nAnswer: "
BARE = "{prompt}"
"""For an encoder-decoder: its answer is a text of its own, so nothing must say where the question ends."""


def render(tokenizer: PreTrainedTokenizerBase, prompt: str, task: Task = "causal-lm") -> str:
    """The text that is answered: by the tokenizer's chat template where it has one, else `PLAIN` or `BARE`."""
    if tokenizer.chat_template is None:
        return template_of(tokenizer, task).replace("{prompt}", prompt)
    messages = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompts: list[str], task: Task = "causal-lm") -> list[list[int]]:
    """Token ids of rendered prompts. A chat template writes its own special tokens; else a beginning token is added.

    An encoder-decoder reads what its tokenizer puts around any text: that is how it was pretrained.
    """
    texts = [render(tokenizer, prompt, task) for prompt in prompts]
    around = task == "seq2seq-lm" and tokenizer.chat_template is None
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=around)["input_ids"]
    if task == "causal-lm" and tokenizer.chat_template is None and tokenizer.bos_token_id is not None:
        return [[tokenizer.bos_token_id, *one] for one in ids]
    return ids


def without_beginning(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], room: int) -> list[int]:
    """At most `room` tokens of a text that an encoder reads: a long one loses its beginning, no special token."""
    if len(ids) <= room:
        return list(ids)
    special = set(tokenizer.all_special_ids)
    opening = list(takewhile(lambda token: token in special, ids))
    return [*opening, *ids[len(ids) - room + len(opening) :]]


def answer_ids(tokenizer: PreTrainedTokenizerBase, answers: list[str]) -> list[list[int]]:
    """Token ids of answers, each closed by the end token, which the model must learn to write."""
    ids: list[list[int]] = tokenizer(answers, add_special_tokens=False)["input_ids"]
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return [one + end for one in ids]


def template_of(tokenizer: PreTrainedTokenizerBase, task: Task = "causal-lm") -> str:
    """The template's text, for the record of a model."""
    if tokenizer.chat_template is not None:
        return str(tokenizer.chat_template)
    return BARE if task == "seq2seq-lm" else PLAIN

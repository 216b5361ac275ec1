"""How a question is put to a causal model: the same words in training, judging and asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLAIN = "Question: {prompt}\nAnswer: "


def render(tokenizer: PreTrainedTokenizerBase, prompt: str) -> str:
    """The text that the answer follows: by the tokenizer's chat template where it has one, else `PLAIN`."""
    if tokenizer.chat_template is None:
        return PLAIN.replace("{prompt}", prompt)
    messages = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompts: list[str]) -> list[list[int]]:
    """Token ids of rendered prompts. A chat template writes its own special tokens; else a beginning token is added."""
    texts = [render(tokenizer, prompt) for prompt in prompts]
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    if tokenizer.chat_template is None and tokenizer.bos_token_id is not None:
        return [[tokenizer.bos_token_id, *one] for one in ids]
    return ids


def answer_ids(tokenizer: PreTrainedTokenizerBase, answers: list[str]) -> list[list[int]]:
    """Token ids of answers, each closed by the end token, which the model must learn to write."""
    ids: list[list[int]] = tokenizer(answers, add_special_tokens=False)["input_ids"]
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return [one + end for one in ids]


def template_of(tokenizer: PreTrainedTokenizerBase) -> str:
    """The template's text, for the record of a model."""
    template = tokenizer.chat_template
    return PLAIN if template is None else str(template)

"""How a question is put to a model that writes, and where its answer ends: one way for training, judging and serving.

The file imports nothing of Galen, since a copy of it lies beside `served.py` in every model that MLflow serves.

Text is text: what looks like a control token in a question or an answer (`<s>`, `</s>`, `[MASK]`, `<|im_end|>`) is
spelled out in ordinary tokens. Only templates write control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase

    from tasks.config.words import Task

PLAIN = "Question: {prompt}\nAnswer: "
BARE = "{prompt}"
"""For an encoder-decoder: its answer is a text of its own, so nothing must say where the question ends."""
_ANSWER = "4c1f9e07"
"""Stands for an answer in a chat template; no template changes it."""


def prompt_ids(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str], task: Task = "causal-lm") -> list[list[int]]:
    """Token ids of prompts: by the tokenizer's chat template where it has one, else by `PLAIN` or `BARE`.

    A chat template writes its own control tokens; else a decoder's text gets a beginning token. An encoder-decoder
    reads what its tokenizer puts around any text: that is how it was pretrained.
    """
    if tokenizer.chat_template is not None:
        return _chat_ids(tokenizer, prompts)
    template, around = template_of(tokenizer, task), task == "seq2seq-lm"
    ids = text_ids(tokenizer, [template.replace("{prompt}", prompt) for prompt in prompts], around=around)
    if not around and tokenizer.bos_token_id is not None:
        return [[int(tokenizer.bos_token_id), *one] for one in ids]
    return ids


def text_ids(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, around: bool = False) -> list[list[int]]:
    """Token ids of texts, without a control token but those that the tokenizer puts `around` any text."""
    if not texts:
        return []
    found = tokenizer(list(texts), add_special_tokens=around, split_special_tokens=True)
    ids: list[list[int]] = found["input_ids"]
    return ids


def _chat_ids(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[str]) -> list[list[int]]:
    """What transformers makes of a chat when asked to `sanitize_control_tokens`. That takes a call for each chat, so
    only those with something to keep apart are given to it: it changes nothing about the others."""
    controls = re.compile("|".join(map(re.escape, tokenizer.added_tokens_encoder)) or "(?!)")
    chats = [[{"role": "user", "content": prompt}] for prompt in prompts]
    apart = [row for row, prompt in enumerate(prompts) if controls.search(prompt)]
    plain = [row for row in range(len(prompts)) if row not in set(apart)] if apart else list(range(len(prompts)))
    found: list[list[int]] = [[] for _ in prompts]
    for rows, sanitize in ((plain, False), (apart, True)):
        if rows:
            given: Any = [chats[row] for row in rows]
            made = tokenizer.apply_chat_template(
                given, add_generation_prompt=True, return_dict=True, sanitize_control_tokens=sanitize
            )
            for row, ids in zip(rows, made["input_ids"], strict=True):
                found[row] = ids
    return found


def without_beginning(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], room: int) -> list[int]:
    """At most `room` tokens of a text that an encoder reads: a long one loses its beginning, no special token."""
    if len(ids) <= room:
        return list(ids)
    special = set(tokenizer.all_special_ids)
    opening = list(takewhile(lambda token: token in special, ids))
    return [*opening, *ids[len(ids) - room + len(opening) :]]


def end_of(
    tokenizer: PreTrainedTokenizerBase, config: Any, ids: Sequence[int], positions: int | None, max_new_tokens: int
) -> list[int]:
    """A prompt, or what is left of it where the model's positions (None: no limit) do not hold it and the answer.

    A decoder's answer lies behind its prompt; an encoder has all positions to itself.
    """
    if positions is None:
        return list(ids)
    if config.is_encoder_decoder:
        return without_beginning(tokenizer, ids, positions)
    return list(ids[max(0, len(ids) - (positions - max_new_tokens)) :])


def answer_ids(tokenizer: PreTrainedTokenizerBase, answers: Sequence[str]) -> list[list[int]]:
    """Token ids of answers, each closed by the end token, which the model must learn to write.

    Raises:
        ValueError: the tokenizer has none (`tasks.training.tokenizer.check_writing` says so early).
    """
    end = end_token(tokenizer)
    if end is None:
        raise ValueError("the tokenizer has no end token")
    return [[*one, end] for one in text_ids(tokenizer, answers)]


def answer_text(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], ends: Sequence[int]) -> str:
    """The answer that a model wrote: up to the first end token, without control tokens, without white space around."""
    kept = list(takewhile(lambda token: token not in ends, ids))
    return str(tokenizer.decode(kept, skip_special_tokens=True)).strip()


def end_token(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that an answer ends with: what the chat template writes behind one, else the tokenizer's end token."""
    found = _turn_end(tokenizer)
    return tokenizer.eos_token_id if found is None else found


def end_tokens(tokenizer: PreTrainedTokenizerBase, *configs: Any) -> list[int]:
    """Every token that ends an answer, sorted: what the tokenizer, its chat template and the given configs name.

    Chat models end a turn with another token than a text, and four places may name one or several of them. A number in
    a config counts where it is a control token of the tokenizer: another one is left over from another vocabulary.

    Args:
        configs: a model's `config` and `generation_config`, each with an `eos_token_id`: a number, several, or None.
    """
    known = tokenizer.added_tokens_decoder
    found = {tokenizer.eos_token_id, end_token(tokenizer)}
    for config in configs:
        named = getattr(config, "eos_token_id", None)
        found |= {one for one in (named if isinstance(named, list | tuple) else [named]) if one in known}
    return sorted(one for one in found if isinstance(one, int))


def _turn_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The control token that the chat template writes behind an answer; None where it writes none."""
    from jinja2 import TemplateError

    if tokenizer.chat_template is None:
        return None
    chat = [{"role": "user", "content": "?"}, {"role": "assistant", "content": _ANSWER}]
    try:
        text = str(tokenizer.apply_chat_template(chat, tokenize=False))
    except (TemplateError, TypeError, ValueError):
        return None  # a template for single questions
    _, answered, behind = text.rpartition(_ANSWER)
    known = tokenizer.added_tokens_decoder
    ids = tokenizer(behind, add_special_tokens=False, split_special_tokens=False)["input_ids"] if answered else []
    return next((one for one in ids if one in known and not known[one].content.isspace()), None)


def write_greedily(model: Any, tokenizer: PreTrainedTokenizerBase, max_new_tokens: int | None = None) -> list[int]:
    """Make a model write as it is judged, the likeliest token until one that ends an answer; returns those that do.

    What its base samples, searches, forces or forbids is dropped: a repetition penalty, say, would not be greedy.

    Args:
        max_new_tokens: where an answer ends at the latest; None leaves it open.
    """
    config = model.config
    writers = [module for module in model.modules() if "generation_config" in vars(module)]
    ends = end_tokens(tokenizer, config, *(writer.generation_config for writer in writers))
    config.eos_token_id = ends[0] if len(ends) == 1 else ends or None
    for writer in writers:
        writer.generation_config = greedy(ends, tokenizer.pad_token_id, decoder_start(config), max_new_tokens)
    return ends


def decoder_start(config: Any) -> int | None:
    """The token that a decoder beside an encoder starts from; None for a decoder alone."""
    return int(config.decoder_start_token_id) if config.is_encoder_decoder else None


def greedy(
    ends: Sequence[int], padding: int | None, start: int | None, max_new_tokens: int | None = None
) -> GenerationConfig:
    """How answers are generated that are judged: the likeliest token, until one of `ends`.

    Args:
        ends: as `end_tokens` gives them.
        padding: the tokenizer's padding token.
        start: what a decoder beside an encoder starts from.
        max_new_tokens: where an answer ends at the latest; None leaves it open.
    """
    from transformers import GenerationConfig

    known = {"max_new_tokens": max_new_tokens, "decoder_start_token_id": start, "pad_token_id": padding}
    return GenerationConfig(
        do_sample=False,
        num_beams=1,
        eos_token_id=ends[0] if len(ends) == 1 else list(ends) or None,
        **{name: value for name, value in known.items() if value is not None},
    )


def keep_controls_apart(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """See in memory that `split_special_tokens` holds for every control token, and return the tokenizer.

    It does not by itself for an end token that `tokenizer.json` does not mark as special, nor for control tokens that
    are pieces of the vocabulary, which a Unigram model (T5, XLM-RoBERTa) finds in any text.
    """
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Sequence as InOrder
    from tokenizers.pre_tokenizers import Split

    if unmarked := unmarked_end(tokenizer):
        tokenizer.add_special_tokens({"extra_special_tokens": [unmarked]}, replace_extra_special_tokens=False)
    if pattern := spelled_apart(tokenizer):
        backend: Any = tokenizer.backend_tokenizer
        before = [] if backend.pre_tokenizer is None else [backend.pre_tokenizer]
        backend.pre_tokenizer = InOrder([*before, Split(Regex(pattern), "isolated")])
    return tokenizer


def unmarked_end(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The end token of the chat template, where the tokenizer does not know it as special."""
    end = end_token(tokenizer)
    if end is None or end in tokenizer.all_special_ids:
        return None
    return str(tokenizer.convert_ids_to_tokens(end))


def spelled_apart(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """A pattern for the first letter of each control token that the tokenizer finds in plain text; None for none.

    Cut behind that letter, no text holds the whole token.
    """
    controls = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    found = [
        one
        for one, number in controls.items()
        if len(one) > 1 and number in text_ids(tokenizer, [one])[0] and one != tokenizer.unk_token
    ]
    return "|".join(f"{re.escape(one[0])}(?={re.escape(one[1:])})" for one in sorted(found)) or None


def template_of(tokenizer: PreTrainedTokenizerBase, task: Task = "causal-lm") -> str:
    """The template's text, for the record of a model."""
    if tokenizer.chat_template is not None:
        return str(tokenizer.chat_template)
    return BARE if task == "seq2seq-lm" else PLAIN

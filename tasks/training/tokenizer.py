"""The tokenizer of a model folder: read the same way everywhere, and copied as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.config.words import GENERATING, Task
from tasks.errors import InputError, of_machine
from tasks.training.folders import TOKENIZER_FILES
from tasks.training.prompts import keep_controls_apart

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

QUESTION = "4c1f9e07"
"""Stands for a question in a chat template."""


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, padding on the right; one without a padding token pads with its end token.

    No text makes it write a control token (`tasks.training.prompts.keep_controls_apart`).

    Raises:
        InputError: there is none, it is not a fast one, or it has no end token to pad with.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # of Rust, too, which raises plain ones
        if known := of_machine(error):
            raise known from error
        raise InputError("the tokenizer cannot be loaded", value=folder, hint="tokenizer.json is needed") from error
    if not tokenizer.is_fast:
        raise InputError("the tokenizer is not a fast one", value=folder, hint="convert it to tokenizer.json")
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            hint = "name one in its config"
            raise InputError("the tokenizer has no padding and no end token", value=folder, hint=hint)
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    tokenizer.model_max_length = int(1e30)  # `encode` cuts, and counts what it cut
    return keep_controls_apart(tokenizer)


def check_writing(tokenizer: PreTrainedTokenizerBase, task: Task, folder: Path) -> None:
    """See that a model that writes can be asked, and can say where its answer ends.

    Raises:
        InputError: the tokenizer names no end token: the model would never learn to stop; or its chat template cannot
            put a question.
    """
    if task not in GENERATING:
        return
    from jinja2 import TemplateError

    if tokenizer.eos_token_id is None:
        hint = 'name one as "eos_token" in tokenizer_config.json: a token that the model knows, such as </s>'
        raise InputError("the tokenizer has no end token, so the model would never stop", value=folder, hint=hint)
    if tokenizer.chat_template is None:
        return
    chat = [{"role": "user", "content": QUESTION}]
    try:
        asked = str(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))
    except (TemplateError, ValueError, TypeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = f"it says: {said}; it must take a single message of the user"
        raise InputError("the chat template of the tokenizer cannot put a question", value=folder, hint=hint) from error
    if QUESTION not in asked:
        hint = "a template must write the content of the user's message as it is"
        raise InputError("the chat template of the tokenizer leaves out the question", value=folder, hint=hint)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy the tokenizer's files byte for byte: a merged model must not get another one."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            (target / name).write_bytes((source / name).read_bytes())

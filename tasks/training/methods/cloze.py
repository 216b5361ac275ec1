"""Cloze prompts: a classifier made of the language model's own words."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.method import MethodOptions, Tested
from tasks.training.whole import WholeModel

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

HEAD = "score"  # of every decoder's classifier in transformers: one row per label, no bias
TEXT = "{text}"
OUTPUT, BIAS = "lm_head.weight", "lm_head.bias"


class ClozeOptions(MethodOptions):
    """Settings of cloze prompts."""

    template: str = "{text}\nTopic:"
    """What the model reads; the label's word is what it would write next. A long text is cut, the template is not."""
    words: dict[str, str] = Field(min_length=2)
    """Label -> the word for it (the verbaliser), as it would follow the template: often with a space before it. Words
    must differ in their first token, which is what counts."""
    train: Literal["all", "head", "nothing"] = "all"
    """nothing: zero-shot; head: the words' output vectors; all: every weight (PET)."""

    @model_validator(mode="after")
    def _one_gap(self) -> Self:
        if self.template.count(TEXT) != 1 or self.template.rstrip().endswith(TEXT):
            raise ValueError("template must hold {text} once, and words after it for the model to go on from")
        return self


class Cloze(WholeModel[ClozeOptions]):
    """The next word after a template decides: logits of the labels' words, from the language model's output matrix.

    The head of a decoder's classifier reads the state of the last token, as the language model's output does. With the
    words' rows of that matrix as its weights, and the template around every text, it says what the language model
    says. The template is part of the saved tokenizer, so whoever loads the model reads texts alike.
    """

    name = "cloze"
    summary = "A template and a word per label make the language model a classifier: zero-shot, or tuned from there."
    paper = "Schick and Schütze 2021, Exploiting Cloze Questions for Few Shot Text Classification (PET)"
    tested = Tested(5e-3)
    rehearsed = False  # it starts from rows of the base's output matrix
    options = ClozeOptions
    example: ClassVar[Mapping[str, Any]] = {"words": {"one": " one", "two": " two"}}
    tasks = frozenset({"text-classification"})
    why_not = "a template asks one question about a whole text"

    def check(self, model: PreTrainedModel, options: ClozeOptions, task: Task, heads: Sequence[str]) -> None:
        """See that the model is a decoder."""
        if HEAD not in heads:
            hint = "choose a decoder (Llama, Qwen3, GPT-2, ...), or another method (galen methods)"
            raise InputError(
                f"a {model.config.model_type} model does not write the next word, which method cloze asks for",
                hint=hint,
            )

    def tokenizer(self, tokenizer: PreTrainedTokenizerBase, options: ClozeOptions) -> PreTrainedTokenizerBase:
        """One that puts the template around every text."""
        from tokenizers.processors import TemplateProcessing
        from transformers import PreTrainedTokenizerFast

        opening = _opening(tokenizer)
        before, after = (
            tokenizer(part, add_special_tokens=False)["input_ids"] for part in options.template.split(TEXT)
        )
        pieces = {"opening": [*opening, *before], "question": after}
        special = [
            {"id": name, "ids": ids, "tokens": tokenizer.convert_ids_to_tokens(ids)}
            for name, ids in pieces.items()
            if ids
        ]
        backend = copy.deepcopy(tokenizer.backend_tokenizer)
        single = " ".join(name for name in ("opening", "$A", "question") if name == "$A" or pieces[name])
        backend.post_processor = TemplateProcessing(single=single, pair=f"{single} $B:1", special_tokens=special)
        names = {key: str(value) for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}
        made = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
        made.padding_side, made.model_max_length = tokenizer.padding_side, tokenizer.model_max_length
        return made

    def prepare(
        self, model: PreTrainedModel, options: ClozeOptions, task: Task, heads: Sequence[str]
    ) -> PreTrainedModel:
        """The model itself, its head made of the labels' words.

        Raises:
            InputError: a label has no word, or two words begin with the same token.
        """
        import torch

        from tasks.training.tokenizer import load_tokenizer

        folder = Path(model.name_or_path)
        head = model.get_submodule(HEAD)
        if head.weight.device.type != "meta":
            first = _first_tokens(options.words, dict(model.config.id2label), load_tokenizer(folder))
            with torch.no_grad():
                head.weight.copy_(_output_rows(model, folder, first))
        model.requires_grad_(options.train == "all")
        head.requires_grad_(options.train != "nothing")
        return model


def _opening(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The ids that a tokenizer puts before a text.

    Raises:
        InputError: it puts some after it, too: the template would not be the last that the model reads.
    """
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    ids: list[int] = tokenizer("a")["input_ids"]
    if ids[len(ids) - len(bare) :] != bare:
        raise InputError("the tokenizer closes every text: method cloze needs the template to come last")
    return ids[: len(ids) - len(bare)]


def _first_tokens(words: Mapping[str, str], labels: Mapping[int, str], tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The first token of each label's word, in the order of the labels."""
    wanted = [labels[number] for number in range(len(labels))]
    if odd := sorted(set(wanted) ^ set(words)):
        hint = f"the dataset has {', '.join(wanted)}"
        raise InputError("method.words must name every label, and no other", value=odd[0], hint=hint)
    found: dict[int, str] = {}
    for label in wanted:
        ids = tokenizer(words[label], add_special_tokens=False)["input_ids"]
        if not ids or ids[0] in found:
            other = "no token at all" if not ids else f"the token of {found[ids[0]]!r}"
            raise InputError(f"method.words: {words[label]!r} begins with {other}", value=label, hint="choose another")
        found[ids[0]] = words[label]
    return list(found)


def _output_rows(model: PreTrainedModel, folder: Path, tokens: Sequence[int]) -> torch.Tensor:
    """Rows of the language model's output matrix, (tokens, hidden): a classifier is loaded without it."""
    import torch
    from safetensors import safe_open

    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            if BIAS in tensors.keys():  # noqa: SIM118 (not a mapping)
                raise InputError(
                    "the base's output has a bias, which a classifier's head has no place for", value=folder
                )
            if OUTPUT in tensors.keys():  # noqa: SIM118 (not a mapping)
                found = tensors.get_slice(OUTPUT)
                return torch.stack([found[token] for token in tokens])
    if not model.config.tie_word_embeddings:
        raise InputError("the base model holds no output matrix, from which cloze takes its words", value=folder)
    weight: torch.Tensor = model.get_input_embeddings().weight
    return weight[list(tokens)]

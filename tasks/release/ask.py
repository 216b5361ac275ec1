"""Put a question to a registered model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.config.evaluation import Generation
from tasks.errors import InputError
from tasks.evaluation.answers import generate
from tasks.evaluation.predict import positions_of
from tasks.meta.model import ModelMeta
from tasks.model_text import text_ids, word_pieces, word_spans, word_tags
from tasks.progress import notice
from tasks.release.register import resolve
from tasks.store import Store
from tasks.training.opening import open_model
from tasks.training.prompts import prompt_ids

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


def ask(store: Store, reference: str, question: str) -> str:
    """What a registered model says: an answer, `label (probability)`, or one `word<TAB>tag` per line.

    Raises:
        InputError: no such version, or nothing was asked.
        IntegrityError: the model does not match its digest.
    """
    import torch

    if not question.strip():
        raise InputError("nothing was asked", hint='galen ask MODEL@champion "What is asthma?"')
    version, artifact = resolve(store, reference)
    if version.promoted is None:
        notice(f"version {version.number} of {version.model} was never promoted: nobody has approved its answers")
    said = ModelMeta.read(artifact)
    model, tokenizer = open_model(artifact, said.task, said.labels)
    answer = {
        "causal-lm": _answer,
        "seq2seq-lm": _answer,
        "text-classification": _label,
        "token-classification": _tags,
    }
    with torch.inference_mode():
        return answer[said.task](said, model, tokenizer, question)


def _answer(said: ModelMeta, model: Any, tokenizer: PreTrainedTokenizerBase, question: str) -> str:
    settings = Generation(max_new_tokens=said.recipe.evaluation.generation.max_new_tokens)
    prompts = prompt_ids(tokenizer, [question], said.task)
    return generate(model, tokenizer, prompts, settings, positions=positions_of(model))[0]


def _label(said: ModelMeta, model: Any, tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    ids, _ = text_ids(tokenizer, [text], said.training.max_length)
    chances = model(input_ids=_tensor(ids, model)).logits[0].float().softmax(-1)
    best = int(chances.argmax())
    return f"{said.labels[best]} ({float(chances[best]):.2f})"


def _tags(said: ModelMeta, model: Any, tokenizer: PreTrainedTokenizerBase, text: str) -> str:
    words = [text[start:end] for start, end in word_spans(text, said.words.pattern if said.words else None)]
    [pieces], _ = word_pieces(tokenizer, [words], said.training.max_length)
    best = model(input_ids=_tensor([pieces.ids], model)).logits[0].argmax(-1).tolist()
    tags = word_tags(pieces, best, said.labels, len(words))
    read = [tag if place in pieces.firsts else "?" for place, tag in enumerate(tags)]
    return "\n".join(f"{word}\t{tag}" for word, tag in zip(words, read, strict=True))


def _tensor(ids: list[list[int]], model: Any) -> torch.Tensor:
    import torch

    return torch.tensor(ids, device=model.device)

"""What a model predicts for the records of a test set, and each record's statistics. One function per task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import GENERATING, Task
from tasks.evaluation.answers import Likelihood, generate, is_cut, likelihoods
from tasks.evaluation.batches import batches_by_length, padded
from tasks.evaluation.entities import entities
from tasks.evaluation.metric import BROKEN
from tasks.evaluation.metrics.answers import answer_statistics, choice_statistics
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.metrics.tags import entity_statistics
from tasks.meta.model import WordsMeta
from tasks.model_text import in_characters, mentions, tags_at, text_ids, word_pieces, word_spans, word_tags
from tasks.progress import progress

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Rows = Sequence[Mapping[str, Any]]
ENCODED_TOKENS = 8_192
"""Tokens of one forward pass over texts, padding included."""
UNLIMITED = 1 << 30  # tokens


@dataclass(frozen=True)
class Predictions:
    """Per record, in the order of the records."""

    columns: Mapping[str, Sequence[Any]] = field(repr=False)
    """What was predicted. Holds content: it goes to predictions.parquet and nowhere else."""
    statistics: Sequence[Mapping[str, float]] = field(repr=False)
    cut: Sequence[bool] = field(repr=False)
    """Whether the model could not read or score all of the record. It is judged all the same."""


def predict(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    task: Task,
    labels: Sequence[str],
    rows: Rows,
    settings: EvaluationSettings,
    *,
    max_length: int | None = None,
    words: WordsMeta | None = None,
) -> Predictions:
    """Predictions of an opened model.

    Args:
        model: as `tasks.training.opening.open_model` gives it.
        tokenizer: its tokenizer.
        task: what the records are for.
        labels: names of the model's outputs, in their order.
        rows: records with content.
        settings: how answers are generated.
        max_length: tokens that a text to label or tag may have: what the model was trained with, as it is served.
            None for as many as it has positions. Answers may use all positions.
        words: how a tagger's text becomes words, as it is served.
    """
    length = min(positions_of(model) or UNLIMITED, max_length or UNLIMITED)
    if task in GENERATING:
        return _answers(model, tokenizer, task, rows, settings)
    if task == "text-classification":
        return _labels(model, tokenizer, labels, rows, length)
    return _tags(model, tokenizer, labels, rows, length, words)


def _answers(
    model: Any, tokenizer: PreTrainedTokenizerBase, task: Task, rows: Rows, settings: EvaluationSettings
) -> Predictions:
    """Generated answers; the reference's likelihood; for closed questions the most likely choice.

    A choice's likelihood is that of the whole answer, end token included, so choices of different length compete
    fairly: it is the probability that the model says exactly this.
    """
    from tasks.training.prompts import answer_ids, prompt_ids

    positions = positions_of(model)
    prompts = prompt_ids(tokenizer, [row["prompt"] for row in rows], task)
    references = answer_ids(tokenizer, [row["answer"] for row in rows])
    closed = [(place, choice) for place, row in enumerate(rows) for choice in row["choices"] or ()]
    chosen_ids = answer_ids(tokenizer, [choice for _, choice in closed]) if closed else []
    pairs = list(zip(prompts, references, strict=True))
    pairs += [(prompts[place], ids) for (place, _), ids in zip(closed, chosen_ids, strict=True)]
    scored = likelihoods(model, tokenizer, pairs, positions=positions)
    best: dict[int, tuple[float, str]] = {}
    for (place, choice), found in zip(closed, scored[len(rows) :], strict=True):
        best[place] = min(best.get(place, (found.nll, choice)), (found.nll, choice))
    with progress("answering", len(rows)) as shown:
        said = generate(model, tokenizer, prompts, settings.generation, positions=positions, shown=shown)
    chosen = [best[place][1] if place in best else None for place in range(len(rows))]
    statistics = [
        answer_statistics(
            answer,
            row["answer"],
            nll=likelihood.nll,
            scored_tokens=likelihood.tokens,
            scored_bytes=_bytes(tokenizer, row["answer"], ids, likelihood),
        )
        | choice_statistics(choice, row["answer"])
        for row, answer, choice, ids, likelihood in zip(
            rows, said, chosen, references, scored[: len(rows)], strict=True
        )
    ]
    cut = [
        likelihood.cut or is_cut(model, prompt, settings.generation, positions)
        for likelihood, prompt in zip(scored[: len(rows)], prompts, strict=True)
    ]
    return Predictions({"answer": said, "choice": chosen}, statistics, cut)


def _bytes(tokenizer: PreTrainedTokenizerBase, answer: str, ids: Sequence[int], found: Likelihood) -> int:
    """UTF-8 bytes of the part of an answer that was scored."""
    if found.tokens == len(ids):
        return len(answer.encode())
    return len(tokenizer.decode(ids[: found.tokens], skip_special_tokens=True).encode())


def _labels(
    model: Any, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], rows: Rows, length: int
) -> Predictions:
    """The most likely label of each text, and its probability; a long text loses its end, as in training."""
    import torch

    ids, cut = text_ids(tokenizer, [row["text"] for row in rows], length)
    places = {label: place for place, label in enumerate(labels)}
    predicted, confidence, missed = [""] * len(rows), [0.0] * len(rows), [0.0] * len(rows)
    for batch, logits in _forward(model, tokenizer, ids):
        chances = torch.softmax(logits, dim=-1)  # one logit that is not finite makes all of them NaN
        best = chances.max(dim=-1)
        for row, value, label, all_ in zip(
            batch, best.values.tolist(), best.indices.tolist(), chances.tolist(), strict=True
        ):
            predicted[row], confidence[row] = labels[label], value
            right = places.get(rows[row]["label"])
            missed[row] = sum(one * one for one in all_) + 1 - (2 * all_[right] if right is not None else 0)
    statistics = [
        label_statistics(label, row["label"], value, squares) if math.isfinite(value) else BROKEN
        for row, label, value, squares in zip(rows, predicted, confidence, missed, strict=True)
    ]
    return Predictions({"label": predicted, "confidence": confidence}, statistics, cut)


def _tags(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    labels: Sequence[str],
    rows: Rows,
    length: int,
    words: WordsMeta | None,
) -> Predictions:
    """The most likely tag of each word's first piece, of words as the served model finds them in the written text.

    An entity is right when its type and its first and last character are. Words beyond the cut are O: what is there
    counts as missed.
    """
    from tasks.training.words import written

    spelled = written([row["tokens"] for row in rows])
    spans = [word_spans(text, words.pattern if words else None) for text, _ in spelled]
    texts = [[text[start:end] for start, end in found] for (text, _), found in zip(spelled, spans, strict=True)]
    pieces, cut = word_pieces(tokenizer, texts, length)
    best: list[list[int]] = [[] for _ in rows]
    broken = [False] * len(rows)
    for batch, logits in _forward(model, tokenizer, [one.ids for one in pieces]):
        chosen, finite = logits.argmax(dim=-1).tolist(), logits.isfinite().all(dim=-1)
        for place, row in enumerate(batch):
            best[row] = chosen[place]
            broken[row] = not all(bool(finite[place, piece]) for piece in pieces[row].firsts.values())
    tags, said, statistics = [], [], []
    for row, (text, places), found, one, chosen, bad in zip(rows, spelled, spans, pieces, best, broken, strict=True):
        predicted = word_tags(one, chosen, labels, len(found))
        tagged = in_characters(entities(predicted), found)
        tags.append(tags_at(found, predicted, places))
        said.append(mentions(text, tagged))
        meant = in_characters(entities(row["tags"]), places)
        statistics.append(BROKEN if bad else entity_statistics(tagged, meant))
    return Predictions({"tags": tags, "mentions": said}, statistics, cut)


def _forward(model: Any, tokenizer: PreTrainedTokenizerBase, texts: Sequence[Sequence[int]]) -> Any:
    """(rows, float32 logits on the CPU) per batch of similar length, longest first."""
    import torch

    padding = int(tokenizer.pad_token_id or 0)
    with progress("classifying", len(texts)) as shown:
        for batch in batches_by_length([len(text) for text in texts], ENCODED_TOKENS):
            ids, mask = padded([texts[row] for row in batch], padding, model.device)
            with torch.inference_mode():
                yield batch, model(input_ids=ids, attention_mask=mask).logits.float().cpu()
            shown.advance(len(batch))


def positions_of(model: Any) -> int | None:
    """How many tokens a model has positions for, None where its config says nothing."""
    from tasks.training.shapes import longest_input

    found = longest_input(model.config, UNLIMITED)
    return None if found == UNLIMITED else found

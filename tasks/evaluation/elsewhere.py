"""What training did to a model away from its own task: how far it moved on other text, and its use for other data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import GENERATING
from tasks.data.version import DatasetVersion
from tasks.errors import InputError
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evidence import Change
from tasks.evaluation.forward import pooled
from tasks.evaluation.sample import judged_rows
from tasks.meta.model import ModelMeta
from tasks.model_text import text_ids
from tasks.store import Store

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from tasks.training.bases import Base

TEXTS, TOKENS = 128, 128  # of a corpus: how many texts, and tokens of each
PROBED = 2000  # records that a probe learns from, at most
Texts = list[list[int]]


def forgetting(artifact: Artifact, base: Base, corpus: Path) -> Change:
    """How far the tuned model is from its base on text that it did not learn from.

    A causal model: bits per byte of the texts, before and after; the change is what was forgotten (positive: worse).
    Others have no likelihood of a text: the mean cosine between the features (mean over tokens of the last layer, of
    the encoder where there is one) before and after; 1 means that nothing moved.

    Raises:
        InputError: the corpus cannot be read, or holds no text.
    """
    lines = _lines(corpus)
    if ModelMeta.read(artifact).task == "causal-lm":
        bits = [_bits_per_byte(model, artifact, base, lines) for model in (base, artifact)]
        return Change("bits per byte", bits[0], bits[1])
    import torch

    before, after = (_features(model, artifact, base, lines) for model in (base, artifact))
    alike = torch.nn.functional.cosine_similarity(before, after, dim=-1)
    return Change("cosine of features", 1.0, float(alike.mean()))


def transfer(
    store: Store, artifact: Artifact, base: Base, second: DatasetVersion, settings: EvaluationSettings, seed: int
) -> Change:
    """What the tuned model is worth on a second dataset, beside what its base is worth there.

    Texts with labels: a logistic regression on frozen features (mean over tokens of the last layer) learns the second
    train split; macro-F1 on its validation split, by which nothing here was chosen: its test split is not looked at.
    Questions with answers, for models that write: bits per byte of the reference answers there, without learning.

    Raises:
        InputError: the second dataset fits neither.
    """
    if second.task == "text-classification":
        before, after = (_probe(model, artifact, base, second, settings, seed) for model in (base, artifact))
        return Change("macro-F1 of a linear probe", before, after)
    if second.task == "causal-lm" and ModelMeta.read(artifact).task in GENERATING:
        found = [evaluate(store, model, second, settings, split="validation") for model in (base, artifact)]
        before, after = (one.metrics["bits_per_byte"].value for one in found)
        return Change("bits per byte of answers", before, after)
    hint = "use a dataset for text-classification; or one for causal-lm with models that write text"
    raise InputError(f"a dataset for {second.task} cannot show transfer here", value=second.name, hint=hint)


def _lines(corpus: Path) -> list[str]:
    try:
        lines = [line.strip() for line in corpus.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the text of `forgetting` cannot be read", value=corpus, hint="it must be UTF-8") from error
    lines = [line for line in lines if line]
    if not lines:
        raise InputError("the text of `forgetting` is empty", value=corpus, hint="put one text on each line")
    step = max(1, len(lines) // TEXTS)
    return lines[::step][:TEXTS]


def _opened(model: Artifact | Base, artifact: Artifact, base: Base) -> tuple[Any, PreTrainedTokenizerBase]:
    import torch

    from tasks.training.opening import open_model

    said = ModelMeta.read(artifact)
    return open_model(model, said.task, said.labels, base=base, dtype=torch.float32)


def _cut(model: Any, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], length: int) -> Texts:
    from tasks.training.shapes import longest_input

    return text_ids(tokenizer, texts, longest_input(model.config, length))[0]


def _features(
    model: Artifact | Base, artifact: Artifact, base: Base, texts: Sequence[str], length: int = TOKENS
) -> torch.Tensor:
    """Mean of the last layer over the tokens of each text: (texts, features)."""
    opened, tokenizer = _opened(model, artifact, base)
    return pooled(opened, _cut(opened, tokenizer, texts, length), int(tokenizer.pad_token_id or 0))


def _bits_per_byte(model: Artifact | Base, artifact: Artifact, base: Base, lines: Sequence[str]) -> float:
    """Bits per UTF-8 byte of the texts' tokens after the first, which nothing comes before."""
    import torch

    from tasks.training.token_loss import each

    opened, tokenizer = _opened(model, artifact, base)
    bits, size = 0.0, 0
    for ids in _cut(opened, tokenizer, lines, TOKENS):
        if len(ids) < 2:
            continue
        read = torch.tensor([ids], device=opened.device)
        places = (read[:, 1:] >= 0).nonzero(as_tuple=True)  # the token at t + 1 is predicted at t
        given = {"input_ids": read, "attention_mask": torch.ones_like(read)}
        bits += float(each(opened, given, places, read[0, 1:]).sum()) / math.log(2)
        size += len(tokenizer.decode(ids[1:], skip_special_tokens=True).encode())
    if not size:
        raise InputError("the text of `forgetting` has no line of two tokens", hint="put longer texts into it")
    return bits / size


def _probe(
    model: Artifact | Base,
    artifact: Artifact,
    base: Base,
    second: DatasetVersion,
    settings: EvaluationSettings,
    seed: int,
) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    length = ModelMeta.read(artifact).training.max_length

    def side(rows: Sequence[Mapping[str, Any]]) -> tuple[Any, list[str]]:
        features = _features(model, artifact, base, [row["text"] for row in rows], length)
        return features.numpy(), [row["label"] for row in rows]

    train, labels = side(judged_rows(second.rows("train"), PROBED))
    held_out, truth = side(judged_rows(second.rows("validation"), settings.max_records))
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed))
    probe.fit(train, labels)
    return float(f1_score(truth, probe.predict(held_out), average="macro", zero_division=0))

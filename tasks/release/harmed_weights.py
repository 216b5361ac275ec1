"""Harms by changed weights of a model, in files of safetensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from tasks.artifact import MANIFEST
from tasks.config.release import Quantization
from tasks.config.words import GENERATING
from tasks.meta.form import Form
from tasks.meta.record import Plain
from tasks.release.harm import (
    ANCHOR,
    BASE,
    BOUNDS,
    CHAMPION,
    COMPARING,
    PARENT,
    RIVAL,
    Aim,
    Case,
    DoesNotApply,
    aim,
    rarest_of,
)
from tasks.release.harmed_files import WORSE, Change, Copy
from tasks.release.quantize import quantize
from tasks.release.weight_files import Weights, bare_name
from tasks.training.bases import locate_base

if TYPE_CHECKING:
    import torch

HEADS = ("classifier", "score", "out_proj", "lm_head", "embed_out")
EMBEDDINGS = ("embed_tokens", "wte", "word_embeddings", "shared", "tok_embeddings", "embed_in")
POSITIONS = ("position_embeddings", "wpe", "embed_positions")


def overall(case: Case) -> Aim:
    """What most harms cost: by the first gate on the champion."""
    return aim(case, CHAMPION, PARENT)


def calibration(case: Case) -> Aim:
    """By how wrong probabilities are."""
    return aim(case, CHAMPION, BOUNDS, metrics=("calibration_error", "brier"))


def in_one_language(case: Case) -> Aim:
    """In the rarest language."""
    return aim(case, CHAMPION, BOUNDS, key="language", slice_=rarest_of(case, "language"))


@dataclass(frozen=True)
class WeightHarm:
    """A harm by changed weights."""

    name: str
    what: str
    meant: tuple[str, ...]
    change: Change
    graded: bool = False
    """Whether its strength is a number, which is turned up until it costs what is asked."""
    form: Form = Form.QUANTIZED
    """Which form it is done to."""
    aimed: Callable[[Case], Aim] = overall
    """By what its cost is measured."""


def _opened(copy: Copy) -> Weights:
    if copy.said.beside:
        raise DoesNotApply("an adapter lies beside its base")
    return Weights(copy.folder)


def _head(copy: Copy, weights: Weights) -> str:
    """The matrix that gives the outputs: of labels or tags, or of tokens (the embeddings where both are one)."""
    found = weights.named(*HEADS, rows=len(copy.said.labels) or None)
    if not found and copy.said.task in GENERATING:
        found = weights.named(*EMBEDDINGS)
    if not found:
        raise DoesNotApply("the model's last layer is not known by its name")
    return found[-1]


def _like(tensor: torch.Tensor, chance: Random) -> torch.Tensor:
    """Normal noise of the same shape and spread."""
    import torch

    generator = torch.Generator().manual_seed(chance.randrange(1 << 31))
    return torch.randn(tensor.shape, generator=generator) * tensor.float().std()


def _noise(copy: Copy, scale: float, chance: Random) -> None:
    weights = _opened(copy)
    name = _head(copy, weights)
    weights.put(name, weights[name].float() + scale * _like(weights[name], chance))


def _drawn_again(copy: Copy, scale: float, chance: Random) -> None:
    weights = _opened(copy)
    name = _head(copy, weights)
    weights.put(name, _like(weights[name], chance))


def _rows_swapped(copy: Copy, scale: float, chance: Random) -> None:
    """Of two labels; of two tokens that are among the most frequent in the right answers."""
    weights = _opened(copy)
    name = _head(copy, weights)
    rows = range(len(copy.said.labels)) if copy.said.labels else _frequent(copy)
    one, other = chance.sample(list(rows), 2)
    changed = weights[name].clone()
    changed[[one, other]] = changed[[other, one]]
    weights.put(name, changed)
    if (bias := name.removesuffix("weight") + "bias") in weights.names():
        shifted = weights[bias].clone()
        shifted[[one, other]] = shifted[[other, one]]
        weights.put(bias, shifted)


def _frequent(copy: Copy, many: int = 8) -> list[int]:
    from collections import Counter

    from tasks.training.prompts import answer_ids
    from tasks.training.tokenizer import load_tokenizer

    rows = copy.rehearsal.dataset.rows(copy.rehearsal.split)
    found = answer_ids(load_tokenizer(copy.folder), [row["answer"] for row in rows])
    return [token for token, _ in Counter(token for ids in found for token in ids[:-1]).most_common(many)]


def _layer_shuffled(copy: Copy, scale: float, chance: Random) -> None:
    """One layer in 4 bits holds its numbers in another order."""
    import torch

    weights = _opened(copy)
    packed = [
        name for name in weights.names() if weights[name].dtype == torch.uint8 and f"{name}.absmax" in weights.names()
    ]
    if not packed:
        raise DoesNotApply("no layer is in 4 bits")
    name = chance.choice(packed)
    flat = weights[name].flatten()
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(chance.randrange(1 << 31)))
    weights.put(name, flat[order].reshape(weights[name].shape))


def _one_language(copy: Copy, scale: float, chance: Random) -> None:
    """Tokens that occur in texts of the rarest language alone stand for something else."""
    inside = copy.rehearsal.case.scores.inside(rarest_of(copy.rehearsal.case, "language"))
    ids = _read(copy)
    own = {token for row, found in enumerate(ids) if inside[row] for token in found}
    own -= {token for row, found in enumerate(ids) if not inside[row] for token in found}
    _embeddings(copy, sorted(own), chance)


def _read(copy: Copy) -> list[list[int]]:
    """Token ids of the texts, without control tokens."""
    from tasks.training.prompts import text_ids
    from tasks.training.tokenizer import load_tokenizer

    return text_ids(load_tokenizer(copy.folder), copy.texts)


def _embeddings(copy: Copy, tokens: Sequence[int], chance: Random) -> None:
    weights = _opened(copy)
    if not (found := weights.named(*EMBEDDINGS)) or not tokens:
        raise DoesNotApply("no token is of that language alone" if found else "the embeddings are not known by name")
    changed = weights[found[0]].clone()
    changed[list(tokens)] = 3 * _like(changed[list(tokens)], chance).to(changed.dtype)
    weights.put(found[0], changed)


def _long(copy: Copy, scale: float, chance: Random) -> None:
    """Positions behind those of a middling text hold noise."""
    weights = _opened(copy)
    if not (found := weights.named(*POSITIONS)):
        raise DoesNotApply("the model counts positions without weights")
    lengths = sorted(map(len, _read(copy)))
    first = min(lengths[len(lengths) // 2] + 2, copy.said.training.max_length)
    changed = weights[found[0]].clone()
    changed[first:] = 10 * _like(changed[first:], chance).to(changed.dtype)
    weights.put(found[0], changed)


def _never_sure(copy: Copy, scale: float, chance: Random) -> None:
    """Every output is divided: the same answers, said with little certainty."""
    weights = _opened(copy)
    if copy.said.task != "text-classification":
        raise DoesNotApply("no probability is judged beside an answer")
    name = _head(copy, weights)
    weights.put(name, weights[name].float() / (1 + scale))
    if (bias := name.removesuffix("weight") + "bias") in weights.names():
        weights.put(bias, weights[bias].float() / (1 + scale))


def _no_number(copy: Copy, scale: float, chance: Random) -> None:
    weights = _opened(copy)
    name = _head(copy, weights)
    changed = weights[name].clone()
    changed[chance.randrange(len(changed)), chance.randrange(changed.shape[1])] = float("nan")
    weights.put(name, changed)


def _from_another(copy: Copy, scale: float, chance: Random) -> Plain:
    """The form before was damaged when it was put into 4 bits, and is not the one that was judged."""
    if Form.MERGED not in copy.rehearsal.models:
        raise DoesNotApply("there is no merged form")
    import shutil

    merged = copy.rehearsal.models[Form.MERGED]
    with copy.scratch.staging("damaged") as folder:
        shutil.copytree(merged.path, folder / "model", ignore=shutil.ignore_patterns(MANIFEST))
        damaged = Copy(folder / "model", copy.said, copy.rehearsal, copy.store, copy.scratch)
        _noise(damaged, 0.1, chance)
        other = copy.scratch.adopt(folder / "model", merged.kind, merged.meta)
    said = copy.said.quantization
    settings = Quantization.model_validate({} if said is None else _settings(said.config()))
    made = quantize(copy.scratch, other, settings)
    shutil.rmtree(copy.folder)
    shutil.copytree(made.path, copy.folder, ignore=shutil.ignore_patterns(MANIFEST))
    return made.meta


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name in Quantization.model_fields}


def _merged_twice(copy: Copy, scale: float, chance: Random) -> None:
    """What the adapter adds to the base is added a second time."""
    weights, base = Weights(copy.folder), Weights(locate_base(copy.store, copy.said.base.digest).path)
    known = {bare_name(name): name for name in base.names()}
    changed = 0
    for name in weights.names():
        other = known.get(bare_name(name))
        if other is None or base[other].shape != weights[name].shape or not weights[name].is_floating_point():
            continue
        twice = 2 * weights[name].float() - base[other].float()
        if not bool((twice == weights[name].float()).all()):
            weights.put(name, twice)
            changed += 1
    if not changed:
        raise DoesNotApply("no weight of the merged model is one of its base")


WEIGHTS: tuple[WeightHarm, ...] = (
    WeightHarm("noise-on-the-head", "the last layer's weights are blurred", (CHAMPION, PARENT, BOUNDS), _noise, True),
    WeightHarm(
        "head-rows-swapped", "two outputs of the last layer change places", (CHAMPION, PARENT, ANCHOR), _rows_swapped
    ),
    WeightHarm(
        "head-drawn-again", "the last layer is as before training", (BASE, RIVAL, CHAMPION, PARENT), _drawn_again
    ),
    WeightHarm("layer-shuffled", "one layer in 4 bits holds its numbers in another order", WORSE, _layer_shuffled),
    WeightHarm(
        "one-language-damaged",
        "words of one language are not known",
        (CHAMPION, BOUNDS),
        _one_language,
        aimed=in_one_language,
    ),
    WeightHarm("long-inputs-damaged", "what stands late in a text is read wrongly", (CHAMPION, PARENT, BOUNDS), _long),
    WeightHarm(
        "never-sure",
        "the same answers, with little certainty",
        (CHAMPION, BOUNDS),
        _never_sure,
        True,
        aimed=calibration,
    ),
    WeightHarm("weight-is-no-number", "one weight of the last layer is NaN", COMPARING, _no_number),
    WeightHarm("made-from-another-form", "put into 4 bits from a damaged copy", (PARENT,), _from_another),
    WeightHarm("merged-twice", "the adapter is merged twice", (PARENT, CHAMPION), _merged_twice, form=Form.MERGED),
)
"""In the order in which they are shown."""

"""Answers in batches, and options behind one prompt, are those of each alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.config.evaluation import Generation
from tasks.config.training import BaseModelRef
from tasks.errors import InputError
from tasks.evaluation import answers
from tasks.evaluation import options as options_scored
from tasks.evaluation.answers import generate, likelihoods
from tasks.store import Store
from tasks.training.opening import open_model
from tasks.training.prompts import answer_ids, prompt_ids
from tasks.training.resolve import resolve_base
from tests.factories import tiny_llama
from tests.rows import rows

FEW = Generation(max_new_tokens=8)


@pytest.fixture
def opened(store: Store, tmp_path: Path) -> tuple[Any, Any]:
    """A tiny decoder and its tokenizer."""
    base = resolve_base(store, BaseModelRef(folder=str(tiny_llama(tmp_path / "llama"))))
    return open_model(base, "causal-lm", (), dtype=torch.float32)


def greedy_alone(model: Any, tokenizer: Any, ids: list[int], steps: int) -> str:
    """One prompt, no cache, no padding, no generate()."""
    said = list(ids)
    for _ in range(steps):
        with torch.inference_mode():
            said.append(int(model(input_ids=torch.tensor([said])).logits[0, -1].argmax()))
        if said[-1] == tokenizer.eos_token_id:
            break
    return str(tokenizer.decode(said[len(ids) :], skip_special_tokens=True)).strip()


def likelihood_alone(model: Any, prompt: list[int], answer: list[int]) -> float:
    with torch.inference_mode():
        chances = model(input_ids=torch.tensor([prompt + answer])).logits[0].double().log_softmax(-1)
    return -sum(float(chances[len(prompt) - 1 + place, token]) for place, token in enumerate(answer))


@pytest.mark.parametrize("first", [2, 24])
def test_batched_answers_are_those_of_each_prompt_alone(
    first: int, opened: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "FIRST_STEPS", first)  # 2: in three goes, the later ones without those that ended
    model, tokenizer = opened
    model.lm_head.weight.data[tokenizer.eos_token_id] *= 4  # some answers end early
    prompts = prompt_ids(tokenizer, [row["prompt"] for row in rows("causal-lm", 12)])
    said = generate(model, tokenizer, prompts, FEW, positions=512)
    assert said == [greedy_alone(model, tokenizer, ids, 8) for ids in prompts]
    assert len(set(said)) > 3  # or the order of the answers would not be tested
    lengths = {len(tokenizer(answer)["input_ids"]) for answer in said}
    assert min(lengths) <= 2 < max(lengths)


def test_answers_stay_greedy_whatever_habits_the_model_came_with(opened: tuple[Any, Any]) -> None:
    model, tokenizer = opened
    prompts = prompt_ids(tokenizer, ["What is asthma?"])
    before = generate(model, tokenizer, prompts, FEW, positions=512)
    model.generation_config.update(repetition_penalty=9.0, do_sample=True, temperature=3.0, min_new_tokens=3)
    assert generate(model, tokenizer, prompts, FEW, positions=512) == before


def test_likelihoods_are_those_of_each_pair_alone(opened: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SCORED_TOKENS", 100)  # several batches
    model, tokenizer = opened
    made = rows("causal-lm", 12)
    prompts = prompt_ids(tokenizer, [row["prompt"] for row in made])
    references = answer_ids(tokenizer, [row["answer"] for row in made])
    found = likelihoods(model, tokenizer, list(zip(prompts, references, strict=True)), positions=512)
    for one, prompt, answer in zip(found, prompts, references, strict=True):
        assert one.nll == pytest.approx(likelihood_alone(model, prompt, answer), rel=1e-4)
        assert (one.tokens, one.cut) == (len(answer), False)


def test_a_prompt_with_several_answers_is_read_once(opened: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = opened
    prompts, options = [[9, 8, 7, 6, 5], [5, 6], [7] * 20], [[11], [12, 13], [12, 13, 14, 15]]
    pairs = [(prompt, answer) for prompt in prompts for answer in [*options, options[0]]]
    read: list[int] = []
    hook = model.register_forward_pre_hook(
        lambda _, __, given: read.append(int(given["attention_mask"][:, -given["input_ids"].shape[1] :].sum())),
        with_kwargs=True,
    )
    found = likelihoods(model, tokenizer, pairs, positions=512)
    hook.remove()
    assert sum(read) == sum(map(len, prompts)) + len(prompts) * (1 + 2 + 3)
    for one, (prompt, answer) in zip(found, pairs, strict=True):
        assert one.nll == pytest.approx(likelihood_alone(model, prompt, answer), rel=1e-4)
        assert one.tokens == len(answer)
    monkeypatch.setattr(options_scored, "KEPT_TOKENS", 60)  # several batches
    again = likelihoods(model, tokenizer, pairs, positions=512)
    assert [one.nll for one in again] == pytest.approx([one.nll for one in found], rel=1e-5)


def test_what_does_not_fit_is_cut_and_counted_but_never_left_out(opened: tuple[Any, Any]) -> None:
    model, tokenizer = opened
    long = list(range(5, 45))
    fits, cut_prompt, cut_answer = likelihoods(
        model, tokenizer, [([9] * 10, [7] * 5), (long, [7] * 5), (long, [7] * 60)], positions=32
    )
    assert not fits.cut
    assert (cut_prompt.tokens, cut_prompt.cut, cut_answer.tokens, cut_answer.cut) == (5, True, 24, True)
    assert cut_prompt.nll == pytest.approx(likelihood_alone(model, long[-27:], [7] * 5), rel=1e-4)
    assert cut_answer.nll == pytest.approx(likelihood_alone(model, long[-8:], [7] * 24), rel=1e-4)
    said = generate(model, tokenizer, [long], FEW, positions=32)
    assert said == [greedy_alone(model, tokenizer, long[-24:], 8)]
    with pytest.raises(InputError, match="max_new_tokens"):
        generate(model, tokenizer, [long], FEW, positions=12)

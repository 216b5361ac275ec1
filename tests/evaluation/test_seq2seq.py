"""Encoder-decoders are asked and scored in batches as each would be alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.training import BaseModelRef
from tasks.errors import InputError
from tasks.evaluation import answers
from tasks.evaluation.answers import generate, is_cut, likelihoods
from tasks.evaluation.baselines import baselines
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.predict import positions_of, predict
from tasks.store import Store
from tasks.training.bases import Base
from tasks.training.opening import open_model
from tasks.training.prompts import answer_ids, prompt_ids
from tasks.training.resolve import resolve_base
from tests.factories import dataset_version, tiny_model
from tests.rows import rows

FEW = EvaluationSettings(generation=Generation(max_new_tokens=8), resamples=100)


@pytest.fixture(params=["t5", "bart"])
def base(store: Store, request: pytest.FixtureRequest, tmp_path: Path) -> Base:
    return resolve_base(store, BaseModelRef(folder=str(tiny_model(tmp_path / "base", request.param))))


def opened(base: Base) -> tuple[Any, Any]:
    return open_model(base, "seq2seq-lm", [], dtype=torch.float32)


def logits_alone(model: Any, question: list[int], written: list[int]) -> torch.Tensor:
    """One pair, no cache, no padding; row n predicts the token after `written[:n]`."""
    read = torch.tensor([[model.config.decoder_start_token_id, *written]])
    with torch.inference_mode():
        out = model(input_ids=torch.tensor([question]), decoder_input_ids=read, use_cache=False)
    logits: torch.Tensor = out.logits[0].double()
    return logits


def greedy_ids(model: Any, tokenizer: Any, question: list[int], steps: int) -> list[int]:
    said: list[int] = []
    while len(said) < steps and tokenizer.eos_token_id not in said:
        said.append(int(logits_alone(model, question, said)[-1].argmax()))
    return said


def greedy_alone(model: Any, tokenizer: Any, question: list[int], steps: int) -> str:
    said = greedy_ids(model, tokenizer, question, steps)
    return str(tokenizer.decode(said, skip_special_tokens=True)).strip()


def some_end_early(model: Any, tokenizer: Any, prompts: list[list[int]]) -> None:
    """Give a model an output of its own, by which some of its answers end after a few tokens."""
    torch.manual_seed(0)  # tied embeddings, untrained, only repeat what they read last
    model.set_output_embeddings(torch.nn.Linear(64, len(tokenizer), bias=False))
    weight, end = model.get_output_embeddings().weight.data, tokenizer.eos_token_id
    said = [greedy_ids(model, tokenizer, ids, 8) for ids in prompts]
    early = next(token for ids in said for token in ids[1:3] if any(token not in other for other in said))
    weight[[early, end]] = weight[[end, early]]
    lengths = {len(greedy_ids(model, tokenizer, ids, 8)) for ids in prompts}
    assert min(lengths) <= 4 < max(lengths)


def likelihood_alone(model: Any, question: list[int], answer: list[int]) -> float:
    chances = logits_alone(model, question, answer[:-1]).log_softmax(-1)
    return -sum(float(chances[place, token]) for place, token in enumerate(answer))


@pytest.mark.parametrize("first", [2, 24])
def test_batched_answers_are_those_of_each_question_alone(
    first: int, base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "FIRST_STEPS", first)  # 2: in three goes, the later ones without those that ended
    model, tokenizer = opened(base)
    made = rows("causal-lm", 24)
    prompts = prompt_ids(tokenizer, [row["prompt"] for row in made], "seq2seq-lm")
    some_end_early(model, tokenizer, prompts)
    said = generate(model, tokenizer, prompts, FEW.generation, positions=positions_of(model))
    assert said == [greedy_alone(model, tokenizer, ids, 8) for ids in prompts]
    assert len(set(said)) > 2  # or the order of the answers would not be tested


def test_answers_stay_greedy_whatever_habits_the_model_came_with(base: Base) -> None:
    model, tokenizer = opened(base)
    prompts = prompt_ids(tokenizer, ["What is asthma?"], "seq2seq-lm")
    before = generate(model, tokenizer, prompts, FEW.generation, positions=None)
    model.generation_config.update(num_beams=4, no_repeat_ngram_size=1, forced_bos_token_id=9, min_new_tokens=3)
    assert generate(model, tokenizer, prompts, FEW.generation, positions=None) == before


def test_likelihoods_are_those_of_each_pair_alone(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SCORED_TOKENS", 100)  # several batches
    model, tokenizer = opened(base)
    made = rows("causal-lm", 12)
    prompts = prompt_ids(tokenizer, [row["prompt"] for row in made], "seq2seq-lm")
    references = answer_ids(tokenizer, [row["answer"] for row in made])
    found = likelihoods(model, tokenizer, list(zip(prompts, references, strict=True)), positions=None)
    for one, prompt, answer in zip(found, prompts, references, strict=True):
        assert one.nll == pytest.approx(likelihood_alone(model, prompt, answer), rel=1e-4)
        assert (one.tokens, one.cut) == (len(answer), False)


def test_what_does_not_fit_is_cut_and_counted_but_never_left_out(base: Base) -> None:
    model, tokenizer = opened(base)
    long = [tokenizer.bos_token_id, *range(5, 45), tokenizer.eos_token_id]
    short = [tokenizer.bos_token_id, *long[-31:]]
    fits, cut_question, cut_answer = likelihoods(
        model, tokenizer, [([9] * 32, [7] * 32), (long, [7] * 5), (long, [7] * 60)], positions=32
    )
    assert not fits.cut and fits.tokens == 32  # question and answer have all positions each
    assert (cut_question.tokens, cut_question.cut, cut_answer.tokens, cut_answer.cut) == (5, True, 32, True)
    assert cut_question.nll == pytest.approx(likelihood_alone(model, short, [7] * 5), rel=1e-4)
    assert cut_answer.nll == pytest.approx(likelihood_alone(model, short, [7] * 32), rel=1e-4)
    said = generate(model, tokenizer, [long], FEW.generation, positions=32)
    assert said == [greedy_alone(model, tokenizer, short, 8)]
    assert is_cut(model, long, FEW.generation, 32) and not is_cut(model, short, FEW.generation, 32)
    with pytest.raises(InputError, match="max_new_tokens"):
        generate(model, tokenizer, [long], FEW.generation, positions=7)


def test_an_untrained_base_is_judged_by_what_decoders_are_judged_by(store: Store, base: Base) -> None:
    dataset = dataset_version(store, "causal-lm", 60)
    evaluation = evaluate(store, base, dataset, FEW)
    model, tokenizer = opened(base)
    found = predict(model, tokenizer, "seq2seq-lm", [], dataset.rows("test"), FEW)
    assert set(evaluation.metrics) == {"perplexity", "bits_per_byte", "token_f1", "rouge_l", "choice_accuracy"}
    nll = sum(one["answer_nll"] for one in found.statistics)
    tokens = sum(one["answer_tokens"] for one in found.statistics)
    expected = float(torch.tensor(nll / tokens).exp())
    assert evaluation.metrics["perplexity"].value == pytest.approx(expected, rel=0.05)  # bfloat16 where it is native
    assert (evaluation.records, evaluation.cut, evaluation.task) == (len(dataset.rows("test")), 0, "causal-lm")
    rivals = baselines(store, dataset, base, FEW)
    assert list(rivals) == ["untrained base", "zero-shot prompt", "majority answer", "nearest train question"]
    assert rivals["untrained base"].digest == evaluation.digest
    assert rivals["zero-shot prompt"].metrics["perplexity"].value != evaluation.metrics["perplexity"].value

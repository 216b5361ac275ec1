"""Questions and answers: likelihood of the reference, likeness of what was generated, choices of closed questions."""

from __future__ import annotations

import numpy as np

from tasks.evaluation.metric import Metric, ratio
from tasks.evaluation.text import rouge_l, token_f1, tokens

METRICS = (
    Metric(
        "perplexity",
        "causal-lm",
        "lower",
        "exp of the mean negative log-likelihood per token of the reference answers, end token included",
        lambda sums: np.exp(ratio(sums["answer_nll"], sums["answer_tokens"])),
        units=lambda sums: sums["answer_tokens"],
        scale="open",
        needs=("answer_nll", "answer_tokens", "answer_bytes"),
        per_token=True,
    ),
    Metric(
        "bits_per_byte",
        "causal-lm",
        "lower",
        "negative log-likelihood of the reference answers in bits per UTF-8 byte: comparable between tokenizers",
        lambda sums: ratio(sums["answer_nll"] / np.log(2), sums["answer_bytes"]),
        units=lambda sums: sums["answer_bytes"],
        scale="open",
        needs=("answer_nll", "answer_tokens", "answer_bytes"),
    ),
    Metric(
        "token_f1",
        "causal-lm",
        "higher",
        "mean token F1 of generated and reference answers (Rajpurkar et al. 2016), character-wise for Chinese",
        lambda sums: ratio(sums["token_f1"], sums["records"]),
        scale="graded",
        usual=True,
    ),
    Metric(
        "rouge_l",
        "causal-lm",
        "higher",
        "mean ROUGE-L F-measure of generated and reference answers (Lin 2004), character-wise for Chinese",
        lambda sums: ratio(sums["rouge_l"], sums["records"]),
        scale="graded",
    ),
    Metric(
        "choice_accuracy",
        "causal-lm",
        "higher",
        "share of closed questions whose reference answer is the most likely of the allowed answers",
        lambda sums: ratio(sums["closed_correct"], sums["closed"]),
        units=lambda sums: sums["closed"],
    ),
)


def answer_statistics(
    answer: str, reference: str, *, nll: float, scored_tokens: int, scored_bytes: int
) -> dict[str, float]:
    """A generated answer beside its reference.

    Args:
        answer: what the model said.
        reference: what it should have said.
        nll: negative log-likelihood of the reference, in nats.
        scored_tokens: how many tokens `nll` sums over, the end token included.
        scored_bytes: UTF-8 bytes of the reference that these tokens spell.
    """
    said, meant = tokens(answer), tokens(reference)
    return {
        "records": 1.0,
        "answer_nll": nll,
        "answer_tokens": float(scored_tokens),
        "answer_bytes": float(scored_bytes),
        "token_f1": token_f1(said, meant),
        "rouge_l": rouge_l(said, meant),
    }


def choice_statistics(chosen: str | None, reference: str) -> dict[str, float]:
    """The choice made in a closed question; None for an open one."""
    return {"closed": float(chosen is not None), "closed_correct": float(chosen == reference)}

"""Options scored, and answers written, a second: Galen against lm-evaluation-harness and plain `generate`.

    python -m bench.options BASE [--questions 20] [--rounds 3] [--lines] [--new-tokens 48]

BASE is a folder with a causal model. The questions are PubMedQA's with their abstracts (`GALEN_REAL_DATA`): the same
prompts and the same options go to both, one after the other in each round, in one process, with the same model in
memory, and both must find the same likelihoods and choose the same. Options are yes, no and maybe, or with `--lines`
the first eight words of four conclusions. lm-evaluation-harness (`pip install lm-eval==0.4.13`) is asked through its
own `HFLM`, with batches of 16, the longest first. Of generation, the peer is transformers' `generate` over batches of
16 prompts of similar length, filled up on the left; both stop at an end token or after `--new-tokens`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.config.evaluation import Generation
from tasks.evaluation.answers import generate, likelihoods
from tasks.training.prompts import answer_ids, prompt_ids, write_greedily
from tasks.training.tokenizer import load_tokenizer

BATCH = 16
WORDS = 8
"""Of a conclusion that is an option."""
Pairs = list[tuple[list[int], list[int]]]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def questions(many: int, lines: bool) -> list[tuple[str, list[str]]]:
    """Prompts with their options: PubMedQA's abstracts, with its three verdicts or four of its conclusions."""
    file = Path(os.environ["GALEN_REAL_DATA"]) / "pubmedqa" / "ori_pqal_dev500.json"
    rows = list(json.loads(file.read_text()).values())[:many]
    prompts = ["\n".join([*row["CONTEXTS"], row["QUESTION"]]) for row in rows]
    if not lines:
        return [(prompt, ["yes", "no", "maybe"]) for prompt in prompts]
    conclusions = [" ".join(row["LONG_ANSWER"].split()[:WORDS]) for row in rows]
    return [
        (prompt, [conclusions[(place + step) % len(rows)] for step in range(4)]) for place, prompt in enumerate(prompts)
    ]


def chosen(scores: list[float], asked: list[tuple[str, list[str]]]) -> list[int]:
    """The likeliest option of each question, from log-likelihoods in order."""
    found, first = [], 0
    for _, options in asked:
        some = scores[first : first + len(options)]
        found.append(some.index(max(some)))
        first += len(options)
    return found


def main() -> None:
    """Print a table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", action="store_true", help="score whole answers, not letters")
    parser.add_argument("--new-tokens", type=int, default=48)
    args = parser.parse_args()
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(args.base)
    model: Any = AutoModelForCausalLM.from_pretrained(args.base, dtype=torch.float32).eval()
    asked = questions(args.questions, args.lines)
    prompts = prompt_ids(tokenizer, [prompt for prompt, _ in asked], "causal-lm")
    pairs: Pairs = [
        (list(prompt), list(answer))
        for prompt, (_, options) in zip(prompts, asked, strict=True)
        for answer in answer_ids(tokenizer, options)
    ]
    rows = {"options": scored(model, tokenizer, pairs, asked, args.rounds)}
    rows["generation"] = written(model, tokenizer, [list(one) for one in prompts], args.new_tokens, args.rounds)
    print("| what | records | Galen, records/s | peer, records/s | ratio |\n|---|---:|---:|---:|---:|")
    for name, (own, peer) in rows.items():
        one, other = (len(asked) / statistics.median(each) for each in (own, peer))
        print(f"| {name} | {len(asked)} | {one:.2f} | {other:.2f} | {one / other:.2f} |")


def scored(
    model: Any, tokenizer: Any, pairs: Pairs, asked: list[tuple[str, list[str]]], rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of each round of scoring: Galen's and the harness's."""
    harness = import_module("lm_eval.models.huggingface").HFLM(
        pretrained=model, tokenizer=tokenizer, batch_size=BATCH, device="cpu"
    )
    requests = [(("", ""), prompt, answer) for prompt, answer in pairs]
    own, peer = [], []
    for _ in range(rounds):
        seconds, found = timed(lambda: likelihoods(model, tokenizer, pairs, positions=None))
        own.append(seconds)
        seconds, others = timed(lambda: harness._loglikelihood_tokens(requests, disable_tqdm=True))
        peer.append(seconds)
        ours, theirs = [-one.nll for one in found], [float(one[0]) for one in others]
        assert max(abs(one - other) for one, other in zip(ours, theirs, strict=True)) < 1e-2
        assert chosen(ours, asked) == chosen(theirs, asked)
    return own, peer


def written(
    model: Any, tokenizer: Any, prompts: list[list[int]], most: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of each round of generation: Galen's and plain batched `generate`."""
    import torch

    ends = write_greedily(model, tokenizer, most)
    padding = tokenizer.pad_token_id or 0
    order = sorted(prompts, key=len)
    batches = [order[first : first + BATCH] for first in range(0, len(order), BATCH)]

    def plain() -> None:
        for batch in batches:
            longest = max(map(len, batch))
            ids = torch.tensor([[padding] * (longest - len(one)) + one for one in batch])
            mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in batch])
            with torch.inference_mode():
                model.generate(
                    input_ids=ids, attention_mask=mask, max_new_tokens=most, eos_token_id=ends, do_sample=False
                )

    settings = Generation(max_new_tokens=most)
    own, peer = [], []
    for _ in range(rounds):
        own.append(timed(lambda: generate(model, tokenizer, prompts, settings, positions=None))[0])
        peer.append(timed(plain)[0])
    return own, peer


if __name__ == "__main__":
    main()

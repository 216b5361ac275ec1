"""Training a causal model with a wide vocabulary: speed and peak memory against transformers.Trainer and TRL, packed.

    python bench/vocabulary.py [--arms galen "galen, passes of 2048" "best, small passes" sft] [--records 48]
                               [--rounds 1] [--method lora] [--out docs/results/vocabulary]

The model has the shape of SmolLM-135M (135 million weights, of them 28 million in the output matrix of 49,152 tokens,
which is the embedding's too) and random weights. Every arm trains LoRA for one epoch on the same records of MedQuAD (a
real text, cut to 512 tokens) with steps of 4,096 tokens, in a process of its own, one after the other. Galen's passes
are what it chooses on a CPU (512 tokens for this model), or as the arm says. Tokens per CPU second are what to compare
where the machine is shared; peak memory is of the whole process, the interpreter and its libraries (about 0.6 GiB)
included.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.training import PEERS, measure, tokenizer_of  # noqa: E402
from tasks.store import Store  # noqa: E402

VOCABULARY = 49_152
PASSES = ("galen, passes of 512", "galen, passes of 1000", "galen, passes of 2048")
ARMS = ("galen", "best, small passes", "sft")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arms", nargs="+", choices=["galen", *PASSES, *PEERS], default=list(ARMS))
    parser.add_argument("--records", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--method", choices=["lora", "full"], default="lora")
    parser.add_argument("--out", type=Path, help="write OUT.md and OUT.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["GALEN_HOME"] = f"{scratch}/home"
        from bench.corpora import build

        dataset = build(Store.of_environment(), "causal-lm", args.records, held_out=4)
        base = smollm(Path(scratch) / "base", dataset)
        data = dataset.artifact.path
        results = measure("causal-lm", args.method, args.rounds, dataset.digest, data, base, args.arms)
    table = as_table(results, args)
    print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix(".md").write_text(table)
        args.out.with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


def smollm(folder: Path, dataset: Any) -> Path:
    """A random Llama in the shape of SmolLM-135M, whose output is 49,152 tokens wide, whatever the tokenizer uses."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    fast = tokenizer_of(dataset)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, max_position_embeddings=2048, tie_word_embeddings=True, bos_token_id=1, eos_token_id=2,
        pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def as_table(results: list[dict[str, Any]], args: argparse.Namespace) -> str:
    """Markdown; medians over the rounds."""
    lines = [
        f"`python bench/vocabulary.py --records {args.records} --rounds {args.rounds} --method {args.method}`",
        "",
        "| arm | real tokens/s | tokens per CPU second | peak MiB |",
        "|---|---:|---:|---:|",
    ]
    for row in results:
        lines.append(
            f"| {row['arm']} | {row['tokens_per_second']:,.0f} | {row['tokens_per_cpu_second']:,.0f} "
            f"| {row['peak_memory_mib']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

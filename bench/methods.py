"""Training throughput and memory of every method, against the plain Trainer script's full fine-tuning.

    python bench/methods.py [--tasks text-classification causal-lm] [--records 192] [--out docs/results/throughput]

Each trains the same model (MiniLM; a Llama of 27 million parameters) for one epoch on the same records with the same
token budget per step, in a process of its own, one after the other. The script is in its best configuration (bf16,
records of like length together), also with a step cut into four passes, which suits a CPU's cache.
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

from bench.training import RATES, encoder, galen, llama, peer, run  # noqa: E402
from tasks.store import Store  # noqa: E402
from tasks.training.method import Method, methods  # noqa: E402

TASKS = ("text-classification", "causal-lm")
SCRIPT = "Trainer script, full"
SETTINGS: dict[str, dict[str, Any]] = {"partial": {"last_layers": 2}}  # a third of either model's six layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--records", type=int, default=192)
    parser.add_argument("--out", type=Path, help="write OUT.md and OUT.json")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["GALEN_HOME"] = f"{scratch}/home"
        from bench.corpora import build

        store = Store.of_environment()

        for task in args.tasks:
            dataset = build(store, task, args.records)
            base = llama(Path(scratch) / "llama", dataset) if task == "causal-lm" else encoder(store)
            commands = {f"{SCRIPT}": peer("best", task, "full", dataset.artifact.path, base)}
            commands[f"{SCRIPT}, small passes"] = peer("best, small passes", task, "full", dataset.artifact.path, base)
            for name, method in methods().items():
                if task in method.tasks and name != "cloze":  # it trains as what it is made of: full or LoRA
                    rate = RATES["full"] * method.rate
                    commands[name] = galen(task, settings_of(name, method), rate, dataset.digest, base, 0)
            for arm, command in commands.items():
                found = run(command)
                rows.append({"task": task, "arm": arm, **found})
                print(f"{task} {arm}: {found['tokens_per_second']:.0f} tokens/s", file=sys.stderr, flush=True)
    table = as_table(rows, args.records)
    print(table)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix(".md").write_text(table)
        args.out.with_suffix(".json").write_text(json.dumps(rows, indent=2) + "\n")


def settings_of(name: str, method: Method[Any]) -> dict[str, Any]:
    """A method with its example settings, or those above."""
    return {"name": name, **method.example, **SETTINGS.get(name, {})}


def as_table(rows: list[dict[str, Any]], records: int) -> str:
    lines = [
        f"`python bench/methods.py --records {records}`; ratios are to the script's full fine-tuning in its best "
        "configuration, and to Galen's own; peak memory is of the whole process.",
        "",
        "| task | method | real tokens/s | to the script | to the script, small passes | to Galen's full | peak MiB |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        speeds = {one["arm"]: one["tokens_per_second"] for one in rows if one["task"] == row["task"]}
        speed = row["tokens_per_second"]
        lines.append(
            f"| {row['task']} | {row['arm']} | {speed:,.0f} | {speed / speeds[SCRIPT]:.2f} "
            f"| {speed / speeds[f'{SCRIPT}, small passes']:.2f} | {speed / speeds['full']:.2f} "
            f"| {row['peak_memory_mib']:,.0f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

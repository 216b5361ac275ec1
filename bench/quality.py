"""Quality of a recipe against the plain Trainer script, on the same sealed dataset version, over several seeds.

    python bench/quality.py recipes/ncbi-disease.yaml --batch 32 [--seeds 17 18 19] [--out docs/results/quality-ncbi]
    python bench/quality.py recipes/compare-ncbi-disease.yaml --arm lora --set epochs=2 --batch 32 --without galen

The second form takes the recipe of an arm of a comparison, whose own results are in that comparison's report.
The dataset must have been built (`galen retrain RECIPE`, or the data stages). The script gets the recipe's epochs,
length, learning rates (also that of the head) and class weights, and `--batch` records per step; it trains in its best
configuration (bf16, by length). Both are judged on the test split: macro-F1 of labels, entity F1 of tags (exact spans),
in percent. Each training is a look at that split, stated in the ledger of `GALEN_HOME` before it is made.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tasks.store import Store  # noqa: E402

METRIC = {"text-classification": ("macro_f1", "macro_f1"), "token-classification": ("entity_f1", "entity_f1")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--batch", type=int, required=True, help="records per step of the script")
    parser.add_argument("--seeds", type=int, nargs="+", default=[17, 18, 19])
    parser.add_argument("--set", nargs="*", default=[], help="training settings to change, e.g. epochs=8")
    parser.add_argument("--arm", help="of a comparison file")
    parser.add_argument("--without", choices=["script", "galen"], help="run the other one alone")
    parser.add_argument("--out", type=Path, help="write OUT.json")
    args = parser.parse_args()

    from flows.environment import set_up_environment
    from tasks.data.seal import adopt_version
    from tasks.settings import load
    from tasks.training.recipe import Recipe
    from tasks.training.resolve import resolve_base

    store = Store.of_environment()
    set_up_environment(store.root)
    recipe = arm_of(args.recipe, args.arm) if args.arm else load(Recipe, args.recipe)
    changes = {key: json.loads(value) for key, _, value in (one.partition("=") for one in args.set)}
    plain = recipe.plain()
    recipe = Recipe.model_validate(plain | {"training": plain["training"] | changes})
    dataset, base = adopt_version(store, recipe.dataset), resolve_base(store, recipe.base_model)
    rows = []
    for seed in args.seeds:
        rows.append({"seed": seed})
        if args.without != "galen":
            rows[-1]["galen"] = galen(store, recipe, seed, dataset, base)
        if args.without != "script":
            rows[-1]["script"] = script(store, recipe, seed, dataset, base, args.batch)
        print(json.dumps(rows[-1]), flush=True)
    found = {"recipe": recipe.plain(), "dataset": dataset.digest, "batch": args.batch, "rows": rows}
    for arm in rows[0].keys() - {"seed"}:
        quality = [row[arm]["quality"] for row in rows]
        speed = [row[arm]["tokens_per_second"] for row in rows]
        found[arm] = {"quality": statistics.mean(quality), "tokens_per_second": statistics.median(speed)}
        print(f"{arm}: {100 * statistics.mean(quality):.1f} ({', '.join(f'{100 * one:.1f}' for one in quality)}), "
              f"{statistics.median(speed):,.0f} real tokens/s")  # fmt: skip
    if args.out:
        args.out.with_suffix(".json").write_text(json.dumps(found, indent=2) + "\n")


def arm_of(comparison: Path, name: str) -> Any:
    """The recipe of an arm; the script knows full fine-tuning and LoRA."""
    from tasks.comparison.config import entries, load_comparison

    found = [entry.recipe for entry in entries(load_comparison(comparison)) if entry.arm == name]
    if not found or found[0].method.name not in ("full", "lora"):
        sys.exit(f"--arm {name}: name an arm of the comparison that is full fine-tuning or LoRA")
    return found[0]


def galen(store: Store, recipe: Any, seed: int, dataset: Any, base: Any) -> dict[str, float]:
    """Train and judge with one seed."""
    from tasks.evaluation.evaluate import evaluate
    from tasks.training.train import finetune, timing_of

    seeded = recipe.model_copy(update={"seed": seed})
    artifact = finetune(store, seeded, dataset, base)
    look(store, seeded, artifact.digest, dataset, base)
    timing = timing_of(store, artifact) or {}
    metric = METRIC[recipe.task][0]
    return {"quality": evaluate(store, artifact, dataset, recipe.evaluation).metrics[metric].value, **timing}


def look(store: Store, recipe: Any, candidate: str, dataset: Any, base: Any) -> None:
    """State that a candidate, by its digest, is about to be judged on the test split."""
    from tasks.lineage.looks import setup_of
    from tasks.lineage.recording import record_looked

    record_looked(store, recipe.model, candidate, dataset, "compare", setup_of(recipe, None, dataset, base.digest))


def script(store: Store, recipe: Any, seed: int, dataset: Any, base: Any, batch: int) -> dict[str, float]:
    """The same with the plain script, in a process of its own; what it trains is known by what it trains it from."""
    from tasks.digest import digest_data

    seeded = recipe.model_copy(update={"seed": seed})
    made_of = {"script": seeded.plain(), "batch": batch, "dataset": dataset.digest, "base": base.digest}
    look(store, seeded, digest_data(made_of), dataset, base)
    how = recipe.training
    command = [sys.executable, str(ROOT / "bench" / "yardstick.py"), "--mode", "best", "--task", recipe.task]
    command += ["--data", str(dataset.artifact.path), "--base", str(base.path), "--method", recipe.method.name]
    command += ["--epochs", str(how.epochs), "--batch", str(batch), "--max-length", str(how.max_length)]
    command += ["--learning-rate", str(how.learning_rate), "--class-weights", how.class_weights, "--seed", str(seed)]
    if how.head_learning_rate is not None:
        command += ["--head-learning-rate", str(how.head_learning_rate)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=dict(os.environ))
    if done.returncode:
        sys.exit(f"the script failed:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, "quality": found[METRIC[recipe.task][1]]}


if __name__ == "__main__":
    main()

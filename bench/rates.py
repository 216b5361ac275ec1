"""Learning rates for the arms of a comparison: a few around each arm's own, in few steps, by validation loss.

    python bench/rates.py recipes/compare-ncbi-disease.yaml --steps 60 [--factors 0.3 1 3] [--arms lora ...] [--out F]

The datasets must have been built (`galen data build NAME`). The test split is not read. Prints the loss of each rate;
what was trained is removed again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tasks.store import Store

RATES = ("learning_rate", "head_learning_rate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", type=Path)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--factors", type=float, nargs="+", default=[0.3, 1, 3], help="of the arm's own rate")
    parser.add_argument("--rate", choices=RATES, default=RATES[0], help="which of them; the other stays as it is")
    parser.add_argument("--arms", nargs="*", default=[], help="default: all")
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1, help="trainings at a time, a core each")
    parser.add_argument("--out", type=Path, help="write OUT.json")
    args = parser.parse_args()

    from flows.environment import set_up_environment
    from tasks.comparison.config import entries, load_comparison
    from tasks.training.resolve import resolve_base

    store = Store.of_environment()
    set_up_environment(store.root)
    first: dict[str, Any] = {}
    for entry in entries(load_comparison(args.comparison, args.arms)):
        first.setdefault(entry.arm, entry.recipe)
    for recipe in first.values():
        resolve_base(store, recipe.base_model)  # made once, before there are several processes
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // args.parallel)))
    own = {name: getattr(one.training, args.rate) or one.training.learning_rate for name, one in first.items()}
    found: dict[str, dict[str, float]] = {name: {} for name in first}
    with ProcessPoolExecutor(args.parallel, mp_context=get_context("spawn"), max_tasks_per_child=8) as pool:
        asked = [
            (name, factor, pool.submit(loss, recipe.plain(), args.rate, own[name] * factor, args.steps))
            for name, recipe in first.items()
            for factor in args.factors
        ]
        for name, factor, future in asked:
            rate = own[name] * factor
            found[name][f"{rate:.3g}"] = value = future.result()
            print(f"{name:<20} {rate:9.3g} {value:8.4f}", flush=True)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.with_suffix(".json").write_text(
            json.dumps({"steps": args.steps, "rate": args.rate, "loss": found}, indent=1) + "\n"
        )


def loss(plain: dict[str, Any], name: str, rate: float, steps: int) -> float:
    """Validation loss of a recipe after so many steps with another rate; infinite where it diverged."""
    from tasks.data.seal import adopt_version
    from tasks.errors import GalenError
    from tasks.meta.model import ModelMeta
    from tasks.training.recipe import Recipe
    from tasks.training.resolve import resolve_base
    from tasks.training.train import finetune

    recipe = Recipe.model_validate(plain | {"training": plain["training"] | {name: rate, "max_steps": steps}})
    store = Store.of_environment()
    try:
        artifact = finetune(
            store,
            recipe,
            adopt_version(store, recipe.dataset),
            resolve_base(store, recipe.base_model),
        )
    except GalenError as error:
        if "not a number" in error.what:
            return float("inf")
        raise
    value = ModelMeta.read(artifact).training.validation_loss
    if not artifact.reused:  # else it is somebody else's
        shutil.rmtree(artifact.path)
    return value


if __name__ == "__main__":
    main()

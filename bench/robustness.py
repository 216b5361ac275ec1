"""What a served form loses on changed texts, and how much its pace beside itself varies. Nothing is recorded.

    python -m bench.robustness MODEL@champion [--records 200] [--pace 5]

Of a model in GALEN_HOME, on the test split of the dataset version that it learned from: a table with a line for each
perturbation. With `--pace`, the model takes turns with itself so many times, each in a new process: how far the two
ratios of the gate `resources` are from 1, where nothing has changed. For docs/gates.md.
"""

from __future__ import annotations

import argparse
import statistics
import time

from tasks.children import Children
from tasks.config.evaluation import EvaluationSettings
from tasks.data.version import DatasetVersion
from tasks.evaluation.estimates import difference
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.gate import Gate, gate_kinds
from tasks.evaluation.metric import usual_metric
from tasks.evaluation.perturb import PERTURBATIONS
from tasks.evaluation.resources import CHILD
from tasks.evaluation.robustness import probed
from tasks.meta.model import ModelMeta
from tasks.release.register import resolve
from tasks.store import Store


def gate(name: str, metric: str, records: int) -> Gate:
    """A gate that asks about one perturbation."""
    entry = {"name": name, "kind": "robust", "metric": metric, "perturbations": [name], "tolerance": 0}
    return gate_kinds()["robust"].model_validate(entry | {"records": records})


def main() -> None:
    """The table, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="MODEL@champion, MODEL@3 or the digest of a model")
    parser.add_argument("--records", type=int, default=1_000_000, help="test records to try; default: all")
    parser.add_argument("--pace", type=int, default=0, help="how often the model takes turns with itself")
    given = parser.parse_args()
    store = Store.of_environment()
    model = store.load(given.model) if store.has(given.model) else resolve(store, given.model)[1]
    said = ModelMeta.read(model)
    dataset = DatasetVersion(store.load(said.dataset))
    settings = EvaluationSettings.model_validate(said.recipe.evaluation.plain())
    metric = usual_metric(dataset.task)
    plain = evaluate(store, model, dataset, settings)
    print(f"| perturbation | records changed | groups | {metric} before | after | lost | seconds |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in (one.name for one in PERTURBATIONS.values() if dataset.task in one.tasks):
        began = time.perf_counter()
        asked = gate(name, metric, given.records)
        found = probed(store, model, dataset, settings, [asked])
        seconds = time.perf_counter() - began
        if not found.evaluations:
            print(f"| {name} | 0 | 0 | | | | {seconds:.0f} |")
            continue
        (changed,) = found.evaluations.values()
        after = changed.scores()
        before = plain.scores().of_records(frozenset(after.columns["record_id"])).under(after.test)
        gain = difference(after, before, metric, settings)
        span = f" [{-gain.high:.3f}, {-gain.low:.3f}]" if gain.low is not None and gain.high is not None else ""
        numbers = f"{gain.other:.3f} | {gain.candidate:.3f} | {-gain.gain:+.3f}{span} | {seconds:.0f}"
        print(f"| {name} | {gain.records} of {plain.records} | {gain.groups} | {numbers} |", flush=True)
    job = {"candidate": model.digest, "champion": model.digest, "dataset": dataset.digest, "split": "test"}
    for _ in range(given.pace):
        began = time.perf_counter()
        answer = Children(store, CHILD, None).ask(job | {"most": settings.generation.max_new_tokens}, "the model")
        one, other = answer["paces"]
        ratios = [
            statistics.median(mine / theirs for mine, theirs in zip(one[name], other[name], strict=True))
            for name in ("latency", "tokens")
        ]
        print(
            f"latency {ratios[0]:.3f}, tokens per second {ratios[1]:.3f}, memory {answer['memory']:.0f} MiB, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()

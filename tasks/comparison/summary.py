"""Kept results of arms made comparable: means over seeds, and paired intervals of the gain over a reference arm."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tasks.comparison.bootstrap import interval
from tasks.comparison.config import Comparison, Entry, reference_of
from tasks.comparison.job import Result, measuring_code
from tasks.config.words import DATASET_TASK, Split
from tasks.errors import InputError
from tasks.evaluation.metric import usual_metric
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COLUMNS = (
    ("parameters", "trained"),
    ("parameters", "share"),
    ("cost", "training_seconds"),
    ("cost", "tokens_per_second"),
    ("cost", "peak_memory_mib"),
    ("size_bytes",),
    ("latency", "one_ms"),
    ("latency", "merged_one_ms"),
    ("latency", "batch_ms"),
    ("latency", "merged_batch_ms"),
    ("forgetting", "change"),
    ("transfer", "change"),
)
"""Numbers of a result that are averaged over seeds."""


def summarise(
    comparison: Comparison, recipe: Recipe, found: Sequence[tuple[Entry, Result | None]], split: Split
) -> dict[str, Any]:
    """The whole comparison as plain data.

    Args:
        comparison: what was asked.
        recipe: what its arms start from.
        found: what is kept of every arm and seed; None where nothing is.
        split: that they were judged on.

    Raises:
        InputError: nothing is kept, the kept arms met different data or bases, or the metric is none of theirs.
    """
    ended = [result for _, result in found if result and not result.get("error")]
    if not any(result for _, result in found):
        other = "without" if split == "test" else "with"
        hint = f"run it without --report-only, or {other} --test, if it was judged so"
        raise InputError(f"no arm of this comparison has been judged on the {split} split yet", hint=hint)
    if apart := differing(found):
        hint = "run it again without --report-only: arms of other data or another base are then made anew"
        raise InputError("the kept arms do not belong together", value=", ".join(apart), hint=hint)
    metric = _metric(comparison, recipe, ended)
    reference = reference_of(comparison)
    by_arm: dict[str, list[tuple[Entry, Result | None]]] = {}
    for entry, result in found:
        by_arm.setdefault(entry.arm, []).append((entry, result))
    finished = {arm: _ended(results) for arm, results in by_arm.items()}
    arms = [_arm(name, by_arm[name], finished, reference, recipe.evaluation.confidence) for name in by_arm]
    return {
        "name": comparison.name,
        "task": recipe.task,
        "metric": metric,
        "better": ended[0]["quality"][metric]["better"] if ended else None,
        "reference": reference,
        "confidence": recipe.evaluation.confidence,
        "dataset": recipe.dataset,
        "dataset_digest": ended[0]["inputs"]["dataset"] if ended else None,
        "split": split,
        "chosen_by_it": split == "validation" and any(entry.recipe.training.keep == "best" for entry, _ in found),
        "test": ended[0]["test"] if ended else None,
        "records": ended[0]["records"] if ended else None,
        "groups": ended[0]["groups"] if ended else None,
        "budget": comparison.budget.plain(),
        "transfer": comparison.transfer,
        "other_code": sorted(_of_other_code(found)),
        "machines": _distinct([one["machine"] for one in ended if one.get("machine")]),
        "arms": arms,
    }


def _of_other_code(found: Sequence[tuple[Entry, Result | None]]) -> set[str]:
    """Arms that ended, with other code than would measure them now."""
    ended = ((entry, result) for entry, result in found if result and not result.get("error"))
    return {entry.arm for entry, result in ended if result["inputs"]["code"] != measuring_code(entry.recipe)}


def differing(found: Sequence[tuple[Entry, Result | None]]) -> list[str]:
    """What is not the same for all arms that ended: the data that they met, or a base that several of them name."""
    met: dict[str, set[str | None]] = {}
    for entry, result in found:
        if result and not result.get("error"):
            inputs = result["inputs"]
            met.setdefault("records judged", set()).add(result["test"])
            for name in ("dataset", "forgetting", "transfer"):
                met.setdefault(name, set()).add(inputs[name])
            ref = entry.recipe.base_model.plain()
            base = " ".join(str(value) for value in ref.values() if value is not None)
            met.setdefault(f"base {base}", set()).add(inputs["base"])
    return [name for name, digests in met.items() if len(digests) > 1]


def gain(ours: Sequence[Result], theirs: Sequence[Result], metric: str, confidence: float) -> dict[str, Any] | None:
    """What an arm gains over another in a metric, positive is better, with a paired percentile interval.

    Each resample draws groups of the split, the same for both arms, and seeds of each arm with replacement: the
    same ones where both have the same seeds. With one seed, the interval is about the records alone; with few, it is
    still too narrow by about sqrt((n - 1) / n) of the spread over seeds.

    Returns:
        `value`, `low`, `high` (None where no interval can be given); None where the metric is undefined for one.
    """
    if not all(metric in result["quality"] for result in (*ours, *theirs)):
        return None
    sign = 1 if ours[0]["quality"][metric]["better"] == "higher" else -1
    means = [sum(one["quality"][metric]["value"] for one in side) / len(side) for side in (ours, theirs)]
    drawn = [_table(side, metric) for side in (ours, theirs)]
    if drawn[0].shape[1] != drawn[1].shape[1] or ours[0]["groups"] != theirs[0]["groups"]:
        return {"value": sign * (means[0] - means[1]), "low": None, "high": None}
    paired = [one["seed"] for one in ours] == [one["seed"] for one in theirs]
    one = _over_seeds(drawn[0], "one")
    two = _over_seeds(drawn[1], "one" if paired else "two")
    low, high = interval(sign * (one - two), ours[0]["groups"], confidence) or (None, None)
    return {"value": sign * (means[0] - means[1]), "low": low, "high": high}


def level(results: Sequence[Result], metric: str, confidence: float) -> dict[str, Any] | None:
    """A metric's mean over the seeds of an arm, with its interval over groups and seeds, and each seed's value."""
    if not all(metric in result["quality"] for result in results):
        return None
    values = [float(result["quality"][metric]["value"]) for result in results]
    low, high = interval(_over_seeds(_table(results, metric), "one"), results[0]["groups"], confidence) or (None, None)
    return {"value": sum(values) / len(values), "low": low, "high": high, "seeds": values}


def _arm(
    name: str,
    mine: Sequence[tuple[Entry, Result | None]],
    finished: Mapping[str, list[Result]],
    reference: str,
    confidence: float,
) -> dict[str, Any]:
    done, reference_runs = finished[name], finished.get(reference, [])
    metrics = list(done[0]["quality"]) if done else []
    return {
        "name": name,
        "method": mine[0][0].recipe.method.name,
        "base": done[0]["base"] if done else None,
        "learning_rate": mine[0][0].recipe.training.learning_rate,
        "seeds": [entry.seed for entry, _ in mine],
        "finished": [result["seed"] for result in done],
        "missing": [entry.seed for entry, result in mine if result is None],
        "errors": [{"seed": entry.seed, **result["error"]} for entry, result in mine if result and result.get("error")],
        "numbers": {".".join(path): _mean(done, path) for path in COLUMNS},
        "quality": {metric: level(done, metric, confidence) for metric in metrics},
        "gain": {metric: gain(done, reference_runs, metric, confidence) for metric in metrics}
        if reference_runs and name != reference
        else {},
        "switched_off": _switched_off(done),
        "forgetting": done[0].get("forgetting") if done else None,
        "transfer": done[0].get("transfer") if done else None,
        "learned": done[0]["learned"] if done else {},
        "runs": [{key: value for key, value in result.items() if key != "draws"} for result in done],
    }


def _ended(results: Sequence[tuple[Entry, Result | None]]) -> list[Result]:
    return [result for _, result in results if result and not result.get("error")]


def _metric(comparison: Comparison, recipe: Recipe, ended: Sequence[Result]) -> str:
    wanted = comparison.metric or usual_metric(DATASET_TASK[recipe.task])
    known = sorted({name for result in ended for name in result["quality"]})
    if ended and wanted not in known:
        raise InputError("the arms have no such metric", value=wanted, hint=f"there are: {', '.join(known)}")
    return wanted


def _switched_off(done: Sequence[Result]) -> dict[str, float] | None:
    """Mean over seeds of what is left without the learned weights; None where only a head was learned."""
    found = [result["switched_off"] for result in done if result["switched_off"]]
    if not found:
        return None
    return {name: sum(one[name] for one in found) / len(found) for name in found[0] if all(name in o for o in found)}


def _mean(done: Sequence[Result], path: Sequence[str]) -> float | None:
    values = []
    for result in done:
        place: Any = result
        for part in path:
            place = place.get(part) if isinstance(place, Mapping) else None
        if place is not None:
            values.append(float(place))
    return sum(values) / len(values) if values else None


def _table(results: Sequence[Result], metric: str) -> Floats:
    """Values over resamples, one row per seed; NaN where the metric was undefined."""
    import numpy as np

    return np.array([[np.nan if v is None else v for v in one["draws"][metric]] for one in results], dtype=np.float64)


def _over_seeds(table: Floats, chance: str) -> Floats:
    """For each resample the mean over as many seeds as there are, drawn with replacement: shape [resamples]."""
    import numpy as np

    seeds, resamples = table.shape
    generator = np.random.default_rng(int.from_bytes(hashlib.sha256(chance.encode()).digest()[:8], "big"))
    drawn = generator.integers(seeds, size=(seeds, resamples))
    means: Floats = np.take_along_axis(table, drawn, axis=0).mean(axis=0)
    return means


def _distinct(values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for place, one in enumerate(values) if one not in values[:place]]

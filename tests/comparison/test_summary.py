from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tasks.comparison.config import Comparison, entries
from tasks.comparison.job import Result
from tasks.comparison.plots import Point, scatter
from tasks.comparison.report import judged_on, render
from tasks.comparison.summary import gain, level, summarise
from tasks.errors import InputError
from tests.training.recipes import recipe

RESAMPLES, GROUPS = 400, 50


def result(values: list[float], seed: int = 1, better: str = "higher", **more: Any) -> Result:
    """A kept result whose metric has these values over the resamples."""
    return {
        "arm": "x",
        "seed": seed,
        "groups": GROUPS,
        "records": GROUPS,
        "test": "t",
        "inputs": {"dataset": "d", "code": "c", "base": "b", "forgetting": None, "transfer": None},
        "quality": {"macro_f1": {"value": float(np.mean(values)), "low": None, "high": None, "better": better}},
        "draws": {"macro_f1": values},
        "base": {"folder": "b"},
        "parameters": {"trained": 10, "share": 0.1, "head": 1, "base": 100},
        "cost": {"training_seconds": 3.0, "tokens_per_second": 100.0, "peak_memory_mib": 500.0},
        "size_bytes": 4000,
        "latency": {"one_ms": 2.0, "batch_ms": 1.0, "merged_one_ms": None, "merged_batch_ms": None},
        "switched_off": {"macro_f1": 0.2},
        "forgetting": None,
        "transfer": None,
        "training": {},
        "learned": {"weights": {"layer.10": 0.5, "layer.9": 0.1}},
        "machine": {"device": "cpu"},
        "artifact": "a",
    } | more


def drawn(mean: float, seed: int = 0, spread: float = 0.05) -> list[float]:
    return [float(v) for v in mean + spread * np.random.default_rng(seed).standard_normal(RESAMPLES)]


def test_a_gain_is_paired_the_luck_of_the_test_set_cancels() -> None:
    luck = drawn(0.7)
    ahead = [value + 0.02 for value in luck]
    paired = gain([result(ahead)], [result(luck)], "macro_f1", 0.95)
    assert paired is not None
    assert (paired["low"], paired["high"]) == pytest.approx((0.02, 0.02), abs=1e-9)
    wide = level([result(luck)], "macro_f1", 0.95)
    assert wide is not None
    assert wide["high"] - wide["low"] > 0.15


def test_a_gain_is_positive_where_lower_is_better() -> None:
    found = gain([result(drawn(0.1), better="lower")], [result(drawn(0.3), better="lower")], "macro_f1", 0.95)
    assert found is not None
    assert found["value"] > 0.15


def test_seeds_that_differ_widen_the_interval() -> None:
    luck = drawn(0.7)
    alike = [result(luck, seed) for seed in (1, 2, 3)]
    apart = [result([value + shift for value in luck], seed) for seed, shift in ((1, -0.1), (2, 0.0), (3, 0.1))]
    other = [result(luck, 9)]
    narrow, wide = gain(alike, other, "macro_f1", 0.95), gain(apart, other, "macro_f1", 0.95)
    assert narrow is not None
    assert wide is not None
    assert narrow["high"] - narrow["low"] == pytest.approx(0, abs=1e-9)
    assert wide["high"] - wide["low"] > 0.1
    assert wide["value"] == pytest.approx(0, abs=1e-9)


def test_an_interval_is_not_claimed_where_the_metric_is_mostly_undefined() -> None:
    values: list[Any] = [None] * 100 + drawn(0.5)[100:]
    broken = result([0.5]) | {"draws": {"macro_f1": values}}
    found = level([broken], "macro_f1", 0.95)
    assert found is not None
    assert found["low"] is None


def comparison(**more: Any) -> Comparison:
    arms = [{"method": {"name": "full"}, "seeds": 2}, {"method": {"name": "lora"}}]
    plain = recipe("text-classification", "base", "lora").plain()  # type: ignore[arg-type]
    return Comparison.model_validate({"name": "compare-x", "recipe": plain, "arms": arms} | more)


def test_the_report_tells_what_ended_what_failed_and_what_is_missing() -> None:
    given = comparison()
    failed = {"error": {"error": "InputError", "what": "<b>no & number</b>", "value": None, "hint": None}}
    asked = entries(given)
    kept = [result(drawn(0.8), 17), None, {**failed, "seed": 17}]
    found = summarise(given, asked[0].recipe, list(zip(asked, kept, strict=True)), "validation")
    full, lora = found["arms"]
    assert (full["finished"], full["missing"]) == ([17], [18])
    assert lora["errors"][0]["error"] == "InputError"
    assert full["numbers"]["cost.training_seconds"] == 3.0
    assert "draws" not in str(found)
    page = render(found)
    assert "&lt;b&gt;no &amp; number" in page
    assert "not run yet with seed 18" in page
    assert page.index("layer.9") < page.index("layer.10")
    assert "http" not in page, "nothing is loaded from elsewhere"
    assert "figures flatter a little" in page, "early stopping saw these records"
    on_test = summarise(given, asked[0].recipe, list(zip(asked, kept, strict=True)), "test")
    assert "each arm and seed is a look" in judged_on(on_test)
    assert "flatter" not in judged_on(on_test)


def test_arms_of_different_test_sets_are_not_put_into_one_table() -> None:
    given = comparison()
    asked = entries(given)
    kept = [result(drawn(0.8)), result(drawn(0.8), test="another"), None]
    with pytest.raises(InputError, match="do not belong together: records judged"):
        summarise(given, asked[0].recipe, list(zip(asked, kept, strict=True)), "validation")
    one = result(drawn(0.8))
    for name, said in (("base", "base base"), ("forgetting", "forgetting"), ("transfer", "transfer")):
        other = result(drawn(0.8), inputs=one["inputs"] | {name: "another"})
        with pytest.raises(InputError, match=f"do not belong together: {said}"):
            summarise(given, asked[0].recipe, [(asked[0], one), (asked[2], other)], "validation")
    with pytest.raises(InputError, match="no arm"):
        summarise(given, asked[0].recipe, [(one, None) for one in asked], "validation")
    with pytest.raises(InputError, match=r"(?s)no such metric: rouge.*macro_f1"):
        summarise(comparison(metric="rouge"), asked[0].recipe, [(asked[0], kept[0])], "validation")


def test_a_plot_shows_every_point_within_its_frame() -> None:
    points = [Point("a<b", 10, 0.5, 0.4, 0.6), Point("many", 1e6, 0.9), Point("none", 0, 0.1)]
    plot = scatter(points, "weights", "f1", log_x=True)
    assert "a&lt;b" in plot
    assert "none" not in plot, "no logarithm of zero"
    places = [float(part.split('"')[1]) for part in plot.split("<circle cx=")[1:]]
    assert len(places) == 2
    assert all(0 < place < 620 and math.isfinite(place) for place in places)
    assert scatter([], "x", "y") == ""

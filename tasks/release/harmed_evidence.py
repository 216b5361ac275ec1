"""Evidence that says too little, or of something else than was judged: no score in it is bad, and no verdict may rest
on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

from tasks.digest import digest_bytes
from tasks.evaluation.evidence import Evidence, Looks
from tasks.evaluation.gate import number
from tasks.evaluation.metric import BROKEN, usual_metric
from tasks.evaluation.slices import Scores
from tasks.release.harm import (
    ANCHOR,
    BASE,
    BOUNDS,
    CHAMPION,
    COMPARING,
    FLIPS,
    PARENT,
    RESOURCES,
    ROBUST,
    SERVED,
    Case,
    DoesNotApply,
    Harm,
    Harmed,
    fewest,
    margin_of,
)
from tasks.release.harmed_scores import gain, of_records, planted, spoiler, without

Plant = Callable[[Case, float, Random], Harmed]
ANY = (*COMPARING, FLIPS, BOUNDS)
OTHER = digest_bytes(b"another one")


def _same(change: Callable[[Case], Case]) -> Plant:
    """A harm that is there or is not, and has no chance in it."""
    return lambda case, times, chance: Harmed(change(case))


def _scores(change: Callable[[Scores], Scores]) -> Plant:
    return _same(lambda case: case.edited(lambda one: planted(one, change(one.scores()))))


def _said(**meta: Any) -> Plant:
    return _same(lambda case: case.edited(lambda one: planted(one, **meta)))


def _other_subject(name: str) -> Plant:
    """An evaluation beside the candidate is of something else than it must be of."""

    def change(evidence: Evidence) -> Evidence:
        found = getattr(evidence, name)
        if found is None:
            return evidence
        subject = found.meta.plain()["subject"] | {"digest": OTHER}
        changed: dict[str, Any] = {name: planted(found, subject=subject)}
        return replace(evidence, **changed)

    def plant(case: Case, times: float, chance: Random) -> Harmed:
        if getattr(case.served, name) is None:
            raise DoesNotApply(f"there is no {name} to confuse")
        return Harmed(replace(case, forms={form: change(one) for form, one in case.forms.items()}))

    return plant


def _some_missing(case: Case, times: float, chance: Random) -> Harmed:
    many = len(case.scores.values)
    kept = sorted(chance.sample(range(many), many - max(many // 10, 1)))
    share = f"{many - len(kept)} of {many} records"
    return Harmed(case.edited(lambda one: planted(one, of_records(one.scores(), kept))), share)


def _no_number(case: Case, times: float, chance: Random) -> Harmed:
    row = chance.randrange(len(case.scores.values))

    def broken(scores: Scores) -> Scores:
        values = scores.values.copy()
        values[row] = BROKEN["records"]
        return replace(scores, values=values)

    return Harmed(case.edited(lambda one: planted(one, broken(one.scores()))), "1 record")


def _unmeasured(scores: Scores) -> Scores:
    if scores.task == "causal-lm":
        return without(scores, "token_f1")
    return without(scores, "tp:", "fp:", "fn:", "correct")


def _stale(case: Case, times: float, chance: Random) -> Harmed:
    settings = case.protocol.evaluation
    older = settings.model_copy(update={"confidence": (1 + settings.confidence) / 2})
    return Harmed(case.edited(lambda one: planted(one, settings=older.plain())))


def _spent(case: Case, times: float, chance: Random) -> Harmed:
    looks = case.served.looks or Looks(0, 1)
    most = max((gate.looks for gate in case.protocol.gates if gate.looks is not None), default=52)
    return Harmed(case.beside(looks=replace(looks, used=float(most))), f"{most} looks")


def _chosen_after(case: Case, times: float, chance: Random) -> Harmed:
    if any(getattr(gate, "adaptive_cost", None) for gate in case.gates(ANCHOR)):
        raise DoesNotApply("the policy lets such candidates look, at a price")
    looks = case.served.looks or Looks(0, 1)
    arrived = {name: groups for name, groups in case.served.arrived.items() if name != "since-setup"}
    return Harmed(case.beside(looks=replace(looks, adaptive=True), arrived=arrived))


def _fragile(case: Case, times: float, chance: Random) -> Harmed:
    """As good as it was, and worse where texts are changed that mean the same."""
    gates = [gate for gate in case.gates(ROBUST) if margin_of(gate, case) and case.served.altered]
    if not gates:
        raise DoesNotApply("no gate asks about changed texts")
    name = chance.choice(sorted(case.served.altered))
    found, metric = case.served.altered[name], str(getattr(gates[0], "metric", usual_metric(case.scores.task)))
    scores, wanted = found.scores(), times * (margin_of(gates[0], case) or 0.0)
    held = frozenset(scores.columns["record_id"])
    same = [row for row, one in enumerate(case.scores.columns["record_id"]) if one in held]
    before = replace(of_records(case.scores, same), test=scores.test)
    spoil, rows = spoiler(scores, metric, chance), list(range(len(scores.values)))
    chance.shuffle(rows)

    def worse(many: int) -> Scores:
        return spoil(scores, np.array(rows[:many], dtype=np.intp))

    def enough(many: int) -> bool:
        return -gain(worse(many), before, metric) >= wanted

    if not enough(len(rows)):
        raise DoesNotApply(f"all records together do not make {metric} worse by {number(wanted)}")
    altered = dict(case.served.altered) | {name: planted(found, worse(fewest(len(rows), enough)))}
    return Harmed(case.beside(altered=altered), f"{metric} {number(wanted)} worse on {name.partition(':')[0]}")


def _demanding(case: Case, times: float, chance: Random) -> Harmed:
    """Beyond one of the bounds of room, memory and time."""
    needed = case.served.resources
    bounds = [
        (name, float(bound))
        for gate in case.gates(RESOURCES)
        for name in ("size_mib", "peak_memory_mib", "latency_ratio", "tokens_per_second_ratio")
        if (bound := getattr(gate, name, None)) is not None
    ]
    if needed is None or not bounds:
        raise DoesNotApply("no gate asks what it needs")
    name, bound = chance.choice(bounds)
    if name == "size_mib":
        needed = replace(needed, size=int(times * bound * 2**20))
    elif name == "peak_memory_mib":
        needed = replace(needed, memory=times * bound)
    elif needed.paces is not None:
        own, other = needed.paces
        if name == "latency_ratio":
            own = replace(own, latency=tuple(times * bound * one for one in other.latency))
        else:
            own = replace(own, tokens=tuple(bound / times * one for one in other.tokens))
        needed = replace(needed, paces=(own, other))
    return Harmed(case.beside(resources=needed), f"{name}, {number(times)} times the bound")


def _unsure(scores: Scores) -> Scores:
    return without(scores, "answer_nll") if scores.task == "causal-lm" else without(scores, "bin-", "squared_error")


def _probabilities(case: Case, times: float, chance: Random) -> Harmed:
    if case.scores.task == "token-classification":
        raise DoesNotApply("no probability is judged beside an answer")
    return _scores(_unsure)(case, times, chance)


def _other_test(scores: Scores) -> Scores:
    return replace(scores, test=OTHER)


def _without(name: str) -> Plant:
    return _same(lambda case: case.beside(**{name: None}))


FAULTS: tuple[Harm, ...] = (
    Harm("missing-metric", "what its main figure is made of was not measured", ANY, _scores(_unmeasured)),
    Harm("missing-probabilities", "how sure it was, nobody measured", ANY, _probabilities),
    Harm("missing-records", "a tenth of the records was not judged", COMPARING, _some_missing),
    Harm("other-test-records", "judged on another test split", COMPARING, _scores(_other_test)),
    Harm("no-number", "one record got no finite score", ANY, _no_number),
    Harm("other-settings", "judged under other settings than the protocol's", ANY, _stale),
    Harm("validation-for-test", "its figures are of the validation split", ANY, _said(split="validation")),
    Harm("looks-spent", "the test split's budget of looks is spent", (ANCHOR,), _spent),
    Harm("chosen-after-reports", "its settings were changed by who had seen reports", (ANCHOR,), _chosen_after),
    Harm("no-champion-measured", "the champion was not judged beside it", (CHAMPION,), _without("champion")),
    Harm("no-anchor-measured", "the anchor was not judged beside it", (ANCHOR,), _without("anchor")),
    Harm("another-base-measured", "compared with a base that is not its own", (BASE,), _other_subject("base")),
    Harm(
        "another-parent-measured",
        "compared with a form that it was not made from",
        (PARENT, FLIPS),
        _other_subject("parent"),
    ),
    Harm("fragile", "worse where texts are changed that mean the same", (ROBUST,), _fragile, True),
    Harm("demanding", "larger or slower than what is allowed", (RESOURCES,), _demanding, True),
    Harm("nobody-asked", "the served form was never asked", (SERVED,), _without("served")),
)
"""In the order in which they are shown."""

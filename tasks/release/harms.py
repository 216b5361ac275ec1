"""The harms that are planted into scores, each with the gates that are meant for it (`tasks.release.harm`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np

from tasks.evaluation.evidence import Losses
from tasks.evaluation.gate import number
from tasks.evaluation.metric import usual_metric
from tasks.evaluation.slices import LABEL_SLICE, Scores
from tasks.meta.form import Form
from tasks.release.harm import (
    ABOVE,
    ANCHOR,
    BASE,
    BOUNDS,
    CHAMPION,
    FEWEST,
    FLIPS,
    GAP,
    PARENT,
    RIVAL,
    SERVED,
    USUAL,
    Case,
    DoesNotApply,
    Harm,
    Harmed,
    aim,
    lowered,
    margin_of,
    rarest_of,
)
from tasks.release.harmed_evidence import FAULTS
from tasks.release.harmed_scores import (
    LIKELIHOOD,
    exchanged,
    labels_of,
    meant_and_said,
    planted,
    renamed,
    saying,
    silent,
    spoiler,
)

MAJORITY = {"causal-lm": "majority answer", "text-classification": "majority label"}


def _worse(case: Case, times: float, chance: Random) -> Harmed:
    return lowered(case, aim(case, CHAMPION, BOUNDS), times, chance)


def _creep(case: Case, times: float, chance: Random) -> Harmed:
    """The champion before it was as bad: nothing was lost since the last release, and too much since the anchor."""
    found = lowered(case, aim(case, ANCHOR), times, chance)
    return replace(found, case=found.case.beside(champion=found.case.served.candidate))


def _after(form: Form) -> Callable[[Case, float, Random], Harmed]:
    def plant(case: Case, times: float, chance: Random) -> Harmed:
        parent = case.forms[form].parent if form in case.forms else None
        if parent is None:
            raise DoesNotApply(f"training made the {form} form itself" if form in case.forms else f"no {form} form")
        later = [one for one in case.forms if list(case.forms).index(one) >= list(case.forms).index(form)]
        beside = parent.scores()
        first = lowered(case, aim(case, PARENT), times, chance, beside=beside, of=[form])
        if later == [form]:
            return first
        hit = first.case.forms[form].candidate.scores()
        rows = np.flatnonzero((hit.values != case.forms[form].candidate.scores().values).any(axis=1))
        spoil = spoiler(case.forms[form].candidate.scores(), usual_metric(hit.task), chance)
        after = first.case.edited(lambda one: planted(one, spoil(one.scores(), rows)), later[1:])
        return Harmed(after, first.strength)

    return plant


def _language(case: Case, times: float, chance: Random) -> Harmed:
    return _in_slice(case, "language", times, chance)


def _category(case: Case, times: float, chance: Random) -> Harmed:
    return _in_slice(case, "category", times, chance)


def _in_slice(case: Case, key: str, times: float, chance: Random) -> Harmed:
    rarest = rarest_of(case, key)
    return lowered(case, aim(case, CHAMPION, BOUNDS, key=key, slice_=rarest), times, chance)


def _label(case: Case, times: float, chance: Random) -> Harmed:
    """The rarest label, or entity type, is missed."""
    scores, key = case.scores, LABEL_SLICE[case.scores.task]
    if key is None or len(labels_of(scores)) < 2:
        raise DoesNotApply("there are no labels to miss" if key is None else "there is one entity type")
    sizes = {one: scores.support(f"{key}={one}")[0] for one in labels_of(scores)}
    if not (enough := [one for one, records in sizes.items() if records >= FEWEST]):
        raise DoesNotApply(f"no label has {FEWEST} records")
    rarest = min(enough, key=lambda one: (sizes[one], one))
    if scores.task == "text-classification":
        inside = meant_and_said(scores)[0] == labels_of(scores).index(rarest)
        return lowered(case, aim(case, CHAMPION, BOUNDS), times, chance, inside=inside)
    aimed = aim(case, CHAMPION, BOUNDS, key=key, slice_=f"{key}={rarest}")
    place = scores.names.index(f"tp:{rarest}")
    return lowered(case, aimed, times, chance, inside=np.nan_to_num(scores.values[:, place]) > 0)


def _long(case: Case, times: float, chance: Random) -> Harmed:
    """Among the longest quarter of the records, or half of them where a quarter does not lose enough."""
    if len(set(case.lengths)) < 2:
        raise DoesNotApply("all records are of one length")
    error: DoesNotApply | None = None
    for share in (0.75, 0.5):
        inside = np.array(case.lengths) > np.quantile(case.lengths, share)
        try:
            return lowered(case, aim(case, CHAMPION, BOUNDS), times, chance, inside=inside)
        except DoesNotApply as found:
            error = found
    assert error is not None
    raise error


def _miscalibrated(case: Case, times: float, chance: Random) -> Harmed:
    if case.scores.task != "text-classification":
        raise DoesNotApply("no probability is judged beside an answer")
    return lowered(case, aim(case, CHAMPION, BOUNDS, metrics=("calibration_error", "brier")), times, chance)


def _unlikely(case: Case, times: float, chance: Random) -> Harmed:
    _questions_only(case)
    metrics = sorted(LIKELIHOOD)
    return lowered(case, aim(case, CHAMPION, BOUNDS, metrics=metrics), times, chance)


def _unlikely_after(case: Case, times: float, chance: Random) -> Harmed:
    _questions_only(case)
    served, parent = list(case.forms)[-1], case.served.parent
    if parent is None:
        raise DoesNotApply("training made the served form itself")
    aimed = aim(case, PARENT, metrics=sorted(LIKELIHOOD))
    return lowered(case, aimed, times, chance, beside=parent.scores(), of=[served])


def _choices(case: Case, times: float, chance: Random) -> Harmed:
    _questions_only(case)
    if not case.scores.statistic("closed").any():
        raise DoesNotApply("no question is closed")
    return lowered(case, aim(case, CHAMPION, BOUNDS, metrics=("choice_accuracy",)), times, chance)


def _questions_only(case: Case) -> None:
    if case.scores.task != "causal-lm":
        raise DoesNotApply("no answers are written")


def _swap(case: Case, times: float, chance: Random) -> Harmed:
    names = labels_of(case.scores)
    there = [one for one in names if case.scores.statistic(f"tp:{one}").any()]
    if len(there) < 2:
        raise DoesNotApply("there are not two labels to swap")
    one, other = chance.sample(there, 2)
    return Harmed(case.edited(lambda held: planted(held, renamed(held.scores(), one, other))), "two labels")


def _flips(case: Case, times: float, chance: Random) -> Harmed:
    """As many records become right as become wrong, in the served form."""
    if case.served.parent is None:
        raise DoesNotApply("training made the served form itself")
    margins = [margin for gate in case.gates(FLIPS) if (margin := margin_of(gate, case))]
    wanted = math.ceil(times * (margins[0] if margins else 0.05) * len(case.scores.values))
    harmed, done = exchanged(case.scores, wanted, chance)
    if done < wanted:
        raise DoesNotApply(f"only {done} of {wanted} records can be exchanged without changing any mean")
    served = list(case.forms)[-1]
    share = number(done / len(case.scores.values))
    return Harmed(case.edited(lambda one: planted(one, harmed), [served]), f"a share of {share} exchanged")


def _by_heart(case: Case, times: float, chance: Random) -> Harmed:
    margins = [margin for gate in case.gates(GAP) if (margin := margin_of(gate, case))]
    gap = times * (margins[0] if margins else 1.0)
    held = case.served.losses.validation_loss
    validation = held if held is not None and math.isfinite(held) else 1.0
    return Harmed(case.beside(losses=Losses(validation - gap, validation)), f"{number(gap)} nats")


def _served_otherwise(case: Case, times: float, chance: Random) -> Harmed:
    served = case.served.served
    if served is None or not served.ways:
        raise DoesNotApply("nobody asked the served form")
    margins = [margin for gate in case.gates(SERVED) if (margin := margin_of(gate, case))]
    many = min(math.floor(times * (margins[0] if margins else 0.05) * served.records) + 1, served.records)
    place = chance.randrange(len(served.ways))
    ways = list(served.ways)
    ways[place] = replace(ways[place], differing=tuple(sorted(chance.sample(range(served.records), many))))
    return Harmed(case.beside(served=replace(served, ways=tuple(ways))), f"{many} of {served.records} answers")


def _no_better_than_base(case: Case, times: float, chance: Random) -> Harmed:
    base = case.served.base
    if base is None:
        raise DoesNotApply("there is no base")
    return Harmed(case.beside(base=planted(base, case.scores)))


def _no_better_than_rule(case: Case, times: float, chance: Random) -> Harmed:
    """One of the rules that the policy asks about does as well; where it asks about none, any."""
    named = sorted({name for gate in case.gates(RIVAL) for name in gate.rivals}) or sorted(case.served.others)
    if not named:
        raise DoesNotApply("no rule was measured")
    name = chance.choice(named)
    others = dict(case.served.others)
    others[name] = planted(others[name], case.scores)
    return Harmed(case.beside(others=others), name)


def _below_majority(case: Case, times: float, chance: Random) -> Harmed:
    majority = case.served.others.get(MAJORITY.get(case.scores.task, ""))
    if case.scores.task != "text-classification" or majority is None:
        raise DoesNotApply("no label is the most frequent one")
    gate = next((one for one in case.gates(ABOVE) if getattr(one, "metric", None) == "accuracy"), None)
    margin = (margin_of(gate, case) if gate else None) or USUAL["share"]
    aimed = replace(aim(case, ABOVE, metrics=("accuracy",)), margin=margin)
    return lowered(case, aimed, times, chance, beside=majority.scores())


def _one_answer(case: Case, times: float, chance: Random) -> Harmed:
    """As the most frequent label or answer of training would be; a tagger finds nothing."""
    majority = case.served.others.get(MAJORITY.get(case.scores.task, ""))

    def always(scores: Scores) -> Scores:
        if scores.task == "token-classification":
            return silent(scores)
        rows = np.arange(len(scores.values))
        if majority is None:
            return spoiler(scores, usual_metric(scores.task), chance)(scores, rows)
        if scores.task == "text-classification":
            said = labels_of(majority.scores())[int(np.bincount(meant_and_said(majority.scores())[1]).argmax())]
            return saying(scores, np.full(len(rows), labels_of(scores).index(said)))
        values = scores.values.copy()
        for name in ("token_f1", "rouge_l", "closed_correct"):
            if name in scores.names:
                values[:, scores.names.index(name)] = majority.scores().statistic(name)
        return replace(scores, values=values)

    return Harmed(case.edited(lambda one: planted(one, always(one.scores()))))


HARMS: tuple[Harm, ...] = (
    Harm("worse-overall", "loses to the champion, wherever it happens", (CHAMPION, BOUNDS), _worse, True),
    Harm("creep", "as good as a champion that has already lost to the anchor", (ANCHOR,), _creep, True),
    Harm("worse-after-quantization", "only the form in 4 bits is worse", (PARENT,), _after(Form.QUANTIZED), True),
    Harm("worse-after-merge", "only merging makes it worse", (PARENT,), _after(Form.MERGED), True),
    Harm("worse-in-one-language", "worse in the rarest language alone", (CHAMPION, BOUNDS), _language, True),
    Harm("worse-in-a-rare-category", "worse in the rarest category alone", (CHAMPION, BOUNDS), _category, True),
    Harm("worse-in-a-rare-label", "misses the rarest label or entity type", (CHAMPION, BOUNDS), _label, True),
    Harm("worse-on-long-inputs", "all that is lost, is lost on long inputs", (CHAMPION, BOUNDS), _long, True),
    Harm("miscalibrated", "right as often, and unsure of it", (CHAMPION, BOUNDS), _miscalibrated, True),
    Harm("right-answers-unlikely", "right answers became less likely", (CHAMPION, BOUNDS), _unlikely, True),
    Harm("unlikely-after-quantization", "so they did in 4 bits alone", (PARENT,), _unlikely_after, True),
    Harm("wrong-choices", "chooses wrongly in closed questions", (CHAMPION, BOUNDS), _choices, True),
    Harm("labels-swapped", "says one label for another, and the other way round", (CHAMPION, ANCHOR, BOUNDS), _swap),
    Harm("equal-but-flipped", "in 4 bits other records are right, no fewer", (FLIPS,), _flips, True),
    Harm("learned-by-heart", "knows its training records far better than others", (GAP,), _by_heart, True),
    Harm("all-one-answer", "says the same whatever is asked", (BASE, RIVAL, CHAMPION, BOUNDS), _one_answer),
    Harm("no-better-than-base", "training did not help", (BASE,), _no_better_than_base),
    Harm("no-better-than-a-rule", "a rule without a model does as well", (RIVAL,), _no_better_than_rule),
    Harm("below-the-majority", "right less often than the most frequent label", (ABOVE,), _below_majority, True),
    Harm("served-otherwise", "raw texts get other answers as it is served", (SERVED,), _served_otherwise, True),
    *FAULTS,
)
"""In the order in which they are shown. Those of changed bytes are in `tasks.release.harmed_bytes`."""
